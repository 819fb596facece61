"""The day until which somebody says to be away, in eight languages of Europe and in Japanese.

Only a date that stands beside a word for "until" or "back", or ends a range, counts, and only if it can be read in one
way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

# A named day further ahead is a mistake, or no absence. One that is past says nothing any more.
MOST_AHEAD = timedelta(days=366)
MOST_SEARCHED = 4_000
# Letters around a date in which the word that explains it stands.
_BEFORE, _AFTER = 32, 32

# The months as en, de, fr, es, it, nl, pt and pl write them after a day, in full and short.
_MONTHS = (
    "january jan januar jänner janvier janv enero ene gennaio gen januari janeiro stycznia",
    "february feb februar février févr febrero febbraio februari fevereiro fev lutego",
    "march mar märz mrz mars marzo maart mrt março marca",
    "april apr avril avr abril abr aprile kwietnia",
    "may mai mayo maggio mag mei maio maja",
    "june jun juni juin junio giugno giu junho czerwca",
    "july jul juli juillet juil julio luglio lug julho lipca",
    "august aug août aout agosto augustus sierpnia",
    "september sep sept septembre septiembre settembre set setembro września",
    "october oct oktober okt octobre octubre ottobre ott outubro października",
    "november nov novembre noviembre novembro listopada",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro grudnia",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_NAMED = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
# Only English names the month first.
_ENGLISH = "|".join(sorted((name for names in _MONTHS for name in names.split()[:2]), key=len, reverse=True))
_YEAR = r"(?:,?\s+(?:de\s+)?(?P<{0}>20\d\d))?"
_DATE = re.compile(
    r"(?P<iso>\b20\d\d-\d{1,2}-\d{1,2}\b)"
    r"|(?:(?P<jy>20\d\d)年)?(?P<jm>\d{1,2})月(?P<jd>\d{1,2})日"
    r"|\b(?P<n1>\d{1,2})(?P<sep>[./-])\s?(?P<n2>\d{1,2})(?:(?P=sep)\s?(?P<ny>20\d\d|\d\d)\b|(?P=sep)(?!\d)|(?!\d|[./-]\d))"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th|er|º|ª|\.)?\s+(?:of\s+|de\s+)?(?P<m1>{_NAMED})\b\.?{_YEAR.format('y1')}"
    rf"|\b(?P<m2>{_ENGLISH})\b\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\.?\s+(?:{_NAMED})\b){_YEAR.format('y2')}",
    re.IGNORECASE,
)
_ENGLISH_MARK = r"until|till?|through|thru|back|return(?:ing|s)?|resum\w+|before|ending|ends|end"
_OTHER_MARK = (
    r"bis|zurück|zurueck|wieder|ab|jusqu['’](?:au|à)|retour|reviens|reviendrai|rentre|hasta|regres\w+|vuelta|vuelvo"
    r"|volver[ée]|fino|sino|rientr\w+|torn\w+|tot|t/m|terug|at[ée]|retorn\w+|volto|voltar\w*|do|wrac\w+|wróc\w+|powr\w+"
)
# A full stop is let pass after a short word only: "am Mo. 7.12."
_MARK_BEFORE = re.compile(
    rf"(?<!\w)(?:{_ENGLISH_MARK}|{_OTHER_MARK})(?!\w)[^\n.;!?]*(?:\b\w{{1,4}}\.[^\n.;!?]*)?\Z", re.IGNORECASE
)
_MARK_AFTER = re.compile(
    r"\s*\)?(?:まで|に復帰|[^\n.;!?\d]{0,24}\b(?:wieder|zurück|zurueck|de retour|back|terug|inclu\w+|einschl\w+)\b)",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\s*(?:[-–—~〜]|to|until|bis(?: zum)?|au|al|a|até|t/m|tot(?: en met)?|do)\s*"
    r"(?:\w{2,10}[.,]{0,2}\s+)?(?:the\s+|dem\s+)?\Z",
    re.IGNORECASE,
)
# Languages of people who never write the month first.
_NOT_ENGLISH = re.compile(
    r"\b(?:ich|bin|bis|und|je|suis|jusqu|hasta|estar[ée]|estoy|fino|sono|ik|tot|t/m|até|estou|jestem)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class _Found:
    start: int
    end: int
    day: date | None


def until(text: str, today: date) -> date | None:
    """The last of the days that the text names as the end of an absence; None if there is none for certain."""
    text = text[:MOST_SEARCHED]
    found = list(_dates(text, today))
    ends = (one.day for before, one in pairwise([None, *found]) if one and _ends_it(text, one, before))
    return max((day for day in ends if day and today <= day <= today + MOST_AHEAD), default=None)


def _ends_it(text: str, found: _Found, before: _Found | None) -> bool:
    floor = max(before.end if before else 0, found.start - _BEFORE)
    lead = text[floor : found.start]
    if before and floor == before.end and _RANGE.match(lead):
        return True
    return bool(_MARK_BEFORE.search(lead) or _MARK_AFTER.match(text[found.end : found.end + _AFTER]))


def _dates(text: str, today: date) -> Iterator[_Found]:
    matches = list(_DATE.finditer(text))
    day_first = _is_day_first(text, matches)
    for match in matches:
        yield _Found(match.start(), match.end(), _day(match, day_first, today))


def _is_day_first(text: str, matches: list[re.Match[str]]) -> bool | None:
    """Whether 4/12 is in December; None if that cannot be told."""
    pairs = [(int(match["n1"]), int(match["n2"])) for match in matches if match["n1"] and match["sep"] != "."]
    if any(first > 12 for first, _ in pairs):
        return True
    if any(second > 12 for _, second in pairs):
        return False
    return True if _NOT_ENGLISH.search(text) else None


def _day(match: re.Match[str], day_first: bool | None, today: date) -> date | None:
    if match["iso"]:
        year, month, day = map(int, match["iso"].split("-"))
        return _valid(year, month, day)
    if match["n1"]:
        return _numeric(match, day_first, today)
    month = int(match["jm"] or 0) or _MONTH_OF[(match["m1"] or match["m2"]).lower()]
    day = int(match["jd"] or match["d1"] or match["d2"])
    year_named = match["jy"] or match["y1"] or match["y2"]
    return _valid(int(year_named), month, day) if year_named else _next(month, day, today)


def _numeric(match: re.Match[str], day_first: bool | None, today: date) -> date | None:
    first, second = int(match["n1"]), int(match["n2"])
    if match["sep"] != "." and day_first is None and first != second:
        return None
    month, day = (second, first) if match["sep"] == "." or day_first is not False else (first, second)
    if not match["ny"]:
        return _next(month, day, today)
    year = int(match["ny"])
    return _valid(year if year > 99 else 2000 + year, month, day)


def _next(month: int, day: int, today: date) -> date | None:
    """The next such day; one that has just passed is not a year ahead."""
    candidates = (_valid(today.year + more, month, day) for more in (0, 1))
    month_ago = today - timedelta(days=31)
    return next((one for one in candidates if one and one >= month_ago), None)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
