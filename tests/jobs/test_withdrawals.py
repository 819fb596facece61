"""An invitation taken back by the whole stack: the bell, the job, the provider, and the tick for the rest."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.jobs.processes import wait_until
from tests.stack import Stack, running_stack
from tests.unipile_server import ACCOUNT, KEY, UnipileServer

STEPS = [{"type": "connection_request"}, {"type": "message", "body": "Dear"}, {"type": "end"}]
PEOPLE = ("ann", "bob", "carla")


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack() as started:
        started.sign_up()
        yield started


def invited(stack: Stack, unipile: UnipileServer) -> str:
    """A campaign whose people were invited by a seat at the provider."""
    own = {"base_url": unipile.url, "account_id": ACCOUNT, "api_key": KEY}
    seat = {"type": "linkedin", "display_name": "Dora", "provider": "unipile", "seat": own, "min_gap": 0, "max_gap": 0}
    sender = stack.api("POST", "/senders", seat)["id"]
    body: dict[str, Any] = {"type": "linkedin", "name": "Halls", "operating_hours": None, "sequence_nodes": STEPS}
    made = stack.api("POST", "/campaigns", body | {"sender_account_ids": [sender]})["campaign"]["id"]
    people = [{"linkedin_url": f"https://www.linkedin.com/in/{name}"} for name in PEOPLE]
    stack.api("POST", f"/campaigns/{made}/prospects", {"prospects": people})
    stack.api("POST", f"/campaigns/{made}/launch")
    wait_until(lambda: stats(stack, made)["connection_sent"] == len(PEOPLE))
    return str(made)


def stats(stack: Stack, campaign: str) -> dict[str, int]:
    return dict(stack.api("GET", f"/campaigns/{campaign}")["campaign"]["stats"])


def test_whoever_is_withdrawn_leaves_once_the_provider_has_done_it(stack: Stack, unipile: UnipileServer) -> None:
    campaign = invited(stack, unipile)
    for person in stack.api("GET", f"/campaigns/{campaign}/prospects")["prospects"]:
        answer = stack.api("POST", f"/campaigns/{campaign}/prospects/{person['id']}/withdraw")
        assert answer == {"withdrawal": "asked"}
    wait_until(lambda: stats(stack, campaign)["timed_out"] == len(PEOPLE))
    assert sorted(one.slug for one in unipile.withdrawn) == sorted(PEOPLE)
