"""Hard or soft: what a mail server's refusal means for the next message to the same address.

Hard is only what says that the address or its domain does not exist or is closed for good. A refusal for the sake of
what was sent, of who sent it or of how much (5.7.1 and its like) tells nothing about the address: soft.
"""

import re

from campaigns.channels.reading.letter import HARD_BOUNCE, SOFT_BOUNCE
from campaigns.channels.reading.phrases import any_of

STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![.\d])")
SMTP_CODE = re.compile(r"(?<![\d.#-])[45]\d\d(?=[ ):-])")
# What the refusing server itself answered, wherever it stands.
_ANSWERED = re.compile(rf"{SMTP_CODE.pattern}\W{{1,3}}({STATUS.pattern})")

# Subject and detail of RFC 3463 that are about an address or domain that is not there; 1.10 and 4.310 are Microsoft's.
_ABSENT = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.1", "4.4", "4.310"}
# The sender's address is what is wrong.
_OURS = {"1.7", "1.8"}
# Of these, of policies and of other faults of an address only the words tell, as they do without any status.
_GENERIC = {"0.0", "1.0", "2.0", "3.0", "5.0", "5.1"}
# Answers to RCPT that are about the mailbox (RFC 5321 section 4.2.3).
_ABOUT_MAILBOX = re.compile(r"(?<![\d.#-])55[013](?=[ ):-])")

_PASSING = any_of(
    r"quota|mailbox (?:is )?full|full mailbox|over (?:the )?(?:size|limit)",
    r"(?:insufficient|out of) (?:disk |system )?storage",
    r"too (?:large|big|many|long)|exceed|temporar|expired|time(?:d|out)? ?out|retry time|not reachable|socket error",
    r"connection (?:refused|lost|closed|reset)|lost connection|did not accept",
    r"service (?:\w+ )?unavailable|will be retried",
    r"postfach (?:ist )?voll|speicherplatz|bo[iî]te .{0,20}pleine|buz[oó]n .{0,20}lleno|casella .{0,20}piena",
)
_REFUSED = any_of(
    r"spam|\bblocked\b|blocking|black ?list|block ?list|deny ?list|\brbl\b",
    r"reputation|polic(?:y|ies)|dmarc|\bspf\b|dkim",
    r"unauthenticated|relay|\brate\b|unsolicited|virus|prohibited|suspicio",
    r"message content|content (?:was )?reject|\br?dns\b",
    r"\bptr\b|not (?:authori[sz]ed|permitted|allowed|verified)|loop|hop count",
    r"greylist|access denied|sender (?:address|domain)",
    r"(?:client|your|invalid|sending) ip\b|ip address|your (?:mail )?server",
    r"forbidden|redundant|protocol|syntax|sender verify",
)
_UNKNOWN = any_of(
    r"(?:user|recipient|address|mailbox|account|domain|host|local part|name)\W.{0,40}?(?:unknown|n[o']t exist|invalid)",
    r"(?:user|recipient|address|mailbox|account|domain|host|local part|name)\W.{0,40}?not found",
    r"(?:user|recipient|address|mailbox|account)\W.{0,40}?(?:disabled|inactive|unavailable|closed|no longer|suspended)",
    r"(?:user|recipient|address|mailbox|account)\W.{0,40}?n't be found|no mailbox here|not listed in|not our customer",
    r"(?:unknown|no such|invalid|disabled|inactive|bad) (?:\w+ ){0,2}(?:user|recipient|address|mailbox|account|domain)",
    r"not a valid (?:\w+ ){0,2}(?:user|recipient|address|mailbox|account)|n't have an? .{0,30}account|unroute?able",
    r"unknown host|host unknown|unbekannt|existiert nicht|nicht gefunden|ung[uü]ltig|n'existe pas|inconnu|no existe",
    r"desconocid|non esiste|sconosciut|bestaat niet|onbekend|não existe|nie istnieje|存在しま",
)


def refine(status: str | None, words: str) -> str | None:
    """The status code (RFC 3463) to go by: the refusing server's own words are more exact than its neighbour's."""
    exact = [one for one in _ANSWERED.findall(words) if one[0] in "45" and one[2:] not in _GENERIC]
    if exact:
        return str(exact[0])
    if status and status[2:] not in _GENERIC:
        return status
    named = [one for one in STATUS.findall(words) if one[0] in "45" and one[2:] not in _GENERIC]
    if named:
        return str(named[0])
    code = SMTP_CODE.search(words)
    return status or (f"{code[0][0]}.0.0" if code else None)


def judge(status: str | None, words: str) -> str:
    """HARD_BOUNCE or SOFT_BOUNCE."""
    return HARD_BOUNCE if _is_hard(status, words) else SOFT_BOUNCE


def _is_hard(status: str | None, words: str) -> bool:
    if status and status[0] != "5":
        return False
    detail = status[2:] if status else ""
    unknown = bool(_UNKNOWN.search(words))
    if detail in _ABSENT and (unknown or not _PASSING.search(words)):
        return detail != "2.1" or not _REFUSED.search(words)
    if detail in _OURS or _PASSING.search(words) or _REFUSED.search(words):
        return False
    if detail in _GENERIC:
        return unknown or _is_about_mailbox(words)
    return unknown and (not detail or detail.startswith(("1.", "7.")))


def _is_about_mailbox(words: str) -> bool:
    """Whether an answer that gives no reason is one about a mailbox: its code says so, or it says nothing at all."""
    return bool(_ABOUT_MAILBOX.search(words)) or not SMTP_CODE.search(words)
