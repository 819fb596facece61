"""Several clients at the same instant: nobody's change is lost, nobody gets in twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from werkzeug.test import TestResponse

from tests import make
from tests.databases import Database
from tests.web.callers import Caller, told

ROUNDS = 5


def together(*calls: Callable[[], TestResponse]) -> list[TestResponse]:
    """The answers to calls that begin at the same instant."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], TestResponse]) -> TestResponse:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def codes(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def ready(alice: Caller, db: Database) -> str:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)])
        make.prospect(session, campaign)
        return f"/campaigns/{campaign.id}"


def test_edits_at_the_same_instant_come_one_after_the_other(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    edits = [{"daily_limit": 7}, {"signature": "S"}, {"name": "Other"}, {"prospect_timezone": True}]
    answers = together(*(lambda body=body: alice.patch(path, body) for body in edits))
    assert codes(answers) == [200] * 4
    campaign = alice.get(path).json["campaign"]
    assert all(campaign.items() >= body.items() for body in edits)
    assert sorted(answer.json["campaign"]["version"] for answer in answers) == [2, 3, 4, 5]
    assert campaign["version"] == 5


def test_steps_that_are_added_at_the_same_instant_are_all_there(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    answers = together(*(lambda: alice.post(f"{path}/sequence/nodes", make.EMAIL_STEP) for _ in range(4)))
    assert codes(answers) == [201] * 4
    nodes = alice.get(path).json["sequence_nodes"]
    assert [node["position"] for node in nodes] == list(range(6))
    assert nodes[-1]["type"] == "end"


def test_of_two_who_choose_one_name_the_second_is_told(alice: Caller, db: Database) -> None:
    for number in range(ROUNDS):
        body = {"type": "email", "name": f"Spring {number}"}
        answers = together(*(lambda body=body: alice.post("/campaigns", body) for _ in range(2)))
        assert codes(answers) == [201, 409]
        told(next(answer for answer in answers if answer.status_code == 409), 409, "name_taken")
    one, other = ready(alice, db), ready(alice, db)
    answers = together(*(lambda path=path: alice.patch(path, {"name": "Mine"}) for path in (one, other)))
    assert codes(answers) == [200, 409]


def test_a_campaign_is_launched_once(alice: Caller, db: Database) -> None:
    for _ in range(ROUNDS):
        path = ready(alice, db)
        answers = together(*(lambda path=path: alice.post(f"{path}/launch") for _ in range(3)))
        assert codes(answers) == [200, 409, 409]
    assert len([bell for bell in db.rung if bell.job == "launch"]) == ROUNDS


def test_a_person_who_is_added_twice_at_once_is_there_once(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    body = {"prospects": [{"email": f"p{number}@corp.example"} for number in range(50)]}
    answers = together(*(lambda: alice.post(f"{path}/prospects", body) for _ in range(3)))
    assert codes(answers) == [201] * 3
    assert sorted(answer.json["imported"] for answer in answers) == [0, 0, 50]


def test_a_campaign_that_is_deleted_while_it_is_edited_is_gone(alice: Caller, db: Database) -> None:
    for _ in range(ROUNDS):
        path = ready(alice, db)
        deleted, edited = together(lambda p=path: alice.delete(p), lambda p=path: alice.patch(p, {"daily_limit": 9}))
        assert deleted.status_code == 204
        assert edited.status_code in (200, 404)
        told(alice.get(path), 404)


def test_limits_of_a_campaign_and_of_its_account_are_raised_at_the_same_instant(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, daily_limit=1)
        path = f"/campaigns/{make.launched(session, workspace, senders=[sender]).id}"
    for number in range(2, 2 + 2 * ROUNDS):
        limit = [{"account_id": str(sender.id), "daily_limit": number}]
        answers = together(
            lambda limit=limit: alice.patch(path, {"account_limits": limit}),
            lambda number=number: alice.patch(f"/senders/{sender.id}", {"daily_limit": number}),
        )
        assert codes(answers) == [200, 200]
        alice.patch(path, {"account_limits": []})
