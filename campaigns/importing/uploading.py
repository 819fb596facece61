"""A file before and after its job: kept, given a meaning, started, cancelled, and looked at."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import PurePath
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campaigns.importing.working import end, leave_out_known, leave_out_suppressed
from campaigns.models.adding import check_addable
from campaigns.models.campaign import Campaign
from campaigns.models.finding import find_campaign
from campaigns.models.imports import CANCELLED, RUNNING, WAITING, Import, ImportPart
from campaigns.models.paging import page_of
from campaigns.models.sessions import ring
from campaigns.rules.mapping import LeftOut, Meaning, guess, read_meaning, sift
from campaigns.rules.problems import Problem, Problems, shown
from campaigns.rules.refusals import Invalid, NotFound, WrongState
from campaigns.rules.tables import Line, decode, read_sheet

# Lines of a part: a transaction of some tenth of a second.
PART = 2000
SAMPLES = 5
# How long a file whose import was never started is kept.
FORGOTTEN = timedelta(days=7)


@dataclass(frozen=True)
class Foresight:
    """What would come of the first lines of a file: how many were looked at, and those who would be left out."""

    lines: int
    imported: int
    kinds: Counter[str]
    left_out: Sequence[LeftOut]


def receive(
    session: Session, workspace_id: UUID, campaign_id: UUID, name: str, data: bytes, *, now: datetime, by: str | None
) -> Import:
    """Keep a file until its columns are given a meaning. Raises Invalid for what is no table of people, WrongState."""
    try:
        names, lines = read_sheet(decode(data))
        parts = list(_parts(lines))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    if not parts:
        raise Invalid.of([Problem("file", "has a line of headings, and nobody below it")])
    campaign = find_campaign(session, workspace_id, campaign_id)
    check_addable(campaign)
    _forget(session, campaign, now)
    one = Import(
        campaign_id=campaign.id,
        requested_by=by,
        file_name=shown(PurePath(name).name, 190).strip('"'),
        names=names,
        total=sum(len(part) for part in parts),
        created_at=now,
    )
    session.add(one)
    session.flush()
    rows = [
        {"import_id": one.id, "number": number, "rows": len(part), "lines": part} for number, part in enumerate(parts)
    ]
    session.execute(insert(ImportPart), rows)
    return one


def _parts(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while part := list(islice(lines, PART)):
        yield part


def _forget(session: Session, campaign: Campaign, now: datetime) -> None:
    """Files of this campaign that nobody came back for."""
    old = (Import.campaign_id == campaign.id, Import.status == WAITING, Import.created_at < now - FORGOTTEN)
    session.execute(delete(Import).where(*old), execution_options={"synchronize_session": False})


def find_import(session: Session, campaign_id: UUID, import_id: UUID, *, lock: bool = False) -> Import:
    """The import of a campaign that was found already. NotFound for another campaign's."""
    query = select(Import).where(Import.id == import_id, Import.campaign_id == campaign_id)
    one = session.scalar(query.with_for_update() if lock else query)
    if one is None:
        raise NotFound("import")
    return one


def listed(session: Session, campaign_id: UUID, *, page: int, limit: int) -> tuple[list[Import], int]:
    """One page of a campaign's imports, newest first, and how many there are."""
    return page_of(session, Import, [Import.campaign_id == campaign_id], Import.id.desc(), page=page, limit=limit)


def _first(session: Session, one: Import) -> list[Line]:
    part = session.get(ImportPart, (one.id, 0))
    return [(line, cells) for line, cells in part.lines] if part and part.lines else []


def samples(session: Session, one: Import) -> list[list[str]]:
    """The cells of the first lines of a file that waits."""
    return [cells for _, cells in _first(session, one)[:SAMPLES]]


def guessed(session: Session, campaign: Campaign, one: Import) -> Meaning:
    """What the columns probably mean."""
    return guess(one.names, [cells for _, cells in _first(session, one)], campaign.type)


def foresee(session: Session, campaign: Campaign, one: Import, meaning: Meaning) -> Foresight:
    """What would come of the first lines, if the columns meant this; nothing is written."""
    lines = _first(session, one)
    sifted = sift(lines, meaning, campaign.type)
    leave_out_suppressed(session, campaign, sifted)
    leave_out_known(session, campaign, sifted)
    kinds = Counter(left.kind for left in sifted.left_out)
    return Foresight(len(lines), len(sifted.people), kinds, sorted(sifted.left_out, key=lambda left: left.line))


def start(
    session: Session,
    workspace_id: UUID,
    campaign_id: UUID,
    import_id: UUID,
    chosen: Sequence[tuple[str, str]],
    *,
    now: datetime,
) -> Import:
    """Give the columns their meaning, and ring for the job. Raises Invalid by `columns[N]`, WrongState."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    one = find_import(session, campaign.id, import_id, lock=True)
    if one.status != WAITING:
        raise WrongState(f"This import is {one.status} already.", problems=[Problem("status", f"is {one.status}")])
    check_addable(campaign)
    one.meaning = meaning_of(campaign, one, chosen)
    one.status, one.started_at, one.moved_at = RUNNING, now, now
    ring(session, "imports", one.id)
    return one


def meaning_of(campaign: Campaign, one: Import, chosen: Sequence[tuple[str, str]]) -> Meaning:
    """What was chosen for each column. Raises Invalid by `columns[N]`."""
    if len(chosen) != len(one.names):
        raise Invalid.of([Problem("columns", f"must be {len(one.names)}, one for each column of the file")])
    try:
        return read_meaning(chosen, campaign.type)
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad


def cancel(session: Session, workspace_id: UUID, campaign_id: UUID, import_id: UUID, *, now: datetime) -> Import | None:
    """Stop an import: what is in stays. One that was not started is forgotten, with None. One that is over stays so."""
    campaign = find_campaign(session, workspace_id, campaign_id, lock=True)
    one = find_import(session, campaign.id, import_id, lock=True)
    if one.status == WAITING:
        session.delete(one)
        return None
    if one.status == RUNNING:
        end(session, campaign, one, CANCELLED, now)
    return one


def left_out(session: Session, import_id: UUID, kind: str) -> Iterator[LeftOut]:
    """The lines of a file that became nobody for this reason, a part at a time."""
    numbers = select(ImportPart.number).where(ImportPart.import_id == import_id, ImportPart.left_out.is_not(None))
    for number in session.scalars(numbers.order_by(ImportPart.number)).all():
        own = (ImportPart.import_id == import_id, ImportPart.number == number)
        rows: Iterable[tuple[str, int, str, list[str]]] = session.scalar(select(ImportPart.left_out).where(*own)) or ()
        yield from (left for left in (LeftOut(*row) for row in rows) if left.kind == kind)
