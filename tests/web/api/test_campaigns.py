"""Campaigns over the API: made, listed, read, edited, checked, moved and deleted (CONTRACT sections 2, 6 and 7)."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from campaigns import launching
from campaigns.models import Bell
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, Clock, fields, somebody, told

Paths = list[str]


def made(alice: Caller, name: str = "Spring", **body: object) -> str:
    """The path of a new campaign."""
    answer = alice.post("/campaigns", {"type": "email", "name": name, **body})
    assert answer.status_code == 201, answer.json
    return answer.headers["Location"].removeprefix("/api")


def ready(alice: Caller, db: Database, **values: object) -> str:
    """The path of a draft that can be launched."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        campaign = make.campaign(session, workspace, senders=[make.sender(session, workspace)], **values)
        make.prospect(session, campaign)
        return f"/campaigns/{campaign.id}"


def start(path: str, db: Database) -> None:
    """What the launch job does."""
    with db.sessions.begin() as session:
        assert launching.start(session, UUID(path.rpartition("/")[2]), now=make.NOW, by=None)


# Making


def test_a_new_email_campaign_has_the_defaults_of_the_contract(alice: Caller) -> None:
    answer = alice.post("/campaigns", {"type": "email", "name": " Spring ", "sender_account_ids": []})
    assert answer.status_code == 201
    campaign = answer.json["campaign"]
    assert answer.headers["Location"] == f"/api/campaigns/{campaign['id']}"
    nine_to_five = [{"start": "09:00", "end": "17:00"}]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), nine_to_five)
    assert campaign["operating_hours"] == {"timezone": "Europe/Berlin", **week, "saturday": [], "sunday": []}
    expected = {"name": "Spring", "status": "draft", "daily_limit": 50, "stop_on_reply": True, "open_tracking": False}
    assert expected.items() <= campaign.items()
    assert [node["type"] for node in answer.json["sequence_nodes"]] == ["email", "end"]
    assert alice.get(answer.headers["Location"].removeprefix("/api")).json["campaign"] == campaign


def test_a_new_linkedin_campaign_begins_with_an_invitation(alice: Caller) -> None:
    answer = alice.post("/campaigns", {"type": "linkedin", "name": "Spring"})
    assert [node["type"] for node in answer.json["sequence_nodes"]] == ["connection_request", "end"]
    assert answer.json["campaign"]["skip_other_campaigns"] is True


