"""Pages of a roster, filtered."""

from itertools import count

import pytest
from sqlalchemy.orm import Session

from campaigns.models import Campaign, Workspace
from campaigns.models.finding import nodes_of
from campaigns.rostering import Filter, edit, listed
from tests import make

STEPS = [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END]


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make.workspace(session)


@pytest.fixture
def spring(session: Session, workspace: Workspace) -> Campaign:
    """Seven people, in turns waiting for the first step and for the second, and one of the latter who replied."""
    campaign = make.launched(session, workspace, 0, nodes=STEPS)
    nodes = nodes_of(session, campaign.id)
    for number in range(7):
        place = {"current_node_id": nodes[number % 2 * 2].id, "status": ("pending", "sent")[number % 2]}
        make.prospect(session, campaign, first_name=f"Ann{number}", last_name="Lee", **place)
    make.prospect(session, campaign, first_name="Bob", status="replied", current_node_id=nodes[2].id)
    return campaign


def names(session: Session, campaign: Campaign, wanted: Filter, limit: int = 2) -> list[str | None]:
    """Those on all pages, which together are as many as are said to be."""
    found: list[str | None] = []
    for page in count(1):
        people, total = listed(session, campaign, wanted, page=page, limit=limit)
        if not people:
            break
        found += [one.first_name for one in people]
    assert total == len(found)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_the_pages_of_each_filter_hold_everybody_once_in_order(session: Session, spring: Campaign, limit: int) -> None:
    first, _, second, _ = (node.id for node in nodes_of(session, spring.id))
    waiting, sent = ["Ann0", "Ann2", "Ann4", "Ann6"], ["Ann1", "Ann3", "Ann5"]
    for wanted, expected in {
        Filter(): [*(f"Ann{number}" for number in range(7)), "Bob"],
        Filter("pending"): waiting,
        Filter("replied"): ["Bob"],
        Filter("bounced"): [],
        Filter(node_id=first): waiting,
        Filter(node_id=second): ["Bob", *sent],  # by status
        Filter("sent", second): sent,
        Filter("sent", first): [],
        Filter(search="lee"): [f"Ann{number}" for number in range(7)],
        Filter("sent", None, "lee"): sent,
        Filter(None, second, "lee"): sent,
        Filter("pending", second, "lee"): [],
        Filter(search="?"): [],
    }.items():
        assert names(session, spring, wanted, limit) == expected, wanted


def test_nobody_of_another_campaign_is_listed(session: Session, workspace: Workspace, spring: Campaign) -> None:
    other = make.launched(session, workspace, 1, people={"last_name": "Lee"})
    assert names(session, other, Filter(node_id=nodes_of(session, spring.id)[0].id)) == []
    assert len(names(session, other, Filter(search="lee"))) == 1


def test_another_profile_is_somebody_else_at_linkedin(session: Session, workspace: Workspace) -> None:
    campaign = make.launched(session, workspace, 1, type="linkedin")
    [ann] = listed(session, campaign, Filter(), page=1, limit=1)[0]
    known = {"provider_id": "ACoAAB", "connected_at": make.NOW}
    ann.provider_id, ann.connected_at = known.values()
    ids = workspace.id, campaign.id, ann.id
    edit(session, *ids, {"linkedin_url": f"https://{ann.identity}/", "first_name": "Ann"}, now=make.NOW)
    assert (ann.provider_id, ann.connected_at) == tuple(known.values())
    edit(session, *ids, {"linkedin_url": "https://linkedin.com/in/bob"}, now=make.NOW)
    assert (ann.provider_id, ann.connected_at) == (None, None)
