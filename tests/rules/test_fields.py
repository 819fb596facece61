"""THE TABLE against CONTRACT section 2, which is written out here once more."""

import pytest

from campaigns.rules.fields import BY_NAME, FIELDS, locked_because
from campaigns.rules.kinds import Context
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES, CAMPAIGN_TYPES
from campaigns.rules.problems import Problems

ID = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
BERLIN = Context("Europe/Berlin")

# Field -> the campaign types it is on, and whether it can be edited after the draft.
CONTRACT = {
    "name": ("email linkedin", True),
    "operating_hours": ("email linkedin", True),
    "prospect_timezone": ("email linkedin", True),
    "daily_limit": ("email", True),
    "account_limits": ("email", True),
    "skip_other_campaigns": ("linkedin", False),
    "stop_on_reply": ("email", False),
    "open_tracking": ("email", False),
    "signature": ("email", False),
    "sender_account_ids": ("email linkedin", False),
    "sequence_nodes": ("email linkedin", False),
}


def test_the_table_has_a_row_for_each_field_of_the_contract_and_no_other() -> None:
    assert [row.name for row in FIELDS] == list(CONTRACT)


@pytest.mark.parametrize("status", CAMPAIGN_STATUSES)
@pytest.mark.parametrize("kind", CAMPAIGN_TYPES)
@pytest.mark.parametrize("name", CONTRACT)
def test_a_field_is_locked_exactly_where_the_contract_says(name: str, kind: str, status: str) -> None:
    types, always = CONTRACT[name]
    reason = locked_because(BY_NAME[name], kind, status)
    if kind not in types.split():
        assert reason in ("applies to email campaigns only", "applies to LinkedIn campaigns only")
    elif status != "draft" and not always:
        assert reason == f"can be changed in a draft only; this campaign is {status}"
    else:
        assert reason is None


def limits(*numbers: object) -> list[object]:
    return [{"account_id": ID, "daily_limit": number} for number in numbers]


GOOD = [
    ("name", "  Spring  ", "Spring"),
    ("name", "x" * 200, "x" * 200),
    ("name", "Ä 🎉", "Ä 🎉"),
    ("daily_limit", 1, 1),
    ("daily_limit", 500, 500),
    ("signature", None, None),
    ("signature", " Sarah\n\n-- \n", " Sarah\n\n-- \n"),
    ("signature", "x" * 5000, "x" * 5000),
    ("open_tracking", False, False),
    ("operating_hours", None, None),
    ("account_limits", [], {}),
]


@pytest.mark.parametrize(("name", "raw", "kept"), GOOD)
def test_a_good_value_is_kept(name: str, raw: object, kept: object) -> None:
    assert BY_NAME[name].kind.parse(raw, name, BERLIN) == kept


def test_hours_without_a_zone_are_on_the_clock_of_the_workspace() -> None:
    raw = {"monday": [{"start": "09:00", "end": "10:00"}]}
    assert BY_NAME["operating_hours"].kind.parse(raw, "operating_hours", BERLIN)["timezone"] == "Europe/Berlin"


def test_of_a_repeated_account_the_last_limit_is_kept() -> None:
    kept = BY_NAME["account_limits"].kind.parse(limits(5, 7) + limits(6), "account_limits", BERLIN)
    assert list(kept.values()) == [6]


def test_a_repeated_sender_counts_once() -> None:
    kept = BY_NAME["sender_account_ids"].kind.parse([ID, ID.upper()], "sender_account_ids", BERLIN)
    assert [str(one) for one in kept] == [ID]


BAD = [
    ("name", "", "name"),
    ("name", " \t ", "name"),
    ("name", "x" * 201, "name"),
    ("name", None, "name"),
    ("name", 7, "name"),
    ("name", "two\nlines", "name"),
    ("name", "half \ud800", "name"),
    ("daily_limit", 0, "daily_limit"),
    ("daily_limit", 501, "daily_limit"),
    ("daily_limit", True, "daily_limit"),
    ("daily_limit", "50", "daily_limit"),
    ("daily_limit", 50.0, "daily_limit"),
    ("daily_limit", None, "daily_limit"),
    ("open_tracking", 1, "open_tracking"),
    ("open_tracking", "true", "open_tracking"),
    ("open_tracking", None, "open_tracking"),
    ("signature", "NUL \x00", "signature"),
    ("signature", "x" * 5001, "signature"),
    ("signature", ["Sarah"], "signature"),
    ("account_limits", None, "account_limits"),
    ("account_limits", {ID: 5}, "account_limits"),
    ("account_limits", limits(*range(1, 52)), "account_limits"),
    ("account_limits", limits(5, 0), "account_limits[1].daily_limit"),
    ("account_limits", limits(501), "account_limits[0].daily_limit"),
    ("account_limits", limits(True), "account_limits[0].daily_limit"),
    ("account_limits", [ID], "account_limits[0]"),
    ("account_limits", [{"daily_limit": 5}], "account_limits[0].account_id"),
    ("account_limits", [{"account_id": ID}], "account_limits[0].daily_limit"),
    ("sender_account_ids", ID, "sender_account_ids"),
    ("sender_account_ids", [ID] * 51, "sender_account_ids"),
    ("sender_account_ids", [ID, ID[:-1]], "sender_account_ids[1]"),
    ("sequence_nodes", [{"type": "end"}] * 101, "sequence_nodes"),
    ("operating_hours", [], "operating_hours"),
]


@pytest.mark.parametrize(("name", "raw", "path"), BAD)
def test_a_bad_value_is_named_by_its_path(name: str, raw: object, path: str) -> None:
    with pytest.raises(Problems) as refused:
        BY_NAME[name].kind.parse(raw, name, BERLIN)
    assert [problem.field for problem in refused.value.problems] == [path]


def test_all_that_is_wrong_with_a_list_is_told_at_once() -> None:
    with pytest.raises(Problems) as refused:
        BY_NAME["account_limits"].kind.parse(limits(0, 5, 501), "account_limits", BERLIN)
    assert [problem.field[-14:-12] for problem in refused.value.problems] == ["0]", "2]"]


UUIDS = [
    (ID, True),
    (ID.upper(), True),
    ("00000000-0000-0000-0000-000000000000", True),
    ("ffffffff-ffff-ffff-ffff-ffffffffffff", True),
    ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", False),
    ("0190b7a4-52c3-9e2f-8a3b-1c2d3e4f5a6b", False),
    ("0190b7a4-52c3-7e2f-7a3b-1c2d3e4f5a6b", False),
    (ID.replace("-", ""), False),
    (f"{{{ID}}}", False),
    (f"urn:uuid:{ID}", False),
    (f" {ID}", False),
    (f"{ID}\n", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "good"), UUIDS)
def test_a_uuid_has_the_form_of_the_contract(text: str, good: bool) -> None:
    kind = BY_NAME["sender_account_ids"].kind
    if good:
        assert [str(one) for one in kind.parse([text], "ids", BERLIN)] == [text.lower()]
    else:
        with pytest.raises(Problems):
            kind.parse([text], "ids", BERLIN)


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row.name)
def test_every_field_can_be_described(row) -> None:
    assert row.label
    assert row.help.endswith(".")
    assert row.kind.describe()
    assert row.kind.schema()["type"]
