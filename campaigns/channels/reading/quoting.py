"""What the writer of a mail added, and what is quoted from the mail that is answered.

Line by line, by what mail programs write around a quotation in the languages they speak; text above, below and between
quoted lines is the writer's.
"""

import re

from campaigns.channels.reading.phrases import any_of

# A longer line is no line that a mail program put above a quotation.
MOST_ATTRIBUTION = 300

_WROTE = any_of(
    r"\bwrote\b|\bschrieb\b|a [ée]crit|escribi[óo]|ha scritto|schreef|escreveu|napisał|napsal|\bskrev\b|kirjoitti",
    r"написал|пишет|写道|寫道|のメール|님이 작성",
)
_ADDRESS = re.compile(r"[<(\[][^\s<>]{1,64}@[^\s<>]{1,255}[>)\]]")
_TIME = re.compile(r"\d{1,2}\s?[:.h]\s?\d{2}|\b(?:19|20)\d\d\b|\d{1,2}月")
_FROM = re.compile(r"\*?(?:From|Von|De|Da|Van|Od|Fra|Från|От|发件人|寄件者|差出人)\s?[:：]\*?\s", re.IGNORECASE)
_SUBJECT = re.compile(
    r"\*?(?:Subject|Betreff|Objet|Asunto|Oggetto|Onderwerp|Assunto|Temat|Předmět|Emne|Ämne|Тема|主题|主旨|件名)\s?[:：]",
    re.IGNORECASE,
)
# Lines after From within which such a block names its subject.
_BLOCK = 8
_MESSAGE = r"messag|mensa|nachricht|bericht|wiadomo|meddel|zpráva|сообщен|письмо|邮件|メッセージ"
_SEPARATOR = re.compile(
    rf"[-_]{{3,}}[^-_]{{0,30}}(?:{_MESSAGE})[^-_]{{0,30}}[-_]{{3,}}\s*|Begin forwarded message:\s*", re.IGNORECASE
)


def split_quoted(text: str) -> tuple[str, str]:
    """The fresh text, and the quoted one."""
    lines = text.split("\n")
    fresh: list[str] = []
    quoted: list[str] = []
    at = 0
    while at < len(lines):
        if _encloses_rest(lines, at):
            quoted += lines[at:]
            break
        length = _quoted_from(lines, at)
        (quoted if length else fresh).extend(lines[at : at + (length or 1)])
        at += length or 1
    return _trimmed(fresh), _trimmed(quoted)


def _trimmed(lines: list[str]) -> str:
    text = re.sub(r"\n *[_*-]{10,}\Z", "", "\n".join(lines).rstrip())  # the rule that Outlook draws
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _quoted_from(lines: list[str], at: int) -> int:
    """How many lines from this one on are a quotation or what stands above it."""
    return 1 if lines[at].startswith(">") else _attribution(lines, at)


def _encloses_rest(lines: list[str], at: int) -> bool:
    """Whether everything from this line on is the other mail: nothing marks its lines."""
    if _SEPARATOR.fullmatch(lines[at][:MOST_ATTRIBUTION]):
        return True
    if _FROM.match(lines[at]):
        return any(_SUBJECT.match(line) for line in lines[at + 1 : at + _BLOCK])
    length = _attribution(lines, at)
    after = next((line for line in lines[at + length :] if line.strip()), "") if length else ">"
    return not after.startswith(">")


def _attribution(lines: list[str], at: int) -> int:
    """How many lines, if any, from this one on say who wrote what follows, and when."""
    joined = ""
    for length, line in enumerate(lines[at : at + 3], start=1):
        joined += f" {line.strip()}"
        if not line.strip() or len(joined) > MOST_ATTRIBUTION:
            return 0
        if joined.endswith((":", "：")):
            return length if _TIME.search(joined) and _is_about_a_writer(joined) and _begins(lines[at]) else 0
    return 0


def _is_about_a_writer(line: str) -> bool:
    return bool(_WROTE.search(line) or _ADDRESS.search(line))


def _begins(line: str) -> bool:
    """Whether it can be the first line of an attribution, not the writer's own last one."""
    return bool(_TIME.search(line) or _WROTE.search(line) or _ADDRESS.search(line))
