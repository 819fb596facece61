"""The settings form at its door: every field of the table, in every status, for both channels."""

from typing import Any
from uuid import UUID

import pytest

from campaigns.models.campaign import Campaign
from campaigns.rules.fields import BY_NAME, FIELDS, Field, locked_because
from campaigns.rules.hours import DAYS
from campaigns.rules.kinds import Nodes
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES, CAMPAIGN_TYPES, EMAIL
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, Page, squeezed

SETTINGS = [row for row in FIELDS if not isinstance(row.kind, Nodes)]
CASES = [(kind, status) for kind in CAMPAIGN_TYPES for status in CAMPAIGN_STATUSES]


@pytest.fixture
def senders(alice: Visitor, db: Database) -> dict[str, list[str]]:
    """Type -> the ids of two accounts of Alice's."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return {kind: [str(make.sender(session, workspace, type=kind).id) for _ in range(2)] for kind in CAMPAIGN_TYPES}


def start(db: Database, alice: Visitor, senders: dict[str, list[str]], kind: str, status: str) -> str:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        first = session.get_one(make.Sender, UUID(senders[kind][0]))
        made = make.campaign(session, workspace, type=kind, status=status, senders=[first], operating_hours=make.week())
        return str(made.id)


def posted(row: Field, senders: list[str]) -> list[tuple[str, str]]:
    """What a browser would post to change this field."""
    return {
        "name": [("name", "Another name")],
        "operating_hours": [
            ("hours-mode", "week"),
            ("hours-timezone", "Asia/Tokyo"),
            ("hours-monday-0-start", "08:00"),
            ("hours-monday-0-end", "09:00"),
        ],
        "prospect_timezone": [("prospect_timezone", "1")],
        "daily_limit": [("daily_limit", "7")],
        "account_limits": [(f"limit-{senders[0]}", "3")],
        "skip_other_campaigns": [("skip_other_campaigns", "1")],
        "stop_on_reply": [("flags", "stop_on_reply")],
        "open_tracking": [("open_tracking", "1")],
        "signature": [("signature", "Yours")],
        "sender_account_ids": [("sender_account_ids", senders[1])],
    }[row.name]


def input_names(row: Field, form: Form) -> set[str]:
    """The inputs of the form that belong to this field."""
    prefixes = {"operating_hours": "hours-", "account_limits": "limit-", "sender_account_ids": "sender_account_ids"}
    prefix = prefixes.get(row.name)
    return {name for name in form.inputs if (name.startswith(prefix) if prefix else name == row.name)}


def stored(db: Database, campaign_id: str) -> dict[str, Any]:
    """The fields of the table as the database has them."""
    with db.reading() as session:
        campaign = session.get_one(Campaign, UUID(campaign_id))
        columns = {row.name: getattr(campaign, row.name) for row in SETTINGS if hasattr(campaign, row.name)}
    dump = db.dump()
    return {**columns, "sender_account_ids": dump["campaign_sender"], "account_limits": dump["account_limit"]}


def settings(alice: Visitor, campaign_id: str) -> tuple[Page, Form]:
    page = alice.visit(f"/campaigns/{campaign_id}/settings")
    return page, page.form("/settings")


@pytest.mark.parametrize(("kind", "status"), CASES)
def test_there_is_an_input_for_exactly_what_can_be_edited_now(
    alice: Visitor, db: Database, senders: dict[str, list[str]], kind: str, status: str
) -> None:
    page, form = settings(alice, start(db, alice, senders, kind, status))
    for row in SETTINGS:
        editable = locked_because(row, kind, status) is None
        assert bool(input_names(row, form)) == editable, row.name
        if kind in row.types:
            assert row.label in page.text
            if not editable:
                assert f"changed in a draft only; this campaign is {status}" in squeezed(page.text)


@pytest.mark.parametrize(("kind", "status"), CASES)
def test_each_field_that_can_be_edited_is_saved_and_no_other_with_it(
    alice: Visitor, db: Database, senders: dict[str, list[str]], kind: str, status: str
) -> None:
    for row in SETTINGS:
        if locked_because(row, kind, status) is not None:
            continue
        campaign_id = start(db, alice, senders, kind, status)
        before = stored(db, campaign_id)
        token = settings(alice, campaign_id)[1].value("csrf_token")
        data = [("csrf_token", token), *posted(row, senders[kind])]
        if row.name == "name":
            data[1] = ("name", f"Another name {campaign_id}")
        form = Form("", f"/campaigns/{campaign_id}/settings", "post", [(name, value or "") for name, value in data])
        page = alice.follow(alice.send(form))
        assert "Saved." in page.text, row.name
        after = stored(db, campaign_id)
        assert {name for name in before if before[name] != after[name]} == {row.name}


@pytest.mark.parametrize(("kind", "status"), CASES)
def test_a_stale_tab_that_posts_a_locked_field_changes_nothing_and_is_told(
    alice: Visitor, db: Database, senders: dict[str, list[str]], kind: str, status: str
) -> None:
    campaign_id = start(db, alice, senders, kind, status)
    token = settings(alice, campaign_id)[1].value("csrf_token") or ""
    for row in SETTINGS:
        reason = locked_because(row, kind, status)
        if reason is None:
            continue
        before = db.dump()
        data = [("csrf_token", token), *posted(row, senders[kind])]
        page = alice.follow(alice.send(Form("", f"/campaigns/{campaign_id}/settings", "post", data)))
        assert f"Not changed: {row.label} {reason}." in squeezed(page.text)
        assert "Saved" not in page.text
        assert db.dump() == before, row.name


def test_a_form_from_before_the_launch_saves_what_it_may_and_says_what_it_may_not(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    campaign_id = start(db, alice, senders, EMAIL, "draft")
    _, form = settings(alice, campaign_id)
    with db.sessions.begin() as session:
        session.get_one(Campaign, UUID(campaign_id)).status = "active"
    page = alice.follow(alice.send(form, name="Renamed", signature="Late"))
    assert "Saved." in page.text
    assert "Signature can be changed in a draft only; this campaign is active" in page.text
    after = stored(db, campaign_id)
    assert (after["name"], after["signature"]) == ("Renamed", None)


def test_saving_the_form_as_it_stands_changes_nothing(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    for kind in CAMPAIGN_TYPES:
        campaign_id = start(db, alice, senders, kind, "draft")
        before = db.dump()
        page = alice.follow(alice.send(settings(alice, campaign_id)[1]))
        assert "Nothing was different" in page.text
        assert db.dump() == before


WRONG = [
    ({"name": "   "}, "Must not be empty"),
    ({"name": "x" * 201}, "at most 200 characters"),
    ({"daily_limit": "0"}, "from 1 to 500, not 0"),
    ({"daily_limit": "501"}, "from 1 to 500, not 501"),
    ({"daily_limit": "many"}, "whole number"),
    ({"daily_limit": ""}, "whole number"),
    ({"hours-monday-0-start": "9:00"}, "Window 1: "),
    ({"hours-monday-0-end": "25:00"}, "Window 1: "),
    ({"hours-monday-0-end": "08:00"}, "Window 1: "),
    ({"hours-timezone": "Berlin"}, "is not known"),
    ({"sender_account_ids": "not-an-id"}, "must be a UUID"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG, ids=lambda case: str(case)[:40])
def test_a_refused_form_comes_back_with_what_was_typed_and_the_reason_beside_it(
    alice: Visitor, db: Database, senders: dict[str, list[str]], changes: dict[str, str], words: str
) -> None:
    campaign_id = start(db, alice, senders, EMAIL, "draft")
    before = db.dump()
    _, form = settings(alice, campaign_id)
    page = alice.see(alice.send(form, **{"signature": "Kept", **changes}), 422)
    assert words.lower() in squeezed(page.text).lower()
    again = page.form("/settings")
    assert again.value("signature") == "Kept"
    for name, value in changes.items():
        if name != "sender_account_ids":
            assert again.value(name) == value.strip() if name.startswith("hours") else again.value(name) == value
    assert db.dump() == before


def test_a_limit_of_an_account_that_is_wrong_names_the_account(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    campaign_id = start(db, alice, senders, EMAIL, "active")
    _, form = settings(alice, campaign_id)
    page = alice.see(alice.send(form, **{f"limit-{senders[EMAIL][0]}": "501"}), 422)
    assert "Sarah Chen <sarah" in page.text
    assert "must be from 1 to 500, not 501" in page.text


def test_a_name_that_is_taken_is_told_beside_the_name(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    first, second = (start(db, alice, senders, EMAIL, "draft") for _ in range(2))
    taken = stored(db, first)["name"]
    page = alice.see(alice.send(settings(alice, second)[1], name=taken), 422)
    assert "Is taken." in page.text


def test_a_limit_for_an_account_that_is_no_sender_any_more_is_shown_and_kept(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        idle = session.get_one(make.Sender, UUID(senders[EMAIL][1]))
        campaign_id = str(make.campaign(session, workspace, limits={idle: 9}).id)
    _, form = settings(alice, campaign_id)
    assert form.value(f"limit-{senders[EMAIL][1]}") == "9"
    alice.follow(alice.send(form, name="Renamed"))
    assert len(db.dump()["account_limit"]) == 1


def test_new_hours_of_a_running_campaign_wake_whoever_sleeps(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    campaign_id = start(db, alice, senders, EMAIL, "active")
    page = alice.follow(alice.send(settings(alice, campaign_id)[1], **{"hours-mode": "always"}))
    assert "Everybody who sleeps is being looked at again" in page.text
    assert [bell.job for bell in db.rung] == ["wake"]
    assert stored(db, campaign_id)["operating_hours"] is None


def test_the_buttons_of_the_week_change_what_is_shown_and_save_nothing(
    alice: Visitor, db: Database, senders: dict[str, list[str]]
) -> None:
    campaign_id = start(db, alice, senders, EMAIL, "draft")
    before = db.dump()
    _, form = settings(alice, campaign_id)
    windows = len([name for name in form.inputs if name.startswith("hours-saturday")])
    assert windows == 0
    page = alice.see(alice.send(form, extra=[("week", "add:saturday")], name="Typed"))
    again = page.form("/settings")
    assert again.value("hours-saturday-0-start") == "09:00"
    assert again.value("name") == "Typed"
    page = alice.see(alice.send(again, extra=[("week", "remove:monday:0")]))
    assert page.form("/settings").value("hours-monday-0-start") is None
    part = alice.see_fragment(
        alice.send(form, htmx=True, extra=[("week", "copy:monday")], **{"hours-monday-0-end": "11:11"})
    )
    assert part.root is not None
    assert part.root["id"] == "week"
    for day in DAYS[:5]:
        assert f'name="hours-{day}-0-end" value="11:11"' in part.html
    assert db.dump() == before


def test_everything_of_the_table_has_a_way_through_the_forms() -> None:
    assert {row.name for row in SETTINGS} | {"sequence_nodes"} == set(BY_NAME)
