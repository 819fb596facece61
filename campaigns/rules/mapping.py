"""Which column of a table means what: guessed from names and samples, chosen by a person, applied line by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from campaigns.rules.lifecycle import EMAIL
from campaigns.rules.people import MOST_CUSTOM_FIELDS, Person, read_person
from campaigns.rules.placeholders import is_key
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.suppressions import FORGOTTEN, mentions
from campaigns.rules.tables import ALIASES, Line, columns, is_address, values_of

# For each column the field of a person, `custom_fields.KEY`, or None to leave it out.
Meaning = list[str | None]

FIELDS = tuple(ALIASES)
CUSTOM = "custom"
CUSTOM_PREFIX = "custom_fields."
# What we put before the columns of lines that were left out: such a file is mended, and comes back.
LINE, REASON = "import_line", "import_reason"
# Why a line became nobody.
INVALID, IN_FILE, IN_CAMPAIGN, SUPPRESSED = KINDS = ("invalid", "in_file", "in_campaign", "suppressed")


def identity_field(campaign_type: str) -> str:
    """The field that makes somebody the same person; some column has to hold it."""
    return "email" if campaign_type == EMAIL else "linkedin_url"


def guess(names: Sequence[str], samples: Sequence[Sequence[str]], campaign_type: str) -> Meaning:
    """What the columns probably mean: known names, else custom fields; the identity also by what stands below."""
    found = columns(list(names))
    needed = identity_field(campaign_type)
    if needed not in found and (place := _by_content(found, samples, needed)) is not None:
        found[place] = needed
    return _distinct(None if name in (LINE, REASON) else field for name, field in zip(names, found, strict=True))


def _by_content(found: Meaning, samples: Sequence[Sequence[str]], needed: str) -> int | None:
    """The first column of no known meaning in which most of what stands there is an address of the kind needed."""
    for place, known in enumerate(found):
        cells = [row[place] for row in samples if place < len(row) and row[place].strip()]
        if known not in FIELDS and sum(is_address(cell, needed) for cell in cells) * 2 > len(cells):
            return place
    return None


def _distinct(found: Iterable[str | None]) -> Meaning:
    """Columns of one name are told apart by a number; no more custom fields than a person can have."""
    chosen: Meaning = []
    custom = 0
    for one in found:
        name, number = one, 1
        while name is not None and name in chosen:
            number += 1
            name = f"{one} {number}"
        if name is not None and name.startswith(CUSTOM_PREFIX):
            custom += 1
        chosen.append(name if custom <= MOST_CUSTOM_FIELDS or name in FIELDS else None)
    return chosen


def read_meaning(chosen: Sequence[tuple[str, str]], campaign_type: str) -> Meaning:
    """What a person chose for each column: '', a field, or `custom` with a key. Raises Problems by `columns[N]`."""
    meaning: Meaning = []
    problems: list[Problem] = []
    for place, (choice, key) in enumerate(chosen):
        try:
            meaning.append(_read_choice(choice, key.strip(), f"columns[{place}]", meaning))
        except Problems as bad:
            meaning.append(None)
            problems.extend(bad.problems)
    needed = identity_field(campaign_type)
    if needed not in meaning and not problems:
        what = "the email address" if needed == "email" else "the address of the LinkedIn profile"
        problems.append(Problem("columns", f"Choose the column that holds {what}: it says who is who."))
    custom = sum(one is not None and one.startswith(CUSTOM_PREFIX) for one in meaning)
    if custom > MOST_CUSTOM_FIELDS:
        message = f"A person has at most {MOST_CUSTOM_FIELDS} custom fields, not {custom}: leave some out."
        problems.append(Problem("columns", message))
    if problems:
        raise Problems(problems)
    return meaning


def _read_choice(choice: str, key: str, place: str, before: Meaning) -> str | None:
    if not choice:
        return None
    if choice != CUSTOM and choice not in FIELDS:
        raise Problems([Problem(place, "is none of the fields to choose from")])
    if choice == CUSTOM and not is_key(key):
        words = "needs a name of 1 to 100 characters, without quotes, braces, %, | or backslash"
        raise Problems([Problem(place, words)])
    name = choice if choice != CUSTOM else f"{CUSTOM_PREFIX}{key}"
    if name in before:
        raise Problems([Problem(place, "is chosen for a column further up already")])
    return name


@dataclass(frozen=True)
class LeftOut:
    """A line that became nobody: one of KINDS, why, and what it was."""

    kind: str
    line: int
    reason: str
    cells: Sequence[str]

    def blank(self) -> "LeftOut":
        """The same without what stood there: nothing is kept of whoever asked to be forgotten."""
        return replace(self, cells=[""] * len(self.cells))


@dataclass
class Sifted:
    """Lines, read: people with the line of each, the first of several that are the same; and the lines left out."""

    people: dict[str, Person] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, identity: str, kind: str, reason: str) -> None:
        """Take somebody out again."""
        line, cells = self.lines.pop(identity)
        del self.people[identity]
        self.left_out.append(LeftOut(kind, line, reason, cells))


def sift(lines: Iterable[Line], meaning: Meaning, campaign_type: str) -> Sifted:
    """Read each line as a person. Lines are wrong one by one: nothing is raised."""
    sifted = Sifted()
    for line, cells in lines:
        try:
            person = read_person(values_of(meaning, cells), "", campaign_type)
        except Problems as bad:
            sifted.left_out.append(LeftOut(INVALID, line, _reason(bad.problems), cells))
            continue
        if person.identity in sifted.people:
            first = sifted.lines[person.identity][0]
            sifted.left_out.append(LeftOut(IN_FILE, line, f"the same person as in line {first:,}", cells))
        else:
            sifted.people[person.identity] = person
            sifted.lines[person.identity] = (line, cells)
    return sifted


def _reason(problems: Iterable[Problem]) -> str:
    return "; ".join(f"{problem.field.removeprefix(CUSTOM_PREFIX)}: {problem.message}" for problem in problems)


def suppressed(sifted: Sifted, reasons: Mapping[str, str]) -> None:
    """Leave out whoever is on the suppression list: identity -> why."""
    for identity, reason in reasons.items():
        sifted.leave_out(identity, SUPPRESSED, f"on the suppression list, {reason}")
        if reason == FORGOTTEN:
            about = mentions(identity)
            sifted.left_out = [one.blank() if any(map(about, one.cells)) else one for one in sifted.left_out]
