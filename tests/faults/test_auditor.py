"""The auditor finds what it is there to find: each of its rules, broken by hand."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from campaigns.models import Campaign, CampaignDay, Message, Prospect, Sender
from campaigns.models.finding import nodes_of
from tests import make
from tests.faults.audit import Evidence, Findings, audit, completed, is_open
from tests.faults.crew import Kill
from tests.faults.sink import Doubt, Mail
from tests.faults.world import Ours, Span

BEGAN = make.NOW.timestamp()
STEPS = [{**make.EMAIL_STEP, "subject": "one 1"}, {**make.EMAIL_STEP, "subject": "one 2"}, make.END]


class Scene:
    """Two people of one campaign who got both mails, all of it as it should be."""

    def __init__(self, session: Session) -> None:
        self.session = session
        workspace = make.workspace(session)
        self.sender: Sender = make.sender(session, workspace, min_gap=1, max_gap=1)
        self.campaign: Campaign = make.launched(session, workspace, 2, senders=[self.sender], nodes=STEPS, name="one")
        self.people = list(session.query(Prospect).order_by(Prospect.id))
        self.mails: list[Mail] = []
        self.messages: list[Message] = []
        for number, (step, person) in enumerate((step, person) for step in (0, 1) for person in self.people):
            self._send(number, step, person)
        for person in self.people:
            person.status, person.due_at, person.counted_on = "completed", None, make.NOW.date()
        self.sender_day = make.sent_today(session, self.sender, 4)
        self.campaign_day = CampaignDay(campaign_id=self.campaign.id, day=make.NOW.date(), used=2)
        session.add(self.campaign_day)
        ours = Ours(str(self.campaign.id), "one", "UTC", [Span(0, 0, None)], [Span(0, 0, "active")], [Span(0, 0, 500)])
        self.ours = ours
        self.doubts: list[Doubt] = []
        self.kills: list[Kill] = []
        self.suppressed: list[str] = []
        self.delay_minutes = 0
        self.again: Counter[UUID] = Counter()

    def _send(self, number: int, step: int, person: Prospect) -> None:
        node = nodes_of(self.session, self.campaign.id)[step]
        name, began = f"<{number}@x>", BEGAN + 2 * number
        at = datetime.fromtimestamp(began, UTC)
        self.messages.append(make.message(self.session, person, node, rfc_message_id=name, claimed_at=at, sent_at=at))
        mail = Mail(began, began + 0.1, str(self.sender.email_address), str(person.email), name, f"one {step + 1}")
        self.mails.append(mail)

    def verdict(self) -> dict[str, int]:
        self.session.flush()
        evidence = Evidence(
            self.mails, self.doubts, {}, self.kills, [self.ours], self.suppressed, self.delay_minutes, "UTC", self.again
        )
        return dict(audit(self.session, evidence).counts)

    def kill(self, at: float, *senders: str | None) -> None:
        """A kill so many seconds after the beginning, that cut off the lanes of these accounts."""
        self.kills.append(Kill(BEGAN + at, "lane", 1, senders))

    def last_word(self) -> dict[str, int]:
        """What is wrong at the very end."""
        self.session.flush()
        found = Findings()
        completed(found, self.session)
        return dict(found.counts)


def twice(scene: Scene) -> None:
    scene.mails.append(replace(scene.mails[0], began=BEGAN + 9, at=BEGAN + 9.1))


def lost(scene: Scene) -> None:
    del scene.mails[3]


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
    scene.mails[1] = replace(scene.mails[1], began=BEGAN + 0.5, at=BEGAN + 0.6)


def no_means_no(scene: Scene) -> None:
    scene.suppressed = [scene.mails[0].recipient]


def no_domain_either(scene: Scene) -> None:
    scene.suppressed = ["corp.example"]


def unknown_for_no_reason(scene: Scene) -> None:
    scene.messages[3].status = "unknown"


def too_early(scene: Scene) -> None:
    scene.delay_minutes = 1


def another_sender(scene: Scene) -> None:
    other = make.sender(scene.session, scene.campaign.workspace)
    scene.mails[3] = replace(scene.mails[3], sender=str(other.email_address))


BREACHES: list[tuple[Callable[[Scene], None], str]] = [
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
    (no_domain_either, "suppressed"),
    (unknown_for_no_reason, "unknown"),
    (too_early, "delay"),
    (another_sender, "sender"),
]


@pytest.fixture
def scene(sqlite_db: object) -> Scene:
    session = sqlite_db.sessions()  # type: ignore[attr-defined]
    scene = Scene(session)
    yield scene
    session.close()


def test_all_in_order_is_no_finding(scene: Scene) -> None:
    assert scene.verdict() == {}


@pytest.mark.parametrize(("breach", "rule"), BREACHES)
def test_a_breach_is_found(scene: Scene, breach: Callable[[Scene], None], rule: str) -> None:
    breach(scene)
    assert rule in scene.verdict()


def test_an_unknown_outcome_whose_answer_never_came_is_no_finding(scene: Scene) -> None:
    scene.messages[3].status = "unknown"
    scene.doubts.append(Doubt(BEGAN + 6, scene.mails[3].message_id, taken=True))
    assert scene.verdict() == {}


@pytest.mark.parametrize("named", [True, False])
def test_an_unknown_outcome_whose_lane_was_killed_is_no_finding(scene: Scene, named: bool) -> None:
    scene.messages[3].status = "unknown"
    scene.kill(6.05, str(scene.sender.email_address) if named else None)
    assert scene.verdict() == {}


def test_one_kill_excuses_one_unknown_outcome(scene: Scene) -> None:
    scene.messages[2].status = scene.messages[3].status = "unknown"
    scene.kill(6.05, scene.sender.email_address)
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
    scene.kill(at, scene.sender.email_address if whose is None else whose or None)
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