def test_a_campaign_can_be_made_with_every_field(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        sender = str(make.sender(session, session.get_one(make.Workspace, alice.workspace_id)).id)
    body = {
        "type": "email",
        "name": "Spring",
        "sender_account_ids": [sender],
        "account_limits": [{"account_id": sender, "daily_limit": 7}],
        "operating_hours": None,
        "daily_limit": 20,
        "signature": "Sarah",
        "sequence_nodes": [make.EMAIL_STEP, make.delay(days=2), make.FOLLOW_UP, make.END],
        "colour": "red",
    }
    answer = alice.post("/campaigns", body).json
    assert answer["campaign"]["operating_hours"] is None
    assert answer["campaign"]["account_limits"] == body["account_limits"]
    assert [each["id"] for each in answer["campaign"]["sender_accounts"]] == [sender]
    assert [node["position"] for node in answer["sequence_nodes"]] == [0, 1, 2, 3]
    assert [each["field"] for each in answer["changes"]["ignored"]] == ["colour"]


@pytest.mark.parametrize("kind", [None, "sms", 1, ["email"], {"a": 1}, "EMAIL"])
def test_a_campaign_of_no_known_type_is_refused(alice: Caller, kind: object) -> None:
    assert fields(told(alice.post("/campaigns", {"type": kind, "name": "Spring"}), 400, "invalid")) == ["type"]


def test_a_campaign_needs_a_name(alice: Caller) -> None:
    assert fields(told(alice.post("/campaigns", {"type": "email"}), 400, "invalid")) == ["name"]


def test_a_name_is_given_once_in_a_workspace(alice: Caller, bob: Caller, db: Database) -> None:
    made(alice, "Spring")
    other = made(alice, "Summer")
    before = db.dump()
    for answer in (
        alice.post("/campaigns", {"type": "linkedin", "name": "  Spring"}),
        alice.patch(other, {"name": "Spring", "daily_limit": 9}),
    ):
        error = told(answer, 409, "name_taken")
        assert fields(error) == ["name"]
        assert "choose another" in error["error"]
    assert db.dump() == before
    made(bob, "Spring")


def test_a_refused_campaign_leaves_no_trace(alice: Caller, db: Database) -> None:
    before = db.dump()
    nodes = [make.EMAIL_STEP, make.END, make.END]
    told(alice.post("/campaigns", {"type": "email", "name": "Spring", "sequence_nodes": nodes}), 400)
    answer = alice.post(
        "/campaigns", {"type": "email", "name": "Spring", "colour": 1}, headers={"Prefer": "handling=strict"}
    )
    assert fields(told(answer, 400)) == ["colour"]
    assert db.dump() == before


# Listing


def test_running_campaigns_come_first_then_drafts_then_completed_ones(alice: Caller, db: Database) -> None:
    statuses = ("completed", "draft", "paused", "active", "launching", "draft", "completed")
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        for status in statuses:
            make.campaign(session, workspace, status=status)
    answer = alice.get("/campaigns").json
    listed = [campaign["status"] for campaign in answer["campaigns"]]
    assert set(listed[:3]) == {"active", "paused", "launching"}
    assert listed[3:] == ["draft", "draft", "completed", "completed"]
    assert {key: answer[key] for key in ("total", "page", "limit")} == {"total": 7, "page": 1, "limit": 50}


def test_the_latest_edited_comes_first_among_equals(alice: Caller, clock: Clock) -> None:
    paths = [made(alice, name) for name in ("One", "Two", "Three")]
    clock.pass_by(minutes=1)
    alice.patch(paths[0], {"daily_limit": 9})
    assert [each["name"] for each in alice.get("/campaigns").json["campaigns"]] == ["One", "Three", "Two"]


def test_a_list_comes_in_pages(alice: Caller) -> None:
    for number in range(5):
        made(alice, f"Campaign {number}")
    pages = [alice.get(f"/campaigns?page={page}&limit=2").json for page in (1, 2, 3, 4)]
    assert [len(page["campaigns"]) for page in pages] == [2, 2, 1, 0]
    assert {page["total"] for page in pages} == {5}
    names = [each["name"] for page in pages for each in page["campaigns"]]
    assert len(set(names)) == 5


def test_the_list_counts_nodes(alice: Caller) -> None:
    made(alice, sequence_nodes=[make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END])
    assert alice.get("/campaigns").json["campaigns"][0]["node_count"] == 4


LISTS = ("/campaigns", "/senders", "/keys")


@pytest.mark.parametrize("path", LISTS)
def test_a_page_that_cannot_be_is_refused(alice: Caller, path: str) -> None:
    pages = ("0", "-1", "x", "", "1.0", "٣", "00000000000199999999999999999999", "1000001")
    limits = ("0", "201", "99999999999999999999")
    for name, values in (("page", pages), ("limit", limits)):
        for value in values:
            assert fields(told(alice.get(f"{path}?{name}={value}"), 400, "invalid")) == [name]
    answer = alice.get(f"{path}?page=1000000&limit=200").json
    assert answer[path[1:]] == []
    assert (answer["page"], answer["limit"]) == (1000000, 200)


def test_a_list_costs_the_same_for_few_and_for_many(alice: Caller, db: Database) -> None:
    def cost(more: int) -> int:
        with db.sessions.begin() as session:
            workspace = session.get_one(make.Workspace, alice.workspace_id)
            for _ in range(more):
                senders = [make.sender(session, workspace) for _ in range(2)]
                make.campaign(session, workspace, senders=senders)
        with db.counting() as statements:
            assert alice.get("/campaigns?limit=200").status_code == 200
        return len(statements)

    assert cost(2) == cost(6)


# Reading


def test_reading_a_campaign_counts_its_people(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    alice.post(f"{path}/launch")
    start(path, db)
    answer = alice.get(path).json
    assert set(answer) == {"campaign", "sequence_nodes", "prospects_by_status", "prospects_by_node"}
    assert answer["prospects_by_status"]["pending"] == 1
    assert sum(answer["prospects_by_status"].values()) == answer["campaign"]["stats"]["total"] == 1
    first, end = (node["id"] for node in answer["sequence_nodes"])
    assert answer["prospects_by_node"] == {first: 1, end: 0}


# Editing


def test_nothing_wanted_is_nothing_done(alice: Caller, db: Database) -> None:
    path = made(alice)
    before = db.dump()
    answer = alice.patch(path, {})
    assert answer.status_code == 200
    assert set(answer.json) == {"campaign", "sequence_nodes", "changes", "wake_up"}
    assert answer.json["changes"] == {"applied": [], "unchanged": [], "ignored": []}
    assert answer.json["wake_up"] is None
    assert db.dump() == before


@pytest.mark.parametrize(
    ("prefer", "strict"),
    [
        ("handling=strict", True),
        ("Handling = Strict", True),
        ("respond-async, handling=strict; x=1", True),
        ('handling="strict"', True),
        ("handling=lenient", False),
        ("strict", False),
    ],
)
def test_a_wish_for_strictness_is_read_as_the_rfc_writes_it(alice: Caller, prefer: str, strict: bool) -> None:
    answer = alice.patch(made(alice), {"colour": "red"}, headers={"Prefer": prefer})
    assert answer.status_code == (400 if strict else 200)


def test_new_hours_of_an_active_campaign_ask_for_a_wake_up(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    alice.post(f"{path}/launch")
    start(path, db)
    db.rung.clear()
    hours = make.week()
    wake_up = alice.patch(path, {"operating_hours": hours}).json["wake_up"]
    assert (wake_up["cause"], wake_up["requested_by"]) == ("operating_hours", alice.email)
    assert (wake_up["old_operating_hours"], wake_up["new_operating_hours"]) == (None, hours)
    assert wake_up["finished_at"] is None
    assert Bell("wake", (wake_up["id"],)) in db.rung
    db.rung.clear()
    again = alice.patch(path, {"operating_hours": hours}).json
    assert (again["wake_up"], again["changes"]["unchanged"], db.rung) == (None, ["operating_hours"], [])
    listed = alice.get(f"{path}/wake-ups").json
    assert listed["wake_ups"][0] == wake_up
    assert [each["cause"] for each in listed["wake_ups"]] == ["operating_hours", "launch"]
    assert {key: listed[key] for key in ("total", "page", "limit")} == {"total": 2, "page": 1, "limit": 50}


@pytest.mark.parametrize("status", ["draft", "paused", "completed"])
def test_new_hours_wake_nobody_where_nothing_runs(alice: Caller, db: Database, status: str) -> None:
    path = ready(alice, db, status=status)
    assert alice.patch(path, {"operating_hours": make.week()}).json["wake_up"] is None
    assert db.rung == []


def test_a_sequence_goes_out_and_comes_back(alice: Caller) -> None:
    path = made(alice)
    nodes = alice.get(path).json["sequence_nodes"]
    new = [make.FOLLOW_UP, make.delay(minutes=1), {**nodes[0], "subject": "Kept", "position": 99}, nodes[1]]
    answer = alice.patch(path, {"sequence_nodes": new}).json["sequence_nodes"]
    assert [node["position"] for node in answer] == [0, 1, 2, 3]
    assert [node["id"] for node in answer[2:]] == [node["id"] for node in nodes]
    assert answer[2]["subject"] == "Kept"
    again = alice.patch(path, {"sequence_nodes": answer}).json
    assert again["changes"]["unchanged"] == ["sequence_nodes"]
    assert alice.get(path).json["sequence_nodes"] == answer


def test_a_dry_run_says_what_an_edit_would_do_and_writes_nothing(alice: Caller, db: Database) -> None:
    path = made(alice)
    before = db.dump()
    answer = alice.patch(f"{path}?dry_run=true", {"name": "Summer", "mood": 1}).json
    assert answer["dry_run"] is True
    assert answer["campaign"]["name"] == "Summer"
    assert answer["changes"]["applied"] == ["name"]
    assert answer["changes"]["ignored"][0]["field"] == "mood"
    assert answer["wake_up"] is None
    assert answer["impact"] is None
    assert db.dump() == before
    assert db.rung == []


def test_a_dry_run_refuses_what_an_edit_would_refuse(alice: Caller, db: Database) -> None:
    path = made(alice)
    before = db.dump()
    assert fields(told(alice.patch(f"{path}?dry_run=true", {"daily_limit": 0}), 400)) == ["daily_limit"]
    strict = {"Prefer": "handling=strict"}
    assert fields(told(alice.patch(f"{path}?dry_run=1", {"mood": 1}, headers=strict), 400)) == ["mood"]
    assert fields(told(alice.patch(f"{path}?dry_run=maybe", {"name": "Summer"}), 400)) == ["dry_run"]
    assert db.dump() == before


def test_a_dry_run_of_false_is_an_edit(alice: Caller) -> None:
    path = made(alice)
    assert alice.patch(f"{path}?dry_run=false", {"name": "Summer"}).status_code == 200
    assert alice.get(path).json["campaign"]["name"] == "Summer"


def test_new_hours_are_tried_on_everybody_who_sleeps(alice: Caller, db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        sender = make.sender(session, workspace, min_gap=60, max_gap=60)
        launched = make.launched(session, workspace, 5, senders=[sender], operating_hours=make.week("01:00", "02:00"))
    path = f"/campaigns/{launched.id}"
    before = db.dump()
    answer = alice.patch(f"{path}?dry_run=true", {"operating_hours": None}).json
    impact = answer["impact"]
    assert (impact["sleeping"], impact["resumed"], impact["slept_again"]) == (5, 5, 0)
    assert impact["first_send_at"]["after"] == "2026-03-02T10:00:00Z"
    assert impact["last_send_at"]["after"] == "2026-03-02T10:04:00Z"
    assert impact["first_send_at"]["before"] == "2026-03-03T01:00:00Z"
    assert impact["bottleneck"] == {
        "sender_account_id": str(sender.id),
        "label": sender.label,
        "gate": "sender_gap",
    }
    assert db.dump() == before
    assert db.rung == []


# Checking and moving


def test_a_checklist_says_what_is_missing_and_changes_nothing(alice: Caller, db: Database) -> None:
    path = made(alice)
    before = db.dump()
    answer = alice.get(f"{path}/validate")
    assert answer.status_code == 200
    assert set(answer.json) == {"ready", "checks", "errors", "warnings"}
    assert answer.json["ready"] is False
    assert {each["field"] for each in answer.json["errors"]} >= {"prospects", "sender_account_ids"}
    assert all(set(check) == {"name", "ok", "message"} for check in answer.json["checks"])
    assert db.dump() == before
    assert fields(told(alice.post(f"{path}/launch"), 400, "not_ready")) == [e["field"] for e in answer.json["errors"]]
    assert db.dump() == before


def test_an_unknown_placeholder_is_told_at_launch_with_its_step(alice: Caller, db: Database) -> None:
    steps = [make.EMAIL_STEP, {"type": "email", "subject": "Hi", "body": "%shoe_size%"}, make.END]
    path = ready(alice, db, nodes=steps)
    error = told(alice.post(f"{path}/launch"), 400, "not_ready")
    assert fields(error) == ["sequence_nodes[1].body"]
    assert "Email 2" in error["error"]
    assert "shoe_size" in error["error"]


def test_a_campaign_is_launched_paused_and_resumed(alice: Caller, db: Database) -> None:
    path = ready(alice, db)
    assert alice.get(f"{path}/validate").json["ready"] is True
    launched = alice.post(f"{path}/launch")
    assert (launched.status_code, launched.json["campaign"]["status"]) == (200, "launching")
    assert (launched.json["skippedProspects"], launched.json["skippedCount"]) == ([], 0)
    assert Bell("launch", (path.rpartition("/")[2], str(alice.email))) in db.rung
    told(alice.post(f"{path}/launch"), 409, "launch_in_flight")
    start(path, db)
    assert alice.get(path).json["campaign"]["launched_at"] == "2026-03-02T10:00:00Z"
    assert alice.post(f"{path}/pause").json["campaign"]["status"] == "paused"
    assert alice.post(f"{path}/resume").json["campaign"]["status"] == "active"


def test_a_launch_tells_whom_it_skips_and_for_which_campaign(
    alice: Caller, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "MOST_NAMED", 2)
    profiles = [f"https://www.linkedin.com/in/ann{number}" for number in range(3)]
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        seat = make.sender(session, workspace, type="linkedin")
        spring = make.campaign(session, workspace, type="linkedin", name="Spring", status="active")
        summer = make.campaign(session, workspace, type="linkedin", senders=[seat], skip_other_campaigns=True)
        for profile in profiles:
            make.prospect(session, spring, linkedin_url=profile)
            make.prospect(session, summer, linkedin_url=profile.upper(), first_name="Ann", last_name="Lee")
        make.prospect(session, summer)
    path = f"/campaigns/{summer.id}"
    (warning,) = alice.get(f"{path}/validate").json["warnings"]
    assert warning["field"] == "skip_other_campaigns"
    launched = alice.post(f"{path}/launch")
    assert (launched.status_code, launched.json["skippedCount"]) == (200, 3)
    skipped = launched.json["skippedProspects"]
    assert [one.pop("linkedin_url") for one in skipped] == [profile.upper() for profile in profiles[:2]]
    listed = alice.get(f"{path}/prospects?status=cancelled").json["prospects"]
    people = [f"{path}/prospects/{one.pop('id')}" for one in skipped]
    assert people == [f"{path}/prospects/{one['id']}" for one in listed][:2]
    same = {"name": "Ann Lee", "campaign_id": str(spring.id), "campaign_name": "Spring"}
    assert skipped == [same | {"reason": "Skipped: already in the campaign “Spring”."}] * 2
    told(alice.post(f"{people[0]}/insist"), 400, "wrong_state")
    start(path, db)
    assert alice.post(f"{people[0]}/insist").json["prospect"]["status"] == "pending"


@pytest.mark.parametrize(
    ("verb", "statuses"),
    [
        ("launch", ("active", "paused", "completed")),
        ("pause", ("draft", "launching", "paused", "completed")),
        ("resume", ("draft", "launching", "active", "completed")),
    ],
)
def test_a_move_from_the_wrong_state_names_that_state(
    alice: Caller, db: Database, verb: str, statuses: tuple[str, ...]
) -> None:
    for status in statuses:
        path = ready(alice, db, status=status)
        before = db.dump()
        error = told(alice.post(f"{path}/{verb}"), 400, "wrong_state")
        assert status in error["error"]
        assert db.dump() == before


# Deleting, and strangers


@pytest.mark.parametrize("status", ["draft", "active", "completed"])
def test_a_deleted_campaign_is_gone_with_all_that_belongs_to_it(alice: Caller, db: Database, status: str) -> None:
    path = ready(alice, db, status=status)
    answer = alice.delete(path)
    assert (answer.status_code, answer.data) == (204, b"")
    told(alice.get(path), 404, "not_found")
    told(alice.delete(path), 404, "not_found")
    assert not {name: rows for name, rows in db.dump().items() if name in ("prospect", "sequence_node") and rows}


CALLS = [
    ("GET", "", None),
    ("PATCH", "", {"name": "Mine"}),
    ("DELETE", "", None),
    ("GET", "/validate", None),
    ("POST", "/launch", None),
    ("POST", "/pause", None),
    ("POST", "/resume", None),
    ("POST", "/sequence/nodes", make.EMAIL_STEP),
    ("PATCH", "/sequence/nodes", {"nodeId": "NODE", "toPosition": 0}),
    ("DELETE", "/sequence/nodes", {"nodeId": "NODE"}),
    ("PUT", "/sequence/nodes/NODE", {"subject": "Mine"}),
    ("GET", "/prospects", None),
    ("POST", "/prospects", {"prospects": [{"email": "a@b.example"}]}),
    ("PATCH", "/prospects", {"id": "PROSPECT", "first_name": "Mine"}),
    ("DELETE", "/prospects", {"all": True}),
    ("GET", "/prospects/PROSPECT", None),
    ("PATCH", "/prospects/PROSPECT", {"first_name": "Mine"}),
    ("GET", "/prospects/PROSPECT/explain", None),
    ("GET", "/senders", None),
    ("GET", "/wake-ups", None),
]
UNKNOWN = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


def test_a_strangers_campaign_is_as_unknown_as_one_that_does_not_exist(
    alice: Caller, bob: Caller, db: Database
) -> None:
    path = ready(alice, db)
    node = alice.get(path).json["sequence_nodes"][0]["id"]
    prospect = alice.get(f"{path}/prospects").json["prospects"][0]["id"]

    def answers(start: str) -> list[object]:
        found = []
        for method, rest, body in CALLS:
            rest = rest.replace("NODE", node).replace("PROSPECT", prospect)
            if body is not None:
                body = {name: {"NODE": node, "PROSPECT": prospect}.get(str(v), v) for name, v in body.items()}
            answer = bob.call(method, f"{start}{rest}", *([] if body is None else [body]))
            found.append(told(answer, 404, "not_found"))
        return found

    before = db.dump()
    assert answers(path) == answers(f"/campaigns/{UNKNOWN}")
    assert db.dump() == before
    assert bob.get("/campaigns").json["campaigns"] == []


def test_what_belongs_to_another_campaign_is_not_found_in_this_one(alice: Caller, db: Database) -> None:
    path, other = ready(alice, db), ready(alice, db)
    prospect = alice.get(f"{other}/prospects").json["prospects"][0]["id"]
    node = alice.get(other).json["sequence_nodes"][0]["id"]
    before = db.dump()
    told(alice.get(f"{path}/prospects/{prospect}"), 404)
    told(alice.get(f"{path}/prospects/{prospect}/explain"), 404)
    told(alice.patch(f"{path}/prospects/{prospect}", {"first_name": "X"}), 404)
    told(alice.patch(f"{path}/sequence/nodes", {"nodeId": node, "toPosition": 0}), 404)
    told(alice.delete(f"{path}/sequence/nodes", {"nodeId": node}), 404)
    told(alice.put(f"{path}/sequence/nodes/{node}", {"subject": "X"}), 404)
    error = told(alice.patch(path, {"sequence_nodes": [{"type": "email", "id": node}, make.END]}), 400)
    assert fields(error) == ["sequence_nodes[0].id"]
    assert alice.delete(f"{path}/prospects", {"ids": [prospect]}).json["removed"] == 0
    assert db.dump() == before


def test_a_person_of_the_same_workspace_sees_the_same_campaigns(alice: Caller, app: Flask, db: Database) -> None:
    path = made(alice)
    carol = somebody(app, db, "carol@example.com")
    told(carol.get(path), 404)
    with db.sessions.begin() as session:
        session.get_one(make.User, carol.user_id).workspace_id = alice.workspace_id
    assert carol.get(path).status_code == 200


def test_time_stands_in_instants_of_utc(alice: Caller, clock: Clock) -> None:
    clock.now += timedelta(microseconds=250)
    campaign = alice.get(made(alice)).json["campaign"]
    assert campaign["created_at"] == "2026-03-02T10:00:00.000250Z"
