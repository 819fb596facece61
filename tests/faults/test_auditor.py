"""The auditors find what they are there to find: each of their rules, broken by hand."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from campaigns.models import Campaign, CampaignDay, Message, Prospect, Sender, SenderUse
from campaigns.models.finding import nodes_of
from campaigns.rules.lifecycle import EMAIL, LINKEDIN
from tests import make
from tests.databases import Database
from tests.faults import network
from tests.faults.audit import Evidence, Findings, audit, called, completed, is_open, read_books
from tests.faults.audit_linkedin import audit_linkedin
from tests.faults.crew import Kill
from tests.faults.deeds import Deed, Doubt, name_of
from tests.faults.network import Network
from tests.faults.world import Ours, Span

BEGAN = make.NOW.timestamp()
STEPS = {
    EMAIL: [{**make.EMAIL_STEP, "subject": "one 1"}, {**make.EMAIL_STEP, "subject": "one 2"}, make.END],
    LINKEDIN: [{**make.CONNECT, "body": "one 1"}, {"type": "message", "body": "one 2"}, make.END],
}


class Scene:
    """Two people of one campaign who got both steps, all of it as it should be."""

    def __init__(self, session: Session, kind: str) -> None:
        self.session = session
        workspace = make.workspace(session)
        self.sender: Sender = make.sender(session, workspace, type=kind, min_gap=1, max_gap=1)
        self.campaign: Campaign = make.launched(
            session, workspace, 2, senders=[self.sender], nodes=STEPS[kind], name="one", type=kind
        )
        self.people = list(session.query(Prospect).order_by(Prospect.id))
        self.deeds: list[Deed] = []
        self.messages: list[Message] = []
        self.network = Network()
        for number, (step, person) in enumerate((step, person) for step in (0, 1) for person in self.people):
            self._send(number, step, person)
        for person in self.people:
            person.status, person.due_at, person.counted_on = "completed", None, make.NOW.date()
        self.sender_day = make.sent_today(session, self.sender, 4)
        self.campaign_day = CampaignDay(campaign_id=self.campaign.id, day=make.NOW.date(), used=2)
        session.add(self.campaign_day)
        if kind == LINKEDIN:
            self._connect()
        always, active, limit = [Span(0, 0, None)], [Span(0, 0, "active")], [Span(0, 0, 500)]
        self.ours = Ours(str(self.campaign.id), "one", "UTC", always, active, limit, kind)
        self.doubts: list[Doubt] = []
        self.kills: list[Kill] = []
        self.suppressed: list[str] = []
        self.delay_minutes = 0
        self.again: Counter[UUID] = Counter()

    def _send(self, number: int, step: int, person: Prospect) -> None:
        node, text = nodes_of(self.session, self.campaign.id)[step], f"one {step + 1}"
        name, began = f"<{number}@x>", BEGAN + 2 * number
        words = {"rfc_message_id": name}
        if self.campaign.type == LINKEDIN:
            name, words = name_of(person.identity, text), {"body": text}
        at = datetime.fromtimestamp(began, UTC)
        self.messages.append(make.message(self.session, person, node, claimed_at=at, sent_at=at, **words))
        recipient = person.email or person.identity
        self.deeds.append(Deed(began, began + 0.1, called(self.sender), recipient, name, text))

    def _connect(self) -> None:
        """Both accepted at once, and the seat's weeks have just had room for it."""
        for person in self.people:
            person.connected_at = make.NOW
            self.network.connected[self.pair(person)] = self.network.told[self.pair(person)] = BEGAN + 2
        for number, message in enumerate(self.messages):
            step = list(network.STEPS.values())[number // 2]
            self.session.add(SenderUse(id=message.id, sender_id=self.sender.id, step=step, at=message.claimed_at))
            self.network.weeks[called(self.sender), step] = [Span(0, 0, 3)]

    def pair(self, person: Prospect) -> network.Pair:
        """The seat and one of the people, as LinkedIn calls them."""
        return called(self.sender), person.identity

    def verdict(self) -> dict[str, int]:
        self.session.flush()
        evidence = Evidence(
            self.deeds, self.doubts, {}, self.kills, [self.ours], self.suppressed, self.delay_minutes, "UTC", self.again
        )
        books = read_books(self.session)
        found = audit(books, evidence)
        found.add(audit_linkedin(books, evidence, self.network))
        return dict(found.counts)

    def kill(self, at: float, *senders: str | None) -> None:
        """A kill so many seconds after the beginning, that cut off the lanes of these accounts."""
        self.kills.append(Kill(BEGAN + at, "lane", 1, senders))

    def last_word(self) -> dict[str, int]:
        """What is wrong at the very end."""
        self.session.flush()
        found = Findings()
        completed(found, read_books(self.session))
        return dict(found.counts)


def twice(scene: Scene) -> None:
    scene.deeds.append(replace(scene.deeds[0], began=BEGAN + 9, at=BEGAN + 9.1))


def lost(scene: Scene) -> None:
    del scene.deeds[3]


def forgotten(scene: Scene) -> None:
    scene.people[0].status, scene.people[0].due_at = "sent", make.NOW


def never_told(scene: Scene) -> None:
    scene.messages[0].status = "sending"


def closed(scene: Scene) -> None:
    scene.ours.hours.append(Span(BEGAN + 2.5, BEGAN + 2.6, make.week("23:00", "23:01")))


def paused(scene: Scene) -> None:
    scene.ours.status.append(Span(BEGAN + 2.5, BEGAN + 2.6, "paused"))


def over_the_campaigns_limit(scene: Scene) -> None:
    scene.ours.limit = [Span(0, 0, 1)]


def over_the_senders_limit(scene: Scene) -> None:
    scene.sender.daily_limit = 3


def leaking(scene: Scene) -> None:
    scene.sender_day.used = 5


def hasty(scene: Scene) -> None:
    scene.deeds[1] = replace(scene.deeds[1], began=BEGAN + 0.5, at=BEGAN + 0.6)


def no_means_no(scene: Scene) -> None:
    scene.suppressed = [scene.deeds[0].recipient]


def unknown_for_no_reason(scene: Scene) -> None:
    scene.messages[3].status = "unknown"


def too_early(scene: Scene) -> None:
    scene.delay_minutes = 1


def another_sender(scene: Scene) -> None:
    other = make.sender(scene.session, scene.campaign.workspace)
    scene.deeds[3] = replace(scene.deeds[3], sender=called(other))


def over_the_week(scene: Scene) -> None:
    scene.network.weeks[called(scene.sender), "message"] = [Span(0, 0, 1)]


def over_the_week_by_what_may_have_left(scene: Scene) -> None:
    over_the_week(scene)
    unknown_for_no_reason(scene)
    scene.doubts.append(Doubt(BEGAN + 6, scene.deeds.pop().name))


def over_the_week_once_it_was_lowered(scene: Scene) -> None:
    scene.network.weeks[called(scene.sender), "message"] += [Span(BEGAN + 4.5, BEGAN + 4.9, 1)]


def miscounted(scene: Scene) -> None:
    scene.session.get_one(SenderUse, scene.messages[0].id).step = "message"


def to_a_stranger(scene: Scene) -> None:
    del scene.network.connected[scene.pair(scene.people[0])]


def before_they_accepted(scene: Scene) -> None:
    scene.network.connected[scene.pair(scene.people[0])] = BEGAN + 100


def after_their_answer(scene: Scene) -> None:
    scene.network.wrote[scene.pair(scene.people[1])] = BEGAN + 4.9


def from_two_campaigns(scene: Scene) -> None:
    scene.network.taken.add(("one", scene.people[0].identity))


def invited_again(scene: Scene) -> None:
    scene.network.repeated.append(scene.deeds[0].name)


def acceptance_lost(scene: Scene) -> None:
    scene.people[0].connected_at = None


def waiting_for_what_was_told(scene: Scene) -> None:
    scene.people[0].status = "connection_sent"


def timed_out_although_they_accepted(scene: Scene) -> None:
    scene.people[0].status = "timed_out"


def replied_without_an_answer(scene: Scene) -> None:
    scene.people[0].status = "replied"


def left_out_for_nothing(scene: Scene) -> None:
    scene.people[0].status = "cancelled"


Breaches = list[tuple[Callable[[Scene], None], str]]
BREACHES: Breaches = [
    (twice, "twice"),
    (lost, "books"),
    (lost, "skipped"),
    (forgotten, "skipped"),
    (never_told, "books"),
    (closed, "hours"),
    (paused, "hours"),
    (over_the_campaigns_limit, "limits"),
    (over_the_senders_limit, "limits"),
    (leaking, "counters"),
    (hasty, "gaps"),
    (no_means_no, "suppressed"),
    (unknown_for_no_reason, "unknown"),
    (too_early, "delay"),
    (another_sender, "sender"),
]
BREACHES_AT_LINKEDIN: Breaches = [
    (over_the_week, "weeks"),
    (over_the_week_by_what_may_have_left, "weeks"),
    (over_the_week_once_it_was_lowered, "weeks"),
    (miscounted, "counters"),
    (to_a_stranger, "strangers"),
    (before_they_accepted, "strangers"),
    (after_their_answer, "answered"),
    (from_two_campaigns, "elsewhere"),
    (invited_again, "twice"),
    (acceptance_lost, "told"),
    (waiting_for_what_was_told, "skipped"),
    (timed_out_although_they_accepted, "skipped"),
    (replied_without_an_answer, "skipped"),
    (left_out_for_nothing, "skipped"),
]


@pytest.fixture
def make_scene(sqlite_db: Database) -> Iterator[Callable[[str], Scene]]:
    with sqlite_db.sessions() as session:
        yield lambda kind: Scene(session, kind)


@pytest.fixture(params=[EMAIL, LINKEDIN])
def scene(request: pytest.FixtureRequest, make_scene: Callable[[str], Scene]) -> Scene:
    return make_scene(request.param)


@pytest.fixture
def linked(make_scene: Callable[[str], Scene]) -> Scene:
    return make_scene(LINKEDIN)


def test_all_in_order_is_no_finding(scene: Scene) -> None:
    assert scene.verdict() == {}


@pytest.mark.parametrize(("breach", "rule"), BREACHES)
def test_a_breach_is_found(scene: Scene, breach: Callable[[Scene], None], rule: str) -> None:
    breach(scene)
    assert rule in scene.verdict()


@pytest.mark.parametrize(("breach", "rule"), BREACHES_AT_LINKEDIN)
def test_a_breach_at_linkedin_is_found(linked: Scene, breach: Callable[[Scene], None], rule: str) -> None:
    breach(linked)
    assert {*linked.verdict()} == {rule}


def test_a_mail_to_an_address_that_wants_none_is_found(make_scene: Callable[[str], Scene]) -> None:
    scene = make_scene(EMAIL)
    scene.suppressed = ["corp.example"]
    assert scene.verdict() == {"suppressed": 4}


def test_whoever_has_not_accepted_yet_is_waited_for(linked: Scene) -> None:
    linked.people[0].status, linked.people[0].connected_at = "connection_sent", None
    pair = linked.pair(linked.people[0])
    del linked.network.told[pair], linked.deeds[2]
    linked.messages[2].status = "skipped"
    linked.session.delete(linked.session.get_one(SenderUse, linked.messages[2].id))
    linked.sender_day.used = 3
    assert linked.verdict() == {}


def test_whoever_waits_for_a_week_that_is_used_up_is_not_forgotten(linked: Scene) -> None:
    forgotten(linked)
    linked.network.weeks[called(linked.sender), "message"] = [Span(0, 0, 2)]
    assert linked.verdict() == {}


def test_a_message_in_hand_when_an_answer_is_told_is_no_finding(linked: Scene) -> None:
    linked.network.wrote[linked.pair(linked.people[1])] = BEGAN + 5.5
    assert linked.verdict() == {}


def test_an_unknown_outcome_whose_answer_never_came_is_no_finding(scene: Scene) -> None:
    scene.messages[3].status = "unknown"
    scene.doubts.append(Doubt(BEGAN + 6, scene.deeds[3].name))
    assert scene.verdict() == {}


@pytest.mark.parametrize("named", [True, False])
def test_an_unknown_outcome_whose_lane_was_killed_is_no_finding(scene: Scene, named: bool) -> None:
    scene.messages[3].status = "unknown"
    scene.kill(6.05, called(scene.sender) if named else None)
    assert scene.verdict() == {}


def test_one_kill_excuses_one_unknown_outcome(scene: Scene) -> None:
    scene.messages[2].status = scene.messages[3].status = "unknown"
    scene.kill(6.05, called(scene.sender))
    assert scene.verdict() == {"unknown": 1}


@pytest.mark.parametrize(
    ("number", "at", "whose"),
    [
        (3, 6.05, "another@ours.test"),  # the lane of another account
        (3, 5.95, None),  # before it was claimed
        (1, 4.05, None),  # its lane had claimed another since, so it had written this one down
        (3, 8.00, ""),  # a lane that had not said whose it is, so long after claiming
    ],
)
def test_the_kill_of_another_moment_excuses_no_unknown_outcome(
    scene: Scene, number: int, at: float, whose: str | None
) -> None:
    scene.messages[number].status = "unknown"
    scene.kill(at, called(scene.sender) if whose is None else whose or None)
    assert scene.verdict() == {"unknown": 1}


def test_what_was_sent_again_by_a_persons_word_counts_twice_for_its_account(scene: Scene) -> None:
    scene.sender_day.used = 5
    scene.again[scene.sender.id] = 1
    assert scene.verdict() == {}


def test_nobody_waits_at_the_very_end(scene: Scene) -> None:
    scene.campaign.status = "completed"
    assert scene.last_word() == {}
    forgotten(scene)
    scene.campaign.status = "active"
    scene.messages[2].status = "unknown"
    assert scene.last_word() == {"skipped": 3}


def test_a_message_in_hand_when_the_hours_close_is_no_finding(scene: Scene) -> None:
    scene.ours.hours.append(Span(BEGAN + 1.5, BEGAN + 1.6, make.week("23:00", "23:01")))
    scene.ours.hours.append(Span(BEGAN + 2.3, BEGAN + 2.4, None))
    assert scene.verdict() == {}


def test_hours_are_read_on_their_own_clock() -> None:
    nine_to_five = make.week("09:00", "17:00", zone="Asia/Kathmandu")
    kathmandu = datetime(2026, 3, 2, 3, 15, tzinfo=UTC).timestamp()  # a Monday, 09:00 there
    assert is_open(nine_to_five, kathmandu)
    assert not is_open(nine_to_five, kathmandu - 0.001)
    assert is_open(nine_to_five, kathmandu + 8 * 3600 - 0.001)
    assert not is_open(nine_to_five, kathmandu + 8 * 3600)
