"""Opens are counted in batches, however many come at once."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models import Message, Prospect
from campaigns.models.finding import nodes_of
from campaigns.noticing import Hit, notice
from tests import make
from tests.databases import Database
from tests.make import NOW

SAFARI, CURL = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko)", "curl/8"


def sent(session: Session, n: int, **values: bool) -> list[UUID]:
    campaign = make.launched(session, make.workspace(session), n, **values)
    node = nodes_of(session, campaign.id)[0]
    people = session.scalars(select(Prospect).where(Prospect.campaign_id == campaign.id)).all()
    return [make.message(session, one, node).id for one in people]


def counted(session: Session) -> list[tuple[int, int, bool]]:
    session.expire_all()
    found = session.scalars(select(Message).order_by(Message.id))
    return [(one.opens, one.machine_opens, one.opened_at is not None) for one in found]


def hit(message_id: UUID, agent: str = SAFARI, minutes: int = 5) -> Hit:
    return Hit(message_id, NOW + timedelta(minutes=minutes), agent)


def test_ten_thousand_at_once_cost_a_few_statements(db: Database, session: Session) -> None:
    messages = sent(session, 100, open_tracking=True)
    hits = [hit(one, CURL if number % 10 == 0 else SAFARI) for one in messages for number in range(100)]
    with db.counting() as statements:
        notice(session, hits)
    assert len(statements) <= 3
    assert counted(session) == [(90, 10, True)] * 100


def test_the_first_open_by_a_person_is_kept(session: Session) -> None:
    (message,) = sent(session, 1, open_tracking=True)
    notice(session, [hit(message, CURL, 1)])
    assert counted(session) == [(0, 1, False)]
    notice(session, [hit(message, minutes=9), hit(message, minutes=5)])
    notice(session, [hit(message, minutes=3), hit(message, CURL)])
    assert counted(session) == [(3, 2, True)]
    assert session.get_one(Message, message).opened_at == NOW + timedelta(minutes=5)


def test_nothing_is_counted_where_the_campaign_says_no(session: Session) -> None:
    (message,) = sent(session, 1, open_tracking=False)
    notice(session, [hit(message), hit(message, CURL)])
    assert counted(session) == [(0, 0, False)]


def test_a_message_that_is_gone_is_passed_over(session: Session) -> None:
    (message,) = sent(session, 1, open_tracking=True)
    notice(session, [hit(uuid4()), hit(message)])
    assert counted(session) == [(1, 0, True)]


def test_a_message_that_did_not_leave_is_not_opened(session: Session) -> None:
    (message,) = sent(session, 1, open_tracking=True)
    session.get_one(Message, message).status = "unknown"
    session.flush()
    notice(session, [hit(message)])
    assert counted(session) == [(0, 0, False)]
