"""Sender accounts: where messages leave from, each a serial lane."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, String, Text, or_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.models.base import Base, new_id
from campaigns.rules.people import profile_of
from campaigns.rules.ramp import Ramp, limit_on
from campaigns.rules.seats import ASSISTED, DEFAULT_INVITATION_DAYS, NOTE_LIMITS

# LinkedIn's rolling 7 days (CONTRACT section 4): kind of step -> (usual, premium).
WEEKLY_LIMITS = {"connection_request": (80, 100), "message": (100, 150)}
# Kind of step -> the column that says until when a lane need not look for one.
HINTS = {"connection_request": "invitations_after", "message": "messages_after"}
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
    Of a seat, `provider` is one of rules.seats.PROVIDERS, and `seat` its account there, without secrets; `limited` says
    of a kind of step until when the provider takes no more, and why. `invitations_after` and `messages_after` are
    hints: the judge would say no before. `invitation_days` is when invitations time out.
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
    provider: Mapped[str | None] = mapped_column(String(16))
    seat: Mapped[dict[str, Any] | None]
    seat_sealed: Mapped[str | None] = mapped_column(Text)
    invitation_days: Mapped[int] = mapped_column(
        default=DEFAULT_INVITATION_DAYS, server_default=str(DEFAULT_INVITATION_DAYS)
    )
    limited: Mapped[dict[str, Any] | None]
    invitations_after: Mapped[datetime | None]
    messages_after: Mapped[datetime | None]
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
        address = self.email_address or (self.profile_url and (profile_of(self.profile_url) or self.profile_url))
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

    @property
    def assisted(self) -> bool:
        """Whether its steps are tasks for a person."""
        return self.provider == ASSISTED

    @hybrid_property
    def hears(self) -> bool:
        """Whether what people answer is read: in its mailbox, or at its provider."""
        return self.imap is not None or bool(self.seat and self.seat["account_id"])

    @hears.inplace.expression
    @classmethod
    def _hears(cls) -> ColumnElement[bool]:
        return or_(cls.imap.is_not(None), cls.seat["account_id"].as_string().is_not(None))

    @property
    def note_limit(self) -> int:
        """Most characters of an invitation's note."""
        return NOTE_LIMITS[self.is_premium]

    def limited_until(self, step: str) -> tuple[datetime, str] | None:
        """Until when the provider takes no step of this kind, and why."""
        limit = (self.limited or {}).get(step)
        return (datetime.fromisoformat(limit["until"]), limit["reason"]) if limit else None

    def limited_steps(self, now: datetime) -> list[dict[str, Any]]:
        """What the provider takes no more of at `now`: `step`, `until` and `reason` of each."""
        told = ((step, self.limited_until(step)) for step in self.limited or {})
        return [{"step": step, "until": one[0], "reason": one[1]} for step, one in told if one and one[0] > now]

    def limit_step(self, step: str, until: datetime, reason: str) -> None:
        """The provider takes no step of this kind, or no withdrawal, before `until`."""
        self.limited = {**(self.limited or {}), step: {"until": until.isoformat(), "reason": reason}}
        self.look_after(step, until)

    def unlimit_step(self, step: str) -> None:
        """The provider is tried again at once."""
        self.limited = {name: limit for name, limit in (self.limited or {}).items() if name != step}
        self.look_after(step, None)

    def look_after(self, step: str, instant: datetime | None) -> None:
        """No lane need look for a step of this kind before `instant`."""
        if step in HINTS:
            setattr(self, HINTS[step], instant)

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
    """One LinkedIn send, for the rolling 7 days; outlives the campaign as SenderDay does. Its id is the message's."""

    __tablename__ = "sender_use"
    __table_args__ = (Index("ix_sender_use_sender_id_step_at", "sender_id", "step", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("sender_account.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
