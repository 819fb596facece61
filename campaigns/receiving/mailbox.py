"""Reading one account's mailbox: what is new, each mail once, from exactly where the last reader stopped."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.imap import ImapMailbox, Unread
from campaigns.channels.reading import OTHER, OUT_OF_OFFICE, OWN, Letter, read
from campaigns.models.base import new_id
from campaigns.models.lease import PAUSES, Lease
from campaigns.models.mailbox import Letter as KeptLetter
from campaigns.models.mailbox import Mailbox
from campaigns.models.sender import Sender
from campaigns.receiving.acting import act, back_at, lock
from campaigns.receiving.matching import find
from campaigns.rules.correspondence import NO_ID

log = logging.getLogger(__name__)

# A reader gives its worker back after this long; the timetable calls it back.
SLICE = timedelta(seconds=60)
# After signing in was refused, unless somebody changes the account before: providers lock whoever tries often.
REFUSED_PAUSES = (timedelta(days=1),)
# Most characters of an address and of an id that are kept.
MOST_ADDRESS, MOST_ID = 320, 998
# A folder whose numbers tell nothing is looked through from this long before it was last read, or, if it never was, the
# account's first message left: servers and we need not agree on the day.
OVERLAP = timedelta(days=2)
# What a mail may do to us at worst, in spite of all care.
ODDITIES = (ArithmeticError, AttributeError, DataError, LookupError, RecursionError, TypeError, ValueError)


@dataclass
class Reader:
    """One reading of one account's mailbox. `clock` tells the time, `stop` that the process is asked to end."""

    sessions: sessionmaker[Session]
    sender_id: UUID
    open_mailbox: Callable[[Sender], ImapMailbox]
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.lease = Lease(self.sessions, self.sender_id, self.clock)

    def run(self) -> int:
        """Read what is new; how many mails. 0 at once if somebody else reads already."""
        return self.lease.hold(self._attempt)

    def _attempt(self, sender: Sender, mailbox: Mailbox) -> int:
        try:
            return self._read(sender, mailbox)
        except Unread as failed:
            pauses = REFUSED_PAUSES if failed.lasting else PAUSES
            self.lease.failed(failed.reason, lasting=failed.lasting, pauses=pauses)
            return 0

    def _read(self, sender: Sender, mailbox: Mailbox) -> int:
        began, number = self.clock(), 0
        with self.open_mailbox(sender) as box:
            fresh = self._new(box, mailbox)
            while fresh:
                for uid in fresh:
                    if self.stop() or self.clock() >= began + SLICE:
                        return number
                    self._take(sender, uid, box.fetch(uid))
                    number += 1
                # Whoever was called for what has come meanwhile found the mailbox in our hands.
                fresh = box.uids(fresh[-1] + 1)
        self.lease.done(began)
        return number

    def _new(self, box: ImapMailbox, mailbox: Mailbox) -> list[int]:
        """The numbers of what was not read yet. A mailbox seen for the first time starts with what is to come, unless
        the account has written to people before."""
        standing = box.select(mailbox.folder)
        if mailbox.uid_validity == standing.uid_validity:
            return box.uids(mailbox.uid_next or 1)
        if mailbox.uid_validity is not None:
            log.warning("The mail server numbers its mails anew: what came lately is looked through once more.")
        since = self.lease.since(mailbox)
        fresh = box.since((since - OVERLAP).date()) if since else box.uids(standing.uid_next)
        with self.sessions.begin() as session:
            mine = self.lease.prolong(session)
            mine.uid_validity, mine.uid_next = standing.uid_validity, min([*fresh, standing.uid_next])
        return fresh

    def _take(self, sender: Sender, uid: int, raw: bytes | None) -> None:
        """One mail, read and marked as read. One that we stumble over is passed over: the others are to be read."""
        try:
            self._keep(sender, uid, raw)
        except ODDITIES as odd:
            log.error("A mail was passed over. This is a bug in Cadenza.", exc_info=odd, extra={"uid": uid})
            self._keep(sender, uid, None)

    def _keep(self, sender: Sender, uid: int, raw: bytes | None) -> None:
        """What a mail tells and the mark behind it, in one transaction."""
        now = self.clock()
        letter = read(raw, own_addresses=_addresses(sender), now=now) if raw is not None else None
        with self.sessions.begin() as session:
            mailbox = self.lease.prolong(session)
            if letter is not None and letter.kind not in (OWN, OTHER):
                receive(session, sender, letter, _identity(letter, raw or b""), now)
            mailbox.uid_next = uid + 1


def _addresses(sender: Sender) -> frozenset[str]:
    return frozenset(address.lower() for address in (sender.email_address, sender.reply_to) if address)


def _identity(letter: Letter, raw: bytes) -> str:
    """What tells this mail from all others of the account: its Message-ID, or one made of all of it."""
    identity = letter.message_id
    return identity if identity and len(identity) <= MOST_ID else f"<{hashlib.sha256(raw).hexdigest()}{NO_ID}"


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
            from_address=letter.from_address[:MOST_ADDRESS] or None,
            subject=letter.subject,
            fresh=letter.fresh,
            quoted=letter.quoted,
            status_code=letter.status,
            diagnostic=letter.diagnostic,
            until=back_at(letter, campaign, now) if letter.kind == OUT_OF_OFFICE else None,
            sent_at=letter.sent_at,
            received_at=now,
        )
    )
    act(session, campaign, prospect, found.message, letter, now)
    return True
