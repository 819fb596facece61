"""Kinds of values describe themselves as they parse."""

from typing import Any

import pytest

from campaigns.rules.fields import FIELDS
from campaigns.rules.kinds import AccountLimits, Context, Flag, Number, Text, UuidList, parse_uuid
from campaigns.rules.problems import Problems

HERE = Context("UTC")
ID = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"


def accepts(kind: Any, raw: Any) -> bool:
    try:
        kind.parse(raw, "f", HERE)
    except Problems as bad:
        return not all(problem.field.startswith("f") for problem in bad.problems)
    return True


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row.name)
def test_every_field_says_what_it_takes(row: Any) -> None:
    assert row.kind.describe()
    assert row.help.endswith(".")
    assert row.kind.schema()["type"]


def test_a_number_has_two_ends() -> None:
    kind = Number(1, 500)
    assert [accepts(kind, n) for n in (0, 1, 500, 501, True, 1.0, "1", None)] == [False, True, True, *[False] * 5]
    assert kind.schema() == {"type": "integer", "minimum": 1, "maximum": 500}
    assert accepts(Number(1, 5, nullable=True), None)


def test_a_text_is_measured_after_it_is_trimmed() -> None:
    kind = Text(5, least=1)
    assert kind.parse("  abcde ", "f", HERE) == "abcde"
    assert [accepts(kind, raw) for raw in ("", "  ", "abcdef", "a\nb", "a\u2028b", "a\0", None, 7)] == [False] * 8


def test_a_text_of_several_lines_is_kept_as_it_is() -> None:
    kind = Text(50, lines=True, nullable=True)
    assert kind.parse(" a\r\n b ", "f", HERE) == " a\r\n b "
    assert kind.parse(None, "f", HERE) is None
    assert not accepts(kind, "half a pair \ud83d")
    assert not accepts(kind, "\0")


def test_a_flag_is_true_or_false_and_nothing_like_it() -> None:
    assert [accepts(Flag(), raw) for raw in (True, False, 0, 1, "true", None)] == [True, True, *[False] * 4]


@pytest.mark.parametrize(
    "text",
    [ID, ID.upper(), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
)
def test_an_id_of_the_contracts_form_is_read(text: str) -> None:
    assert str(parse_uuid(text, "f")) == text.lower()


@pytest.mark.parametrize(
    "raw",
    [
        ID.replace("-", ""),
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        ID + "\n",
        " " + ID,
        "0190b7a4-52c3-9e2f-8a3b-1c2d3e4f5a6b",
        "0190b7a4-52c3-7e2f-7a3b-1c2d3e4f5a6b",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        None,
        7,
    ],
)
def test_an_id_of_any_other_form_is_refused(raw: Any) -> None:
    with pytest.raises(Problems):
        parse_uuid(raw, "f")


def test_a_set_of_ids_holds_each_once() -> None:
    assert len(UuidList(3).parse([ID, ID.upper(), ID], "f", HERE)) == 1
    assert not accepts(UuidList(3), [ID] * 4)


def test_limits_by_account_name_the_entry_that_is_wrong() -> None:
    kind = AccountLimits(50, Number(1, 500))
    good = {"account_id": ID, "daily_limit": 5}
    with pytest.raises(Problems) as caught:
        kind.parse([good, {"account_id": ID, "daily_limit": 0}, {"account_id": 7, "daily_limit": 5}, 9], "f", HERE)
    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["f[1].daily_limit", "f[2].account_id", "f[3]"]
