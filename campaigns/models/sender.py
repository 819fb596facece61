"""Sender accounts: where messages leave from, each a serial lane."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, new_id
from campaigns.rules.ramp import Ramp, limit_on

# LinkedIn's rolling 7 days (CONTRACT section 4): kind of step -> (usual, premium).
WEEKLY_LIMITS = {"connection_request": (80, 100), "message": (100, 150)}
# A lane that gave no sign of life for this long is dead; work goes on within 30 s of a crash (CONTRACT section 4).
LEASE = timedelta(seconds=20)
# What may become of a message that is handed over, counted for each account since it was added. `refused`: the account
# could not be used, which no message is to blame for. `deferred`: tried again later.
OUTCOMES = ("sent", "deferred", "refused", "bounced", "failed", "unknown")
# Pauses after failures in a row of a whole account; the last one repeats.
ACCOUNT_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 300, 900))


class Sender(Base):
    """A mailbox or a LinkedIn seat.

    `smtp` and `imap` hold host, port, security and username; the passwords are sealed beside them. With
    `uses_trap` the local mail trap stands in for `smtp`. `auth` says how the account signs in: with these passwords, or
    with tokens of `google` or `microsoft`, of which `oauth` holds what is no secret. `signature` is for campaigns that
    have none. `ramp_start`, `ramp_step` and `ramp_ceiling` are messages a day, counted from `ramp_from`.
    `lease_token` and `lease_until` are the lane's lease. `failures` counts the times in a row that the account could
    not be used, `ever_…` each of OUTCOMES: whoever sends holds this row anyway. Gaps are seconds.
    """

    __tablename__ = "sender_account"
    __table_args__ = (Index("ix_sender_account_workspace_id", "workspace_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(String(16))
    display_name: Mapped[str] = mapped_column(String(200))
    first_name: Mapped[str | None] = mapped_column(String(200))
    last_name: Mapped[str | None] = mapped_column(String(200))
    email_address: Mapped[str | None] = mapped_column(String(320))
    profile_url: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(32), default="active")
    status_reason: Mapped[str | None] = mapped_column(Text)
    is_premium: Mapped[bool] = mapped_column(default=False)
    daily_limit: Mapped[int] = mapped_column(default=30)
    weekly_connection_limit: Mapped[int | None]
    weekly_message_limit: Mapped[int | None]
    min_gap: Mapped[int] = mapped_column(default=60)
    max_gap: Mapped[int] = mapped_column(default=180)
    uses_trap: Mapped[bool] = mapped_column(default=False)
    smtp: Mapped[dict[str, Any] | None]
    smtp_sealed: Mapped[str | None] = mapped_column(Text)
    imap: Mapped[dict[str, Any] | None]
    imap_sealed: Mapped[str | None] = mapped_column(Text)
    auth: Mapped[str] = mapped_column(String(16), default="password", server_default="password")
    oauth: Mapped[dict[str, Any] | None]
    oauth_sealed: Mapped[str | None] = mapped_column(Text)
    reply_to: Mapped[str | None] = mapped_column(String(320))
    signature: Mapped[str | None] = mapped_column(Text)
    dkim: Mapped[dict[str, Any] | None]
    dkim_sealed: Mapped[str | None] = mapped_column(Text)
    ramp_start: Mapped[int | None]
    ramp_step: Mapped[int | None]
    ramp_ceiling: Mapped[int | None]
    ramp_from: Mapped[date | None]
    next_send_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None]
    ever_sent: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ever_deferred: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ever_refused: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ever_bounced: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ever_failed: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    ever_unknown: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def label(self) -> str:
        """What people call this account."""
        address = self.email_address or self.profile_url
        return f"{self.display_name} <{address}>" if address else self.display_name

    @property
    def ramp(self) -> Ramp | None:
        """How the account ramps up, if it does."""
        if self.ramp_start is None or self.ramp_step is None or self.ramp_from is None:
            return None
        return Ramp(self.ramp_start, self.ramp_step, self.ramp_ceiling, self.ramp_from)

    def limit_on(self, day: date, own: int | None = None) -> int:
        """Most messages on a day of the workspace; `own` is what a campaign sets in place of `daily_limit`."""
        return limit_on(day, self.daily_limit if own is None else own, self.ramp)

    def signs_for(self, domain: str) -> bool:
        """Whether the account has a key of this domain, with which mail is signed once `dkim["on"]`."""
        return self.dkim is not None and self.dkim["domain"] == domain

    def count(self, outcome: str) -> None:
        """One more of OUTCOMES. The row is locked by the caller."""
        setattr(self, f"ever_{outcome}", getattr(self, f"ever_{outcome}") + 1)

    @property
    def failure_pause(self) -> timedelta:
        """For how long an account is left alone that could not be used `failures` times in a row, at least once."""
        return ACCOUNT_PAUSES[min(self.failures, len(ACCOUNT_PAUSES)) - 1]

    @property
    def longest_pause(self) -> timedelta:
        """No more than this can lie between now and `next_send_at`."""
        gap = timedelta(seconds=self.max_gap)
        return max(gap, self.failure_pause) if self.failures else gap

    def weekly_limit(self, step: str) -> int | None:
        """Most sends of a LinkedIn step in rolling 7 days; None where there is no such limit."""
        if step not in WEEKLY_LIMITS:
            return None
        own = self.weekly_connection_limit if step == "connection_request" else self.weekly_message_limit
        return own if own is not None else WEEKLY_LIMITS[step][self.is_premium]


class SenderDay(Base):
    """How much an account sent on a calendar day of the workspace, over all campaigns.

    Kept apart from messages, so that deleting a campaign gives nobody a second allowance.
    """

    __tablename__ = "sender_day"

    sender_id: Mapped[UUID] = mapped_column(ForeignKey("sender_account.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class SenderUse(Base):
    """One LinkedIn send, for the rolling 7 days; outlives the campaign as SenderDay does."""

    __tablename__ = "sender_use"
    __table_args__ = (Index("ix_sender_use_sender_id_step_at", "sender_id", "step", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("sender_account.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
