"""Mail that came back: delivery status notifications (RFC 3464) first, then the many that follow no standard.

The free shapes are not told apart: what a mail system says of a failure, and the first address in it that is not ours,
is what they have in common. In 832 mails of other people's collections flufl.bounce, which knows them one by one, found
no bounce that is not found here.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import takewhile

from campaigns.channels.reading.letter import SOFT_BOUNCE
from campaigns.channels.reading.parts import enclosed, header, mailboxes, parse_headers, part_text, parts_of
from campaigns.channels.reading.phrases import any_of
from campaigns.channels.reading.returned import returned_recipients
from campaigns.channels.reading.verdicts import SMTP_CODE, STATUS, judge, refine

# How much of a free text is searched: what was returned follows it.
MOST_LINES, MOST_LINE = 200, 1_000
MOST_DIAGNOSTIC = 300
# Paragraphs of a text that are looked through for the fields of a report.
MOST_PARAGRAPHS = 50
# Lines into which one answer of a server is wrapped at most.
MOST_WRAPPED = 4

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']{1,64}@[^\s<>()\[\]:;,\"'@]{1,255}")
_MAILER_DAEMON = re.compile(r"(?:mailer|mail)?[-_.]?daemon@|mail[-_.]?delivery|microsoftexchange[0-9a-f]+@")
_DAEMON = re.compile(rf"{_MAILER_DAEMON.pattern}|post[-_]?master@|bounces?@|mailadm|scanmail|symantec|mail[-_.]?system")
# What mail programs put before the subject of an answer: whatever it is about, a person answers.
_ANSWER = re.compile(r"(?:re|aw|antw|sv|rv|tr|odp|r)\s?:", re.IGNORECASE)
_SUBJECT = any_of(
    r"undeliver",
    r"deliver(?:y|ed)? (?:status )?(?:fail|notif|error|problem|incomplete|report|delayed|has failed)",
    r"not delivered",
    r"fail(?:ure|ed) (?:notice|delivery|mail)",
    r"mail(?:er)? (?:fail|delivery|error|system|could not)",
    r"returned (?:mail|to sender)",
    r"returning to sender|non[- ]?deliver|could not (?:send|be delivered)",
    r"message not|warning: (?:message|could)|error sending",
    r"delayed (?:mail|delivery|message)|\bbounce|unzustellbar|nicht zugestellt|fehlgeschlagen|zustellung",
    r"non remis|non distribu|échec de|n'a pas (?:pu|été)|no (?:se )?(?:pudo|entreg)|devuelt|no entregad",
    r"mancat[ao] (?:recapito|consegna)|recapito|non (?:recapitat|consegnat)|onbestelbaar|niet (?:bezorgd|afgeleverd)",
    r"não (?:foi )?entreg|devolvid|niedostarcz|nie (?:została )?dostarczon|エラー|配信(?:不能|でき)",
)
_DELAYED = any_of(
    r"delay|not yet (?:been )?deliver",
    r"will (?:continue|keep|be retried|retry)",
    r"still (?:being )?(?:tried|trying|retried)",
    r"no action is required|just a warning|warning (?:message|only)|do not need to resend",
    r"verzögert|noch nicht zugestellt|wird weiter(?:hin)? versucht|retardé|retrasad|ritardo|vertraagd",
)
_FAILED = any_of(
    r"\bfail|could(?: not|n't) be|undeliver|not (?:be )?deliver|unable to|cannot",
    r"n't (?:able|deliver|sent)|reject|refus|permanent",
    r"return|sorry|unknown|problem|trouble|\berror|nicht zu(?:gestellt|stell)|unzustell|échou|échec|n'a pas pu",
    r"non (?:è stato|remis|distribu)|impossib|no (?:se )?(?:pud|ha )|niet worden",
    r"não (?:foi|pôde)|nie (?:mog|został)|エラー|できません|できなか",
)
# From here on a free text shows the message that came back.
_RETURNED = any_of(
    r"^[ >]*-{2,}.*(?:copy of|original|returned|unsent|forwarded|ursprüngliche|headers? follow|this line)",
    r"^[ >]*(?:(?:original )?message (?:headers?|text)? ?follow|original message|return-path:|received:)",
)
_FIELDS = re.compile(r"^(?:Final|Original)-Recipient:", re.IGNORECASE | re.MULTILINE)
_BLANK_LINES = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True)
class Bounce:
    """What a bounce says of one recipient; see Letter."""

    kind: str
    recipient: str | None
    status: str | None
    diagnostic: str | None
    delayed: bool


def find_bounce(message: Message, text: str, own_addresses: Container[str]) -> Bounce | None:
    """What came back, and why; None if the mail is no bounce."""
    blocks = [block for block in _status_blocks(message) if _is_of_a_recipient(block)]
    if not blocks and not _is_from_a_daemon(message):
        return None
    blocks = blocks or [parse_headers(part) for part in _paragraphs(text) if _FIELDS.search(part)]
    return _from_status(message, blocks, text) if blocks else _from_text(message, text, own_addresses)


def is_receipt(message: Message) -> bool:
    """Whether it tells of a message that was delivered, relayed or read (RFC 3464, RFC 8098)."""
    kinds = {part.get_content_type() for part in parts_of(message)}
    return "message/disposition-notification" in kinds or any(True for _ in _status_blocks(message))


def _status_blocks(message: Message) -> Iterator[Message]:
    """The groups of fields of a delivery status notification, the first one on the message included."""
    for part in parts_of(message):
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            yield from enclosed(part)
        elif kind == "message/global-delivery-status":  # RFC 6533; the parser takes it for a message
            for inner in enclosed(part):
                yield inner
                yield from map(parse_headers, _paragraphs(part_text(inner)))


def _is_of_a_recipient(block: Message) -> bool:
    return bool(header(block, "Action") or header(block, "Final-Recipient"))


def _paragraphs(text: str) -> list[str]:
    return _BLANK_LINES.split(text, MOST_PARAGRAPHS)


def _from_status(message: Message, blocks: list[Message], text: str) -> Bounce | None:
    bounces = [bounce for bounce in map(_from_block, blocks) if bounce is not None]
    if not bounces:
        return None
    worst = min(bounces, key=lambda bounce: bounce.delayed)
    recipient = worst.recipient or next(iter(_named_failures(message)), None)
    diagnostic = worst.diagnostic or _telling_line(text)
    return _judged(recipient, worst.status, diagnostic, worst.delayed)


def _from_block(block: Message) -> Bounce | None:
    action = header(block, "Action").lower()
    delayed = action.startswith("delay")
    if action and not delayed and not action.startswith(("fail", "error")):
        return None
    named = (_ADDRESS.search(header(block, name)) for name in ("Original-Recipient", "Final-Recipient"))
    recipient = next((found[0].lower() for found in named if found), None)
    status = STATUS.search(header(block, "Status"))
    diagnostic = header(block, "Diagnostic-Code").partition(";")[2].strip() or header(block, "Diagnostic-Code")
    return Bounce(SOFT_BOUNCE, recipient, status[0] if status else None, diagnostic or None, delayed)


def _is_from_a_daemon(message: Message) -> bool:
    """Whether a machine that delivers mail wrote it."""
    senders = [address for _, address in mailboxes(message, "From")]
    if header(message, "X-Failed-Recipients") or any(map(_MAILER_DAEMON.match, senders)):
        return True
    nobody = header(message, "Return-Path") == "<>" or not senders
    automatic = header(message, "Auto-Submitted").lower().startswith("auto")
    subject = header(message, "Subject")
    telling = _SUBJECT.search(subject) and not _ANSWER.match(subject)
    return bool(telling) and (nobody or automatic or any(map(_DAEMON.match, senders)))


def _from_text(message: Message, text: str, own_addresses: Container[str]) -> Bounce | None:
    notice = _notice(text)
    told = f"{header(message, 'Subject')}\n{notice}"
    ours = {address for _, address in mailboxes(message, "To")}
    named = [*_named_failures(message), *_addresses(notice), *returned_recipients(message)]
    recipient = next((one for one in named if not (one in ours or one in own_addresses or _DAEMON.match(one))), None)
    delayed = bool(_DELAYED.search(told))
    if not (delayed or _FAILED.search(told)):
        return None
    return _judged(recipient, None, _telling_line(notice), delayed, notice)


def _judged(recipient: str | None, status: str | None, diagnostic: str | None, delayed: bool, told: str = "") -> Bounce:
    words = diagnostic or told
    exact = refine(status, words)
    kind = SOFT_BOUNCE if delayed else judge(exact, words)
    return Bounce(kind, recipient, exact, diagnostic[:MOST_DIAGNOSTIC] if diagnostic else None, delayed)


def _notice(text: str) -> str:
    """What the machine itself says, in lines of a bounded length."""
    lines: list[str] = []
    for line in text.split("\n")[:MOST_LINES]:
        if lines and _RETURNED.match(line[:MOST_LINE]):
            break
        lines.append(line[:MOST_LINE])
    return "\n".join(lines)


def _named_failures(message: Message) -> list[str]:
    """Recipients that Exim, Gmail and others name in a header."""
    return [address for _, address in mailboxes(message, "X-Failed-Recipients")]


def _addresses(text: str) -> list[str]:
    return [found.strip(".").lower() for found in _ADDRESS.findall(text)]


def _telling_line(text: str) -> str | None:
    """The server's own words: from the line with a status, or else with a reply code, to the end of its paragraph."""
    lines = [" ".join(line.split()) for line in text.split("\n")[:MOST_LINES]]
    for pattern in (STATUS, SMTP_CODE):
        for number, line in enumerate(lines):
            if pattern.search(line):
                return " ".join(takewhile(bool, lines[number : number + MOST_WRAPPED]))
    return None
