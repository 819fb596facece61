"""Reading between the lines of what comes back: which of our mails a subject answers, and who asks to be left alone."""

import re
from collections.abc import Iterable
from uuid import UUID

# One "Re:", "AW:", "Fwd[2]:", "Automatic reply:" of whatever language: letters and a colon.
_PREFIX = re.compile(r"\s*[^\W\d_][^:\d]{0,30}(?:\[\d+\]|\(\d+\))?\s*[:\uff1a]\s*")
MOST_PREFIXES = 8
_KEY = re.compile(r"<([0-9a-f]{32})@")
# Whole answers that mean "leave me alone", in lower case and without punctuation. An answer that says more than this is
# for a person to read.
_NO = """
unsubscribe; please unsubscribe; unsubscribe me; please unsubscribe me; stop; please stop; remove; remove me; please
remove me; opt out; opt-out; take me off your list; remove me from your list; please remove me from your list;
abmelden; bitte abmelden; abbestellen; austragen; bitte austragen; keine mails mehr; stopp; désabonner;
désinscription; me désinscrire; se désinscrire; stop svp; cancelar suscripción; darme de baja; baja; eliminar;
cancellami; disiscrivimi; cancellazione; uitschrijven; afmelden; descadastrar; remover; avregistrera; avmeld;
wypisz; odhlásit
"""
_NO_PHRASES = frozenset(" ".join(phrase.split()) for phrase in _NO.split(";"))
_ID = re.compile(r"<[!-;=?-~]+>")
# What stands for a Message-ID that a mail did not have, and means nothing to anybody else.
NO_ID = "@no-id>"
# Ids that an answer refers to: the beginning of a long thread, and its end.
MOST_REFERENCES = 30
_PUNCTUATION = re.compile(r"[.!?,;\"'*_\u2026]+")


def our_keys(message_ids: tuple[str, ...]) -> list[UUID]:
    """The ids of our messages among Message-IDs (rules.outgoing.message_id), in their order."""
    return [UUID(found[1]) for one in message_ids if (found := _KEY.match(one))]


def answers_subject(subject: str, ours: str) -> bool:
    """Whether a mail with `subject` may answer one of ours: the same words after any number of "Re:"."""
    wanted = _words(_without_prefixes(ours)[-1])
    return bool(wanted) and any(_words(rest) == wanted for rest in _without_prefixes(subject))


def _without_prefixes(subject: str) -> list[str]:
    """The subject with none, one, two... of its prefixes taken off."""
    found = [subject]
    while len(found) <= MOST_PREFIXES and (prefix := _PREFIX.match(found[-1])):
        found.append(found[-1][prefix.end() :])
    return found


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def asks_to_stop(text: str) -> bool:
    """Whether an answer is nothing but the wish to get no more mail."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return _words(_PUNCTUATION.sub(" ", first)) in _NO_PHRASES


def one_line(text: str) -> str:
    """A text of a mail as a header may hold it: whoever wrote it may have put anything there."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def references(ids: Iterable[str | None]) -> tuple[str, ...]:
    """The Message-IDs of a thread, the oldest first, that an answer to the last one refers to (RFC 5322 section
    3.6.4)."""
    real = [one for one in ids if one and _ID.fullmatch(one) and not one.endswith(NO_ID)]
    # Each once, where it stands last: that is what is answered.
    known = list(dict.fromkeys(reversed(real)))[::-1]
    return tuple(known if len(known) <= MOST_REFERENCES else [known[0], *known[1 - MOST_REFERENCES :]])
