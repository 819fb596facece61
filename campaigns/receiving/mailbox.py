"""Reading one account's mailbox: what is new, each mail once, from exactly where the last reader stopped."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapMailbox, Unread
from campaigns.channels.reading import OTHER, OWN, Letter, read
from campaigns.models.base import new_id
from campaigns.models.mailbox import INBOX, Mailbox
from campaigns.models.mailbox import Letter as KeptLetter
from campaigns.models.sender import Sender
from campaigns.models.sessions import ring
from campaigns.receiving.acting import act, lock
from campaigns.receiving.matching import find
from campaigns.rules.tracing import about

log = logging.getLogger(__name__)

# A reader that gave no sign of life for this long is dead.
LEASE = timedelta(seconds=90)
# Pauses after failures in a row; the last one repeats.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 300, 900))
# Most characters of a text that are kept.
MOST_TEXT = 200_000
MOST_ID = 998
# When the numbers of a folder mean nothing any more, it is looked through from this long before it was last read.
OVERLAP = timedelta(days=2)


class _Lost(Exception):
    """Somebody else reads this mailbox now, or the account is gone."""


@dataclass
class Reader:
    """One reading of one account's mailbox. `clock` tells the time, `stop` that the process is asked to end."""

    sessions: sessionmaker[Session]
    sender_id: UUID
    open_mailbox: Callable[[Sender], ImapMailbox]
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False
    token: str = field(default_factory=lambda: str(uuid4()))

    def run(self) -> int:
        """Read what is new; how many mails. 0 at once if somebody else reads already."""
        taken = self._take_lease()
        if taken is None:
            return 0
        try:
            with about(sender_id=self.sender_id):
                return self._read(*taken)
        except _Lost:
            return 0
        except Unread as failed:
            self._failed(failed)
            return 0
        finally:
            self._give_lease_back()

    def _take_lease(self) -> tuple[Sender, Mailbox] | None:
        now = self.clock()
        with self.sessions.begin() as session:
            sender = session.scalar(select(Sender).where(Sender.id == self.sender_id).with_for_update(key_share=True))
            if sender is None or sender.imap is None:
                return None
            mailbox = session.get(Mailbox, self.sender_id, with_for_update=True)
            if mailbox is None:
                mailbox = Mailbox(sender_account_id=self.sender_id, folder=INBOX)
                session.add(mailbox)
            if mailbox.lease_until is not None and mailbox.lease_until > now:
                return None
            mailbox.lease_token, mailbox.lease_until = self.token, now + LEASE
            return sender, mailbox

    def _give_lease_back(self) -> None:
        give = update(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        with self.sessions.begin() as session:
            session.execute(give.values(lease_token=None, lease_until=None))

    def _mine(self, session: Session) -> Mailbox:
        """The mailbox's row, locked, as long as this is the reader of it."""
        own = select(Mailbox).where(Mailbox.sender_account_id == self.sender_id, Mailbox.lease_token == self.token)
        mailbox = session.scalar(own.with_for_update())
        if mailbox is None:
            raise _Lost
        mailbox.lease_until = self.clock() + LEASE
        return mailbox

    def _read(self, sender: Sender, mailbox: Mailbox) -> int:
        began, number = self.clock(), 0
        with self.open_mailbox(sender) as box:
            for uid in self._new(box, mailbox):
                if self.stop():
                    return number
                self._take(sender, uid, box.fetch(uid))
                number += 1
        with self.sessions.begin() as session:
            mine = self._mine(session)
            mine.read_at, mine.failures, mine.error, mine.try_at = began, 0, None, None
            ring(session, "lane", self.sender_id)  # follow-ups may have waited for this
        return number

    def _new(self, box: ImapMailbox, mailbox: Mailbox) -> list[int]:
        """The numbers of what was not read yet. A mailbox seen for the first time starts with what is to come."""
        standing = box.select(mailbox.folder)
        if mailbox.uid_validity == standing.uid_validity:
            return box.uids(mailbox.uid_next or 1)
        if mailbox.uid_validity is None:
            fresh = box.uids(standing.uid_next)
        else:
            log.warning("The mail server numbers its mails anew: what came lately is looked through once more.")
            fresh = box.since(((mailbox.read_at or self.clock()) - OVERLAP).date())
        with self.sessions.begin() as session:
            mine = self._mine(session)
            mine.uid_validity, mine.uid_next = standing.uid_validity, min([*fresh, standing.uid_next])
        return fresh

    def _take(self, sender: Sender, uid: int, raw: bytes | None) -> None:
        """One mail and the mark behind it, in one transaction."""
        now = self.clock()
        letter = read(raw, own_addresses=_addresses(sender), now=now) if raw is not None else None
        with self.sessions.begin() as session:
            mailbox = self._mine(session)
            if letter is not None and letter.kind not in (OWN, OTHER):
                receive(session, sender, letter, _identity(letter, raw or b""), now)
            mailbox.uid_next = uid + 1

    def _failed(self, failed: Unread) -> None:
        now = self.clock()
        with self.sessions.begin() as session:
            # The account before its mailbox, in the order of whoever changes it.
            query = select(Sender).where(Sender.id == self.sender_id).with_for_update(key_share=True)
            sender, mailbox = session.scalar(query), session.get(Mailbox, self.sender_id, with_for_update=True)
            if sender is None or mailbox is None:
                return
            mailbox.failures += 1
            mailbox.error = failed.reason
            mailbox.try_at = now + PAUSES[min(mailbox.failures, len(PAUSES)) - 1]
            if failed.lasting and sender.status == "active":
                # Whoever cannot see the answers must not go on writing.
                sender.status, sender.status_reason, sender.updated_at = "needs_attention", failed.reason, now
        log.warning("The mailbox could not be read: %s", failed.reason, extra={"sender_id": self.sender_id})


def _addresses(sender: Sender) -> frozenset[str]:
    return frozenset(address.lower() for address in (sender.email_address, sender.reply_to) if address)


def _identity(letter: Letter, raw: bytes) -> str:
    """What tells this mail from all others of the account: its Message-ID, or one made of all of it."""
    identity = letter.message_id
    return identity if identity and len(identity) <= MOST_ID else f"<{hashlib.sha256(raw).hexdigest()}@no-id>"


def receive(session: Session, sender: Sender, letter: Letter, identity: str, now: datetime) -> bool:
    """Keep a mail that concerns somebody we wrote to, and do what follows; whether it was new and concerned anybody."""
    known = select(KeptLetter.id).where(
        KeptLetter.sender_account_id == sender.id, KeptLetter.rfc_message_id == identity
    )
    if session.scalar(known) is not None:
        return False
    found = find(session, sender, letter)
    campaign = lock(session, found.prospect, found.message) if found else None
    if found is None or campaign is None:
        return False
    prospect = found.prospect
    session.add(
        KeptLetter(
            id=new_id(),
            workspace_id=sender.workspace_id,
            sender_account_id=sender.id,
            prospect_id=prospect.id,
            message_id=found.message.id if found.message else None,
            kind=letter.kind,
            rfc_message_id=identity,
            from_name=letter.from_name or None,
            from_address=letter.from_address or None,
            subject=letter.subject[:MOST_TEXT],
            fresh=letter.fresh[:MOST_TEXT],
            quoted=letter.quoted[:MOST_TEXT],
            status_code=letter.status,
            diagnostic=letter.diagnostic,
            sent_at=letter.sent_at,
            received_at=now,
        )
    )
    act(session, campaign, prospect, found.message, letter, now)
    return True
