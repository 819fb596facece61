"""THE TABLE, field by field, status by status, on both types of campaign: generated from rules/fields.py."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import editing, reporting
from campaigns.editing import Changes
from campaigns.models import (
    AccountLimit,
    Campaign,
    CampaignSender,
    Event,
    Gate,
    Node,
    Sender,
    WakeUp,
    Workspace,
    new_id,
)
from campaigns.models.finding import limits_of, nodes_of, senders_of
from campaigns.rules.fields import BY_NAME, FIELDS, UNKNOWN_REASON, Field
from campaigns.rules.hours import parse_hours
from campaigns.rules.lifecycle import ACTIVE, CAMPAIGN_STATUSES, CAMPAIGN_TYPES, DRAFT, EMAIL, LINKEDIN
from campaigns.rules.refusals import Conflict, Invalid, NotFound
from tests import make
from tests.databases import Database, at_once

NOW = make.NOW + make.minutes(5)
HOURS = make.week("08:00", "18:00", "Europe/Berlin")
CASES = [
    pytest.param(kind, status, row, id=f"{kind}-{status}-{row.name}")
    for kind in CAMPAIGN_TYPES
    for status in CAMPAIGN_STATUSES
    for row in FIELDS
]


@dataclass
class Scene:
    """A campaign in some state, its workspace, and a second account that it may choose."""

    db: Database
    workspace: UUID
    campaign: UUID
    other: UUID

    def edit(self, body: dict[str, Any], **options: Any) -> Changes:
        with self.db.sessions.begin() as session:
            return editing.edit(session, self.workspace, self.campaign, body, now=NOW, by="ann", **options)[1]

    def refused(self, body: dict[str, Any], error: type[Exception] = Invalid, **options: Any) -> Any:
        """The refusal; fails if there is none, or if it left a trace."""
        before, rung = self.db.dump(), len(self.db.rung)
        with pytest.raises(error) as caught:
            self.edit(body, **options)
        assert self.db.dump() == before
        assert len(self.db.rung) == rung
        return caught.value


def scene(db: Database, kind: str = EMAIL, status: str = DRAFT, **values: Any) -> Scene:
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        one, two = (make.sender(session, workspace, type=kind) for _ in range(2))
        made = make.campaign
        if status != DRAFT:
            made = make.launched  # type: ignore[assignment]
        values = {"operating_hours": make.week(), "senders": [one], "status": status} | values
        campaign = made(session, workspace, type=kind, **values)
        return Scene(db, workspace.id, campaign.id, two.id)


def other_value(scene: Scene, name: str) -> Any:
    """A value, right in itself, that the campaign does not have."""
    with scene.db.sessions() as session:
        campaign = session.get_one(Campaign, scene.campaign)
        step = make.EMAIL_STEP if campaign.type == EMAIL else make.CONNECT
    return {
        "name": "Another name",
        "operating_hours": HOURS,
        "prospect_timezone": True,
        "daily_limit": 77,
        "account_limits": [{"account_id": str(scene.other), "daily_limit": 9}],
        "skip_other_campaigns": True,
        "stop_on_reply": False,
        "open_tracking": True,
        "signature": "Sarah",
        "sender_account_ids": [str(scene.other)],
        "sequence_nodes": [{**step, "body": "new"}, make.END],
    }[name]


def stored(session: Session, campaign_id: UUID, name: str) -> Any:
    """A field as the body of a PATCH would give it."""
    session.expire_all()
    if name == "account_limits":
        rows = limits_of(session, campaign_id)
        return [{"account_id": str(row.sender_id), "daily_limit": row.daily_limit} for row in rows]
    if name == "sender_account_ids":
        return [str(sender.id) for sender in senders_of(session, campaign_id)]
    if name == "sequence_nodes":
        return [(node.position, node.type, node.body) for node in nodes_of(session, campaign_id)]
    return getattr(session.get_one(Campaign, campaign_id), name)


def wanted(name: str, value: Any) -> Any:
    if name == "sequence_nodes":
        return [(place, node["type"], node.get("body")) for place, node in enumerate(value)]
    return value


def test_the_table_is_complete() -> None:
    """A new row must be given a value in `other_value`, or the cases below would pass it over."""
    assert {row.name for row in FIELDS} == set(BY_NAME)
    assert len(CASES) == len(FIELDS) * len(CAMPAIGN_STATUSES) * len(CAMPAIGN_TYPES)


def contract_says_editable(kind: str, status: str, name: str) -> bool:
    """CONTRACT section 2 once more, written down apart from the table."""
    both = {"name", "operating_hours", "prospect_timezone", "sender_account_ids", "sequence_nodes"}
    email = {"daily_limit", "account_limits", "stop_on_reply", "open_tracking", "signature"}
    own = both | (email if kind == EMAIL else {"skip_other_campaigns"})
    always = {"name", "operating_hours", "prospect_timezone", "daily_limit", "account_limits"}
    return name in own and (status == DRAFT or name in always)


@pytest.mark.parametrize(("kind", "status", "row"), CASES)
def test_a_field_is_applied_or_ignored_as_the_table_says(db: Database, kind: str, status: str, row: Field) -> None:
    here = scene(db, kind, status)
    value = other_value(here, row.name)
    with db.sessions() as session:
        old = stored(session, here.campaign, row.name)
    editable = contract_says_editable(kind, status, row.name)
    if not editable:
        refusal = here.refused({"name": "Would be fine", row.name: value}, strict=True)
        assert [problem.field for problem in refusal.problems] == [row.name]
    before = db.dump()
    changes = here.edit({row.name: value}, strict=editable)
    with db.sessions() as session:
        new = stored(session, here.campaign, row.name)
        version = session.get_one(Campaign, here.campaign).version
    if editable:
        assert changes.to_json() == {"applied": [row.name], "unchanged": [], "ignored": []}
        assert new == wanted(row.name, value)
        assert new != old
        assert version == 2
        again = here.edit({row.name: resent(here, row.name, value)})
        assert again.to_json() == {"applied": [], "unchanged": [row.name], "ignored": []}
        with db.sessions() as session:
            assert session.get_one(Campaign, here.campaign).version == 2
    else:
        assert (changes.applied, changes.unchanged) == ([], [])
        (ignored,) = changes.ignored
        assert ignored["field"] == row.name
        assert expected_reason(kind, status, row) in ignored["reason"]
        assert db.dump() == before
        assert new == old


def resent(here: Scene, name: str, value: Any) -> Any:
    """The same value as a client would send it back: nodes with the ids they were given."""
    if name != "sequence_nodes":
        return value
    with here.db.sessions() as session:
        ids = [str(node.id) for node in nodes_of(session, here.campaign)]
    return [{**node, "id": node_id} for node, node_id in zip(value, ids, strict=True)]


def expected_reason(kind: str, status: str, row: Field) -> str:
    if kind not in row.types:
        return "LinkedIn campaigns only" if row.types == (LINKEDIN,) else "email campaigns only"
    return f"this campaign is {status}"


SOME_ID = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
WRONG: dict[str, list[Any]] = {
    "name": [None, "", "   ", 7, "x" * 201, "two\nlines", "nul\0", ["a"], True],
    "operating_hours": [
        "always",
        [],
        {},
        {"timezone": "Mars/Base", "monday": [{"start": "09:00", "end": "17:00"}]},
        {"timezone": "UTC", "monday": [{"start": "09:00", "end": "25:00"}]},
        {"timezone": "UTC", "monday": [{"start": "9:00", "end": "17:00"}]},
        {"timezone": "UTC", "monday": [{"start": "17:00", "end": "09:00"}]},
        {"timezone": "UTC", "monday": [{"start": "09:00", "end": "12:00"}, {"start": "11:00", "end": "13:00"}]},
        {"timezone": "UTC", "monday": []},
        {"timezone": "UTC", "monday": [{"start": f"{n:02}:00", "end": f"{n:02}:30"} for n in range(13)]},
    ],
    "prospect_timezone": [None, 1, "true", []],
    "daily_limit": [None, 0, 501, -1, True, "50", 50.0, 10**30, []],
    "account_limits": [
        None,
        {},
        "all",
        [7],
        [{}],
        [{"account_id": SOME_ID}],
        [{"account_id": "not-an-id", "daily_limit": 5}],
        [{"account_id": SOME_ID, "daily_limit": 0}],
        [{"account_id": SOME_ID, "daily_limit": 501}],
        [{"account_id": SOME_ID, "daily_limit": True}],
        [{"account_id": SOME_ID, "daily_limit": 5}] * 51,
    ],
    "skip_other_campaigns": [None, 0, "no"],
    "stop_on_reply": [None, 0, "no"],
    "open_tracking": [None, 0, "no"],
    "signature": [7, ["a"], "x" * 5001, "nul\0", "\ud800"],
    "sender_account_ids": [
        None,
        "all",
        {},
        [7],
        [None],
        ["0190b7a452c37e2f8a3b1c2d3e4f5a6b"],
        ["0190b7a4-52c3-9e2f-8a3b-1c2d3e4f5a6b"],
        [SOME_ID + "\n"],
        [SOME_ID] * 51,
    ],
    "sequence_nodes": [
        None,
        {},
        [7],
        [{}],
        [{"type": "call"}],
        [{"type": "delay", "delay_days": -1}],
        [{"type": "delay", "delay_days": True}],
        [{"type": "end", "id": "7"}],
        [{"type": "email", "subject": 7}],
        [{"type": "delay", "delay_minutes": 5}] * 101,
        [{"type": "end", "id": "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"}] * 2,
    ],
}


def test_every_field_has_wrong_values_to_refuse() -> None:
    assert set(WRONG) == set(BY_NAME)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_type_is_refused_even_where_the_field_is_ignored(sqlite_db: Database, name: str) -> None:
    scenes = [scene(sqlite_db, kind, status) for kind in CAMPAIGN_TYPES for status in (DRAFT, ACTIVE)]
    for raw in WRONG[name]:
        for here in scenes:
            refusal = here.refused({"name": "Would be fine", name: deepcopy(raw)})
            assert all(problem.field.startswith(name) for problem in refusal.problems)
            assert all(problem.message for problem in refusal.problems)
            assert refusal.message.startswith(name)


def test_all_that_is_wrong_is_told_at_once_and_nothing_written(db: Database) -> None:
    refusal = scene(db).refused({"daily_limit": 0, "name": " ", "open_tracking": 1, "signature": "fine"})
    assert [problem.field for problem in refusal.problems] == ["name", "daily_limit", "open_tracking"]
    assert "(and 2 more)" in refusal.message


def test_an_unknown_field_is_ignored_and_said_so(db: Database) -> None:
    here = scene(db)
    changes = here.edit({"name": "New", "colour": {"any": ["thing"]}, "status": "active", "version": 99})
    assert changes.applied == ["name"]
    assert changes.ignored == [{"field": name, "reason": UNKNOWN_REASON} for name in ("colour", "status", "version")]
    assert here.refused({"colour": 1}, strict=True).problems[0].field == "colour"


def test_changes_come_in_the_order_of_the_table(db: Database) -> None:
    here = scene(db)
    body = {row.name: other_value(here, row.name) for row in reversed(FIELDS)}
    changes = here.edit(body)
    assert changes.applied == [row.name for row in FIELDS if EMAIL in row.types]
    assert [item["field"] for item in changes.ignored] == ["skip_other_campaigns"]


def test_an_edit_that_changes_nothing_leaves_no_trace(db: Database) -> None:
    here = scene(db, status=ACTIVE)
    before = db.dump()
    assert here.edit({}).to_json() == {"applied": [], "unchanged": [], "ignored": []}
    assert here.edit({"daily_limit": 500, "operating_hours": make.week()}).unchanged == [
        "operating_hours",
        "daily_limit",
    ]
    assert db.dump() == before
    assert db.rung == []


def test_an_edit_is_written_down_once_with_who_and_what(db: Database) -> None:
    here = scene(db)
    here.edit({"daily_limit": 3, "name": "New"})
    with db.sessions() as session:
        (event,) = session.scalars(select(Event).where(Event.kind == "edited")).all()
        campaign = session.get_one(Campaign, here.campaign)
    assert (event.by, event.at, event.data) == ("ann", NOW, {"fields": ["name", "daily_limit"]})
    assert (campaign.version, campaign.updated_at) == (2, NOW)


def test_a_strangers_campaign_is_not_found(db: Database) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        here.workspace = make.workspace(session).id
    here.refused({"name": "Mine now"}, NotFound)
    here.refused({"name": 7}, NotFound)  # a stranger learns nothing by sending nonsense either


# Names -------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_a_conflict(db: Database) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        campaign = session.get_one(Campaign, here.campaign)
        make.campaign(session, campaign.workspace, name="Taken")
        make.campaign(session, make.workspace(session), name="Free here")
    refusal = here.refused({"name": " Taken ", "daily_limit": 3}, Conflict)
    assert (refusal.code, refusal.problems[0].field) == ("name_taken", "name")
    assert here.edit({"name": "Free here"}).applied == ["name"]
    assert here.edit({"name": "Free here"}).unchanged == ["name"]


def test_a_name_keeps_200_characters_and_its_own_letters(db: Database) -> None:
    here = scene(db)
    here.edit({"name": "  " + "ö" * 200 + " "})
    with db.sessions() as session:
        assert session.get_one(Campaign, here.campaign).name == "ö" * 200


def test_one_of_two_who_choose_the_same_name_at_once_is_told(db: Database) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        workspace = session.get_one(Campaign, here.campaign).workspace
        rival = Scene(db, here.workspace, make.campaign(session, workspace).id, here.other)
    for name in ("A good name", "A better name", "The best name"):
        results = at_once(partial(here.edit, {"name": name}), partial(rival.edit, {"name": name}))
        kinds = sorted(type(result).__name__ for result in results)
        assert kinds == ["Changes", "Conflict"], results


def test_edits_of_one_campaign_go_one_after_the_other(db: Database) -> None:
    here = scene(db, status=ACTIVE)

    results = at_once(*[partial(here.edit, {"daily_limit": n}) for n in range(1, 9)])
    assert [type(result).__name__ for result in results] == ["Changes"] * 8
    with db.sessions() as session:
        campaign = session.get_one(Campaign, here.campaign)
        edits = session.scalars(select(Event).where(Event.kind == "edited").order_by(Event.id)).all()
    assert campaign.version == 9
    assert len(edits) == 8


def test_two_whole_sequences_at_once_end_as_one_of_them(db: Database) -> None:
    here = scene(db)

    def sequence(word: str, length: int) -> Callable[[], Any]:
        nodes = [{"type": "email", "subject": word, "body": ""}] * length
        return lambda: here.edit({"sequence_nodes": [*nodes, make.END]})

    results = at_once(sequence("a", 7), sequence("b", 3))
    assert [type(result).__name__ for result in results] == ["Changes"] * 2, results
    with db.sessions() as session:
        nodes = nodes_of(session, here.campaign)
    assert [node.position for node in nodes] == list(range(len(nodes)))
    assert [node.subject for node in nodes] in (["a"] * 7 + [None], ["b"] * 3 + [None])


# Senders and limits ------------------------------------------------------------------------------


def test_senders_are_replaced_as_a_set_and_keep_their_order(db: Database) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        workspace = session.get_one(Campaign, here.campaign).workspace
        one, two, three = (str(make.sender(session, workspace).id) for _ in range(3))
    here.edit({"sender_account_ids": [three, one]})
    here.edit({"sender_account_ids": [one, two, one, three.upper()]})
    with db.sessions() as session:
        assert stored(session, here.campaign, "sender_account_ids") == [one, two, three]
    here.edit({"sender_account_ids": []})
    with db.sessions() as session:
        assert session.scalars(select(CampaignSender)).all() == []


@pytest.mark.parametrize("name", ["sender_account_ids", "account_limits"])
def test_an_account_that_is_not_ones_own_or_of_the_other_type_is_refused(db: Database, name: str) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        workspace = session.get_one(Campaign, here.campaign).workspace
        strangers = make.sender(session, make.workspace(session)).id
        seat = make.sender(session, workspace, type=LINKEDIN).id
    ids = [here.other, strangers, seat, new_id()]
    path = "{}[{}]" if name == "sender_account_ids" else "{}[{}].account_id"
    body = [str(one) if name == "sender_account_ids" else {"account_id": str(one), "daily_limit": 5} for one in ids]
    refusal = here.refused({name: body})
    assert [problem.field for problem in refusal.problems] == [path.format(name, index) for index in (1, 2, 3)]
    assert "LinkedIn" in refusal.problems[1].message


def test_a_strangers_account_does_no_harm_where_senders_are_ignored(db: Database) -> None:
    here = scene(db, status=ACTIVE)
    changes = here.edit({"sender_account_ids": [str(new_id())], "sequence_nodes": []})
    assert [item["field"] for item in changes.ignored] == ["sender_account_ids", "sequence_nodes"]


def test_a_repeated_account_keeps_its_last_limit(db: Database) -> None:
    here = scene(db)
    with db.sessions() as session:
        first = str(session.scalars(select(CampaignSender.sender_id)).one())
    limits = [(first, 5), (str(here.other), 6), (first.upper(), 500)]
    here.edit({"account_limits": [{"account_id": one, "daily_limit": limit} for one, limit in limits]})
    with db.sessions() as session:
        kept = {str(row.sender_id): row.daily_limit for row in limits_of(session, here.campaign)}
    assert kept == {first: 500, str(here.other): 6}


def test_limits_that_are_left_out_are_gone(db: Database) -> None:
    here = scene(db)
    here.edit({"account_limits": [{"account_id": str(here.other), "daily_limit": 6}]})
    assert here.edit({"account_limits": []}).applied == ["account_limits"]
    with db.sessions() as session:
        assert session.scalars(select(AccountLimit)).all() == []


def test_fifty_accounts_are_as_many_as_may_be(db: Database) -> None:
    here = scene(db)
    with db.sessions.begin() as session:
        workspace = session.get_one(Campaign, here.campaign).workspace
        ids = [str(make.sender(session, workspace).id) for _ in range(50)]
    with db.counting() as statements:
        here.edit(
            {
                "sender_account_ids": ids,
                "account_limits": [{"account_id": one, "daily_limit": 500} for one in ids],
            }
        )
    with db.sessions() as session:
        assert len(session.scalars(select(CampaignSender)).all()) == 50
    assert len(statements) < 25


# Sequences ---------------------------------------------------------------------------------------


def steps(session: Session, campaign_id: UUID) -> list[dict[str, Any]]:
    """The sequence as a client gets it."""
    names = ("type", "subject", "body", "delay_days", "delay_hours", "delay_minutes", "position")
    return [
        {"id": str(node.id)} | {name: getattr(node, name) for name in names} for node in nodes_of(session, campaign_id)
    ]


@pytest.fixture
def story(db: Database) -> tuple[Scene, list[dict[str, Any]]]:
    """A draft with four steps, and these as a client has them."""
    nodes = [make.EMAIL_STEP, make.delay(days=3), make.FOLLOW_UP, make.END]
    here = scene(db, nodes=nodes)
    with db.sessions() as session:
        kept = steps(session, here.campaign)
    return here, kept


def test_steps_keep_their_ids_when_they_are_moved_changed_and_joined_by_new_ones(
    story: tuple[Scene, list[dict[str, Any]]],
) -> None:
    here, (hello, wait, again, end) = story
    new = {"type": "delay", "delay_minutes": 1, "position": 99}
    here.edit({"sequence_nodes": [again | {"body": "Other"}, new, hello, end | {"position": 0}]})
    with here.db.sessions() as session:
        now = steps(session, here.campaign)
    assert [node["position"] for node in now] == [0, 1, 2, 3]
    assert [now[0]["id"], now[2]["id"], now[3]["id"]] == [again["id"], hello["id"], end["id"]]
    assert now[0]["body"] == "Other"
    assert now[1]["id"] not in {hello["id"], wait["id"], again["id"], end["id"]}
    with here.db.sessions() as session:
        assert session.get(Node, UUID(wait["id"])) is None


def test_a_step_of_another_campaign_is_refused(story: tuple[Scene, list[dict[str, Any]]]) -> None:
    here, nodes = story
    with here.db.sessions.begin() as session:
        workspace = session.get_one(Campaign, here.campaign).workspace
        other = make.campaign(session, workspace)
        foreign = str(nodes_of(session, other.id)[0].id)
    hello, *rest = nodes
    for stranger in (foreign, str(new_id())):
        refusal = here.refused({"sequence_nodes": [hello | {"id": stranger}, *rest], "name": "New"})
        assert [problem.field for problem in refusal.problems] == ["sequence_nodes[0].id"]


def test_a_step_keeps_its_type(story: tuple[Scene, list[dict[str, Any]]]) -> None:
    here, (hello, wait, again, end) = story
    refusal = here.refused({"sequence_nodes": [wait | {"type": "email"}, hello, again, end]})
    assert refusal.problems[0].field == "sequence_nodes[0].type"


@pytest.mark.parametrize(
    ("nodes", "field"),
    [
        ([], "sequence_nodes"),
        ([make.EMAIL_STEP], "sequence_nodes"),
        ([make.END, make.EMAIL_STEP], "sequence_nodes[0]"),
        ([make.END, make.END], "sequence_nodes[0]"),
        ([make.delay(), make.END], "sequence_nodes[0]"),
        ([make.delay(days=30, minutes=1), make.END], "sequence_nodes[0]"),
        ([make.CONNECT, make.END], "sequence_nodes[0].type"),
    ],
)
def test_a_sequence_that_cannot_be_is_refused(db: Database, nodes: list[dict[str, Any]], field: str) -> None:
    refusal = scene(db).refused({"sequence_nodes": nodes, "daily_limit": 5})
    assert refusal.problems[0].field == field


def test_a_hundred_steps_are_a_handful_of_statements(db: Database) -> None:
    here = scene(db)
    hundred = [{"type": "email", "subject": f"{n}", "body": "x"} for n in range(99)] + [make.END]
    with db.counting() as made:
        here.edit({"sequence_nodes": hundred})
    with db.sessions() as session:
        kept = steps(session, here.campaign)
    assert [node["subject"] for node in kept[:-1]] == [str(n) for n in range(99)]
    with db.counting() as moved:
        here.edit({"sequence_nodes": [*reversed(kept[:-1]), kept[-1]]})
    with db.sessions() as session:
        assert [node["id"] for node in steps(session, here.campaign)][:-1] == [n["id"] for n in reversed(kept[:-1])]
    with db.counting() as removed:
        here.edit({"sequence_nodes": [kept[-1]]})
    assert max(len(made), len(moved), len(removed)) <= 20


def test_the_steps_are_read_once_for_an_edit_and_its_answer(db: Database) -> None:
    here = scene(db)
    with db.sessions() as session:
        kept = steps(session, here.campaign)
    with db.counting() as sent, db.sessions.begin() as session:
        body = {"sequence_nodes": [{**kept[0], "subject": "Corrected"}, *kept[1:]]}
        campaign, _ = editing.edit(session, here.workspace, here.campaign, body, now=NOW, by="ann")
        answer = reporting.whole_json(session, campaign, NOW)
    assert answer["sequence_nodes"][0]["subject"] == "Corrected"
    assert sum(one.startswith("SELECT") and "FROM sequence_node" in one for one in sent) == 1


# Waking ------------------------------------------------------------------------------------------


def wake_ups(db: Database) -> list[WakeUp]:
    with db.sessions() as session:
        return list(session.scalars(select(WakeUp).order_by(WakeUp.id)))


def test_new_hours_wake_the_sleepers_of_an_active_campaign(db: Database) -> None:
    here = scene(db, status=ACTIVE)
    changes = here.edit({"operating_hours": HOURS})
    (record,) = wake_ups(db)
    assert changes.wake_up is not None
    assert changes.wake_up.id == record.id
    assert (record.cause, record.requested_by, record.requested_at, record.finished_at) == (
        "operating_hours",
        "ann",
        NOW,
        None,
    )
    assert record.old_operating_hours == make.week()
    assert record.new_operating_hours == HOURS
    assert [(bell.job, bell.args) for bell in db.rung] == [("wake", (str(record.id),))]


@pytest.mark.parametrize("status", [status for status in CAMPAIGN_STATUSES if status != ACTIVE])
def test_nobody_is_woken_where_nothing_runs(db: Database, status: str) -> None:
    here = scene(db, status=status)
    assert here.edit({"operating_hours": HOURS, "daily_limit": 499, "prospect_timezone": True}).wake_up is None
    assert wake_ups(db) == []
    assert db.rung == []


def test_the_same_hours_in_other_words_wake_nobody(db: Database) -> None:
    split = make.week() | {"monday": [{"start": "12:00", "end": "17:00"}, {"start": "09:00", "end": "12:00"}]}
    here = scene(db, status=ACTIVE)
    left_out = {name: day for name, day in make.week().items() if day and name != "timezone"}
    assert here.edit({"operating_hours": left_out}).unchanged == ["operating_hours"]
    assert here.edit({"operating_hours": split}).applied == ["operating_hours"]
    assert wake_ups(db) == []


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({"operating_hours": None}, "operating_hours"),
        ({"operating_hours": make.week(zone="Europe/Berlin")}, "operating_hours"),
        ({"prospect_timezone": True}, "operating_hours"),
        ({"daily_limit": 500}, "limit"),
        ({"daily_limit": 99}, None),
        ({"name": "New"}, None),
        ({"operating_hours": HOURS, "daily_limit": 500}, "operating_hours"),
    ],
    ids=str,
)
def test_what_wakes_people_and_why(db: Database, body: dict[str, Any], cause: str | None) -> None:
    here = scene(db, status=ACTIVE, daily_limit=100)
    changes = here.edit(body)
    assert (changes.wake_up.cause if changes.wake_up else None) == cause


def test_a_limit_of_an_account_wakes_people_only_if_it_is_raised(db: Database) -> None:
    here = scene(db, status=ACTIVE)
    with db.sessions.begin() as session:
        account = session.scalars(select(Sender).join(CampaignSender)).one()
        account.daily_limit = 30
        sender_id = str(account.id)

    def limit(*limits: int) -> str | None:
        body = {"account_limits": [{"account_id": sender_id, "daily_limit": limit} for limit in limits]}
        wake_up = here.edit(body).wake_up
        return wake_up.cause if wake_up else None

    assert limit(10) is None
    assert limit(20) == "limit"
    assert limit(20, 40) == "limit"
    assert limit() is None  # back to the account's own 30
    assert limit(5) is None
    assert limit() == "limit"


def test_an_edit_of_hours_moves_the_gates_in_the_same_transaction(db: Database) -> None:
    here = scene(db, status=ACTIVE, people={"clock": "Asia/Tokyo"}, prospect_timezone=True)
    here.edit({"operating_hours": make.week("20:00", "21:00")})
    with db.sessions() as session:
        gates = {gate.clock: gate.opens_at.isoformat() for gate in session.scalars(select(Gate))}
    assert gates == {"": "2026-03-02T20:00:00+00:00", "Asia/Tokyo": "2026-03-02T11:00:00+00:00"}
    here.edit({"prospect_timezone": False})
    with db.sessions() as session:
        assert {gate.opens_at.hour for gate in session.scalars(select(Gate))} == {20}


def test_hours_without_a_zone_are_those_of_the_workspace(db: Database) -> None:
    with db.sessions.begin() as session:
        workspace = make.workspace(session, timezone="Asia/Tokyo")
        here = Scene(db, workspace.id, make.campaign(session, workspace).id, new_id())
    here.edit({"operating_hours": {"monday": [{"start": "09:00", "end": "24:00"}]}})
    with db.sessions() as session:
        hours = session.get_one(Campaign, here.campaign).operating_hours
    assert parse_hours(hours, default_timezone="UTC").timezone == "Asia/Tokyo"  # type: ignore[union-attr]


# Creating ----------------------------------------------------------------------------------------


def create(db: Database, workspace: UUID, body: dict[str, Any], **options: Any) -> tuple[Campaign, Changes]:
    with db.sessions.begin() as session:
        return editing.create(session, workspace, body, now=NOW, by="ann", **options)


@pytest.fixture
def home(db: Database) -> UUID:
    with db.sessions.begin() as session:
        return make.workspace(session, timezone="Europe/Berlin").id


def test_a_new_email_campaign_has_the_defaults_of_the_contract(db: Database, home: UUID) -> None:
    campaign, changes = create(db, home, {"type": "email", "name": " Spring "})
    with db.sessions() as session:
        kept = session.get_one(Campaign, campaign.id)
        nodes = [(node.position, node.type, node.subject, node.body) for node in nodes_of(session, campaign.id)]
    assert (kept.name, kept.status, kept.version) == ("Spring", DRAFT, 1)
    assert (kept.daily_limit, kept.stop_on_reply, kept.open_tracking, kept.signature) == (50, True, False, None)
    assert (kept.prospect_timezone, kept.skip_other_campaigns) == (False, None)
    assert kept.operating_hours == make.week("09:00", "17:00", "Europe/Berlin")
    assert nodes == [(0, "email", "", ""), (1, "end", None, None)]
    assert changes.applied == ["name"]


def test_a_new_linkedin_campaign_has_no_field_of_the_other_channel(db: Database, home: UUID) -> None:
    campaign, changes = create(db, home, {"type": "linkedin", "name": "Seats", "daily_limit": 5})
    with db.sessions() as session:
        kept = session.get_one(Campaign, campaign.id)
        assert [node.type for node in nodes_of(session, campaign.id)] == ["connection_request", "end"]
    assert (kept.daily_limit, kept.stop_on_reply, kept.open_tracking) == (None, None, None)
    assert kept.skip_other_campaigns is True
    assert [item["field"] for item in changes.ignored] == ["daily_limit"]


def test_a_campaign_may_be_made_with_everything_at_once(db: Database, home: UUID) -> None:
    with db.sessions.begin() as session:
        sender = str(make.sender(session, session.get_one(Workspace, home)).id)
    body = {
        "type": "email",
        "name": "All",
        "daily_limit": 7,
        "signature": "S",
        "sender_account_ids": [sender],
        "account_limits": [{"account_id": sender, "daily_limit": 3}],
        "sequence_nodes": [make.EMAIL_STEP, make.delay(days=1), make.FOLLOW_UP, make.END],
        "operating_hours": None,
    }
    campaign, changes = create(db, home, body)
    with db.sessions() as session:
        assert stored(session, campaign.id, "sender_account_ids") == [sender]
        assert stored(session, campaign.id, "account_limits") == body["account_limits"]
        assert len(nodes_of(session, campaign.id)) == 4
        assert session.get_one(Campaign, campaign.id).operating_hours is None
    assert set(changes.applied) == set(body) - {"type"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "No type"},
        {"type": "fax", "name": "x"},
        {"type": ["email"], "name": "x"},
        {"type": "email"},
        {"type": "email", "name": "  "},
        {"type": "email", "name": None},
        {"type": "email", "name": "x", "daily_limit": 0},
        {"type": "email", "name": "x", "sender_account_ids": ["0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"]},
        {"type": "email", "name": "x", "sequence_nodes": []},
        {"type": "linkedin", "name": "x", "sequence_nodes": [make.EMAIL_STEP, make.END]},
    ],
    ids=str,
)
def test_a_campaign_that_cannot_be_is_not_made(db: Database, home: UUID, body: dict[str, Any]) -> None:
    before = db.dump()
    with pytest.raises(Invalid):
        create(db, home, body)
    assert db.dump() == before


def test_two_campaigns_of_one_name_are_a_conflict(db: Database, home: UUID) -> None:
    create(db, home, {"type": "email", "name": "Spring"})
    before = db.dump()
    with pytest.raises(Conflict):
        create(db, home, {"type": "linkedin", "name": "Spring"})
    assert db.dump() == before
    results = at_once(*[lambda: create(db, home, {"type": "email", "name": "Autumn"})] * 2)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "tuple"], results


def test_strict_handling_makes_no_campaign_either(db: Database, home: UUID) -> None:
    before = db.dump()
    with pytest.raises(Invalid):
        create(db, home, {"type": "email", "name": "x", "skip_other_campaigns": True}, strict=True)
    assert db.dump() == before
