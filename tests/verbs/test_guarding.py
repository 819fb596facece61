"""A campaign whose messages come back too often is paused."""

import pytest
from sqlalchemy.orm import Session

from campaigns.guarding import Guard, guard
from campaigns.launching import resume
from campaigns.models import Campaign, Prospect
from tests import make
from tests.make import NOW

FIVE_OF_A_HUNDRED = Guard(percent=5, least=100)


def running(session: Session, **people: int) -> Campaign:
    """An active campaign with so many people of each status."""
    campaign = make.launched(session, make.workspace(session), 0)
    for status, number in people.items():
        make.prospects(session, campaign, number, status=status)
    return campaign


def more(session: Session, campaign: Campaign, **people: int) -> list[Prospect]:
    return [
        one for status, number in people.items() for one in make.prospects(session, campaign, number, status=status)
    ]


def status_after(session: Session, campaign: Campaign, limits: Guard = FIVE_OF_A_HUNDRED) -> str:
    guard(session, limits, NOW)
    return campaign.status


@pytest.mark.parametrize(
    ("people", "status"),
    [
        ({"sent": 95, "bounced": 5}, "paused"),
        ({"sent": 96, "bounced": 4}, "active"),
        ({"sent": 94, "bounced": 5}, "active"),
        ({"completed": 50, "replied": 45, "bounced": 5}, "paused"),
        ({"pending": 900, "sent": 10, "bounced": 89}, "active"),
        ({"sent": 1000, "bounced": 49}, "active"),
    ],
)
def test_five_of_a_hundred_pause_it(session: Session, people: dict[str, int], status: str) -> None:
    assert status_after(session, running(session, **people)) == status


def test_the_reason_is_shown(session: Session) -> None:
    campaign = running(session, sent=140, bounced=10)
    guard(session, FIVE_OF_A_HUNDRED, NOW)
    assert campaign.pause_reason == "10 of 150 people bounced: check the addresses"


def test_a_campaign_that_was_resumed_is_judged_by_what_came_after(session: Session) -> None:
    campaign = running(session, sent=90, bounced=10)
    assert status_after(session, campaign) == "paused"
    resume(session, campaign.workspace_id, campaign.id, now=NOW, by="sarah@ours.example")
    assert status_after(session, campaign) == "active"
    more(session, campaign, sent=96, bounced=4)
    assert status_after(session, campaign) == "active"
    more(session, campaign, bounced=2)
    assert status_after(session, campaign) == "paused"
    assert campaign.pause_reason == "6 of 102 people bounced: check the addresses"


def test_nobody_is_guarded_who_does_not_want_to_be(session: Session) -> None:
    assert status_after(session, running(session, bounced=200), Guard(percent=0, least=1)) == "active"


def test_a_paused_campaign_stays_as_it_is(session: Session) -> None:
    campaign = running(session, bounced=200)
    campaign.status, campaign.pause_reason = "paused", "a holiday"
    assert status_after(session, campaign) == "paused"
    assert campaign.pause_reason == "a holiday"
