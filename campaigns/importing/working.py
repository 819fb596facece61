"""Working through a file, part by part. Each part is read before its transaction begins, so that nobody waits for
that; the transaction adds people, writes down how far it came and lets go of the part, or does none of it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models.adding import add_people, check_addable
from campaigns.models.campaign import Campaign
from campaigns.models.imports import DONE, FAILED, RUNNING, Import, ImportPart
from campaigns.models.log import note
from campaigns.models.prospect import Prospect
from campaigns.models.suppression import who_said_no
from campaigns.rules import lifecycle
from campaigns.rules.mapping import IN_CAMPAIGN, IN_FILE, KINDS, Sifted, sift, suppressed
from campaigns.rules.refusals import WrongState

log = logging.getLogger(__name__)

SOURCE = "csv"


def work(
    sessions: sessionmaker[Session],
    reading: sessionmaker[Session],
    import_id: UUID,
    *,
    clock: Callable[[], datetime],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Go through what is left of a file, until it is over or `stop` says so between two parts.

    Two that work on one import do no harm: each part is taken once. A database that is away is raised, and the tick
    rings again; whatever else goes wrong would go wrong again, so the import has failed.
    """
    while not stop():
        try:
            if not _work_on_part(sessions, reading, import_id, clock):
                return
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("Import %s failed.", import_id)
            _fail(sessions, import_id, "Something went wrong on our side; it has been logged.", clock())
            return


def _work_on_part(
    sessions: sessionmaker[Session],
    reading: sessionmaker[Session],
    import_id: UUID,
    clock: Callable[[], datetime],
) -> bool:
    """Read the next part and write it down; whether another one may follow."""
    with reading() as session:
        found = session.execute(
            select(Import, ImportPart, Campaign)
            .join(ImportPart, ImportPart.import_id == Import.id)
            .join(Campaign, Campaign.id == Import.campaign_id)
            .where(Import.id == import_id, Import.status == RUNNING, ImportPart.lines.is_not(None))
            .order_by(ImportPart.number)
            .limit(1)
        ).one_or_none()
    if found is None:
        return False
    one, part, campaign = found
    sifted = sift(part.lines or (), one.meaning or [], campaign.type)
    with sessions.begin() as session:
        return _write_down(session, campaign.id, import_id, part.number, sifted, clock())


def _write_down(
    session: Session, campaign_id: UUID, import_id: UUID, number: int, sifted: Sifted, now: datetime
) -> bool:
    """Add the people of a part, if nobody has done so meanwhile. The campaign is locked before its import, as it is
    by whoever deletes it."""
    own = select(Campaign).where(Campaign.id == campaign_id)
    campaign = session.scalar(own.with_for_update(of=Campaign, key_share=True))
    one = session.get(Import, import_id, with_for_update=True)
    part = session.get(ImportPart, (import_id, number))
    if campaign is None or one is None or part is None or one.status != RUNNING or part.lines is None:
        return False
    if campaign.status == lifecycle.LAUNCHING:
        return False  # its people get their places at this moment; the tick rings again
    try:
        check_addable(campaign)
    except WrongState as over:
        end(session, campaign, one, FAILED, now, problem=over.message)
        return False
    _take_in(session, campaign, one, sifted, now)
    _note_progress(one, part, sifted, now)
    session.flush()
    more = session.scalar(select(exists().where(ImportPart.import_id == import_id, ImportPart.lines.is_not(None))))
    if not more:
        end(session, campaign, one, DONE, now)
    return bool(more)


def _take_in(session: Session, campaign: Campaign, one: Import, sifted: Sifted, now: datetime) -> None:
    """Add those who may be written to and are new, and leave the others out of `sifted`."""
    leave_out_suppressed(session, campaign, sifted)
    added = add_people(session, campaign, sifted.people.values(), SOURCE, now, created_at=one.started_at)
    known = sifted.people.keys() - added
    before = _in_campaign(session, campaign, known, Prospect.created_at != one.started_at)
    for identity in known:
        if identity in before:
            sifted.leave_out(identity, IN_CAMPAIGN, "in this campaign already")
        else:
            sifted.leave_out(identity, IN_FILE, "the same person as in an earlier line")


def leave_out_suppressed(session: Session, campaign: Campaign, sifted: Sifted) -> None:
    """Leave out whoever said no."""
    suppressed(sifted, who_said_no(session, campaign.workspace_id, sifted.people.values()))


def leave_out_known(session: Session, campaign: Campaign, sifted: Sifted) -> None:
    """Leave out whoever is in the campaign."""
    for identity in _in_campaign(session, campaign, sifted.people):
        sifted.leave_out(identity, IN_CAMPAIGN, "in this campaign already")


def _in_campaign(
    session: Session, campaign: Campaign, identities: Collection[str], *further: ColumnElement[bool]
) -> set[str]:
    """Which of `identities` the campaign has in rows that meet `further` conditions."""
    if not identities:
        return set()
    there = (Prospect.campaign_id == campaign.id, Prospect.identity.in_(identities))
    return set(session.scalars(select(Prospect.identity).where(*there, *further)))


def _note_progress(one: Import, part: ImportPart, sifted: Sifted, now: datetime) -> None:
    kinds = Counter(left.kind for left in sifted.left_out)
    for kind in KINDS:
        setattr(one, kind, getattr(one, kind) + kinds[kind])
    one.imported += len(sifted.people)
    one.done += part.rows
    one.moved_at = now
    part.lines = None
    part.left_out = [[left.kind, left.line, left.reason, left.cells] for left in sifted.left_out] or None


def end(
    session: Session, campaign: Campaign, one: Import, status: str, now: datetime, *, problem: str | None = None
) -> None:
    """Finish an import that runs: what is in stays, what was not read is let go."""
    one.status, one.problem, one.finished_at = status, problem, now
    session.execute(update(ImportPart).where(ImportPart.import_id == one.id).values(lines=None))
    if one.imported:
        note(session, campaign, "prospects_added", now, by=one.requested_by, count=one.imported, source=SOURCE)


def _fail(sessions: sessionmaker[Session], import_id: UUID, problem: str, now: datetime) -> None:
    with sessions.begin() as session:
        one = session.get(Import, import_id, with_for_update=True)
        if one is not None and one.status == RUNNING:
            end(session, session.get_one(Campaign, one.campaign_id), one, FAILED, now, problem=problem)
