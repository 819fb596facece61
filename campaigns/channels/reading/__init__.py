"""Reading the mail that comes back: what it is, what it is about, and what its writer says.

Everything is judged from the bytes alone, which anybody may have made: that a mail claims to answer one of ours is for
the caller to check. Nothing raises, and time is bounded, whatever the bytes are.
"""

from collections.abc import Container
from dataclasses import replace
from datetime import datetime
from email.message import Message

from campaigns.channels.reading.absences import is_absence, is_automatic, is_circular
from campaigns.channels.reading.bouncing import find_bounce, is_receipt
from campaigns.channels.reading.complaining import find_feedback
from campaigns.channels.reading.dates import until
from campaigns.channels.reading.letter import (
    AUTO_REPLY,
    COMPLAINT,
    HARD_BOUNCE,
    KINDS,
    OTHER,
    OUT_OF_OFFICE,
    OWN,
    REPLY,
    SOFT_BOUNCE,
    Letter,
)
from campaigns.channels.reading.parts import MOST_BYTES, header, header_ids, instant, mailboxes, parse
from campaigns.channels.reading.quoting import split_quoted
from campaigns.channels.reading.returned import returned_ids
from campaigns.channels.reading.texts import text_of

__all__ = [
    "AUTO_REPLY",
    "COMPLAINT",
    "HARD_BOUNCE",
    "KINDS",
    "MOST_BYTES",
    "OTHER",
    "OUT_OF_OFFICE",
    "OWN",
    "REPLY",
    "SOFT_BOUNCE",
    "Letter",
    "read",
]


def read(raw: bytes, *, own_addresses: Container[str], now: datetime) -> Letter:
    """What a mail is. Its first MOST_BYTES are read; it is enough to fetch as many.

    `own_addresses`: the lower-cased addresses that we send from. `now` (aware) tells the year of a date without one.
    """
    message = parse(raw)
    letter = _letter(message)
    if letter.from_address and letter.from_address in own_addresses:
        return replace(letter, kind=OWN)
    return _report(message, letter, own_addresses) or _written(message, letter, now)


def _letter(message: Message) -> Letter:
    name, address = next(iter(mailboxes(message, "From")), ("", ""))
    text = text_of(message)
    fresh, quoted = split_quoted(text)
    return Letter(
        kind=REPLY,
        from_name=name,
        from_address=address,
        to=tuple(dict.fromkeys(to for _, to in mailboxes(message, "To", "Cc"))),
        subject=header(message, "Subject"),
        sent_at=instant(header(message, "Date")),
        message_id=next(iter(header_ids(message, "Message-ID")), None),
        answers=tuple(header_ids(message, "In-Reply-To", "References")),
        text=text,
        fresh=fresh,
        quoted=quoted,
    )


def _report(message: Message, letter: Letter, own_addresses: Container[str]) -> Letter | None:
    """The letter as a machine's report on a message of ours; None if it is none."""
    feedback = find_feedback(message)
    if feedback:
        kind = COMPLAINT if feedback.complaint else OTHER
        return replace(letter, kind=kind, recipient=feedback.recipient, answers=_answers(message, letter))
    bounce = find_bounce(message, letter.text, own_addresses)
    if bounce is None:
        return replace(letter, kind=OTHER, answers=_answers(message, letter)) if is_receipt(message) else None
    return replace(
        letter,
        kind=bounce.kind,
        answers=_answers(message, letter),
        recipient=bounce.recipient,
        status=bounce.status,
        diagnostic=bounce.diagnostic,
        delayed=bounce.delayed,
    )


def _answers(message: Message, letter: Letter) -> tuple[str, ...]:
    """The ids that a report is about: first of what came back."""
    return tuple(dict.fromkeys([*returned_ids(message, letter.text), *letter.answers]))


def _written(message: Message, letter: Letter, now: datetime) -> Letter:
    """The letter as written by a person, or by a machine for one."""
    if is_circular(message) and not letter.answers:
        return replace(letter, kind=OTHER)
    if not is_automatic(message, letter.fresh):
        return letter
    if not is_absence(message, letter.fresh):
        return replace(letter, kind=AUTO_REPLY)
    return replace(letter, kind=OUT_OF_OFFICE, until=until(f"{letter.subject}\n{letter.fresh}", now.date()))
