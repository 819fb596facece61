"""What cannot be right: each gets its sentence, the path of its field and its code, and nothing is written."""

import io
import json
from typing import Any

import pytest

from campaigns.web.api.blueprint import MOST_BODY_BYTES, MOST_CSV_BYTES
from tests import make
from tests.databases import Database
from tests.web.callers import Caller, fields, told

NOBODY = "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"
JSON = "application/json"


@pytest.fixture
def path(alice: Caller, db: Database) -> str:
    """A draft of Alice's."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        return f"/campaigns/{make.campaign(session, workspace, nodes=[make.EMAIL_STEP, make.END]).id}"


def window(start: object, end: object) -> dict[str, object]:
    return {"start": start, "end": end}


def hours(*windows: object, **values: object) -> dict[str, object]:
    return {"operating_hours": {"timezone": "Europe/Berlin", "monday": list(windows), **values}}


def limits(count: int, **values: object) -> dict[str, object]:
    return {"account_limits": [{"account_id": NOBODY, "daily_limit": 5, **values}] * count}


def nodes(*steps: dict[str, object]) -> dict[str, object]:
    return {"sequence_nodes": list(steps)}


MAIL, END = make.EMAIL_STEP, make.END
HOURS = "operating_hours"
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("true for a number", {"daily_limit": True}, "daily_limit", "whole number from 1 to 500"),
    ("limit 0", {"daily_limit": 0}, "daily_limit", "from 1 to 500, not 0"),
    ("limit 501", {"daily_limit": 501}, "daily_limit", "from 1 to 500, not 501"),
    ("account limit 0", limits(1, daily_limit=0), "account_limits[0].daily_limit", "from 1 to 500"),
    ("51 account limits", limits(51), "account_limits", "at most 50"),
    ("a name of spaces", {"name": "   "}, "name", "not be empty"),
    ("a name too long", {"name": "x" * 201}, "name", "at most 200 characters, not 201"),
    ("a UUID of the wrong form", {"sender_account_ids": ["12"]}, "sender_account_ids[0]", "must be a UUID"),
    ("25:00", hours(window("09:00", "25:00")), f"{HOURS}.monday[0].end", "HH:MM"),
    ("9:00", hours(window("9:00", "17:00")), f"{HOURS}.monday[0].start", "HH:MM"),
    ("24:00 as a start", hours(window("24:00", "24:00")), f"{HOURS}.monday[0].start", "HH:MM"),
    ("end before start", hours(window("17:00", "09:00")), f"{HOURS}.monday[0].end", "must be after the start"),
    ("no minute", hours(window("09:00", "09:00")), f"{HOURS}.monday[0].end", "must be after the start"),
    ("overlaps", hours(window("09:00", "12:00"), window("11:59", "13:00")), f"{HOURS}.monday[1]", "overlap"),
    ("13 windows", hours(*[window("09:00", "10:00")] * 13), f"{HOURS}.monday", "at most 12"),
    ("an unknown zone", hours(window("09:00", "10:00"), timezone="Mars/Base"), f"{HOURS}.timezone", "Mars/Base"),
    ("nothing open", hours(), HOURS, "at least one open minute"),
    ("a misspelt day", hours(window("09:00", "10:00"), mondya=[]), HOURS, "mondya"),
    ("a delay of 0", nodes(MAIL, make.delay(), END), "sequence_nodes[1]", "not 0 minutes"),
    ("30 days and a minute", nodes(MAIL, make.delay(30, 0, 1), END), "sequence_nodes[1]", "30 days 1 minute"),
    ("a negative delay", nodes(MAIL, make.delay(1, -1), END), "sequence_nodes[1].delay_hours", "not be negative"),
    ("two ends", nodes(MAIL, END, END), "sequence_nodes[1]", "second end"),
    ("end not last", nodes(MAIL, END, MAIL), "sequence_nodes[1]", "last step"),
    ("no end", nodes(MAIL), "sequence_nodes", "must have an end"),
    ("nothing at all", nodes(), "sequence_nodes", "must have an end"),
    ("a LinkedIn node", nodes(make.CONNECT, END), "sequence_nodes[0].type", "one of email, delay, end"),
    ("nobody's node", nodes({**MAIL, "id": NOBODY}, END), "sequence_nodes[0].id", "not a step of this campaign"),
    ("an unknown sender", {"sender_account_ids": [NOBODY]}, "sender_account_ids[0]", "not a sender account"),
    ("an unknown account", limits(1), "account_limits[0].account_id", "not a sender account"),
]


@pytest.mark.parametrize(("body", "field", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_told_where_it_is_and_why(
    alice: Caller, db: Database, path: str, body: dict[str, Any], field: str, words: str
) -> None:
    before = db.dump()
    for answer in (
        alice.patch(path, {"name": "Renamed along", **body}),
        alice.post("/campaigns", {"type": "email", "name": "New", **body}),
    ):
        error = told(answer, 400, "invalid")
        assert field in fields(error)
        assert words in " ".join(detail["message"] for detail in error["details"])
        assert error["error"].startswith(fields(error)[0])
    assert db.dump() == before


def test_the_same_node_id_twice_is_refused(alice: Caller, db: Database, path: str) -> None:
    email, end = alice.get(path).json["sequence_nodes"]
    before = db.dump()
    again = {**email, "id": email["id"].upper()}
    error = told(alice.patch(path, {"sequence_nodes": [email, again, end]}), 400, "invalid")
    assert fields(error) == ["sequence_nodes[1].id"]
    assert db.dump() == before


def test_a_node_keeps_its_type(alice: Caller, db: Database, path: str) -> None:
    email, end = alice.get(path).json["sequence_nodes"]
    before = db.dump()
    changed = {"id": email["id"], "type": "delay", "delay_days": 1}
    assert fields(told(alice.patch(path, {"sequence_nodes": [changed, end]}), 400)) == ["sequence_nodes[0].type"]
    assert db.dump() == before


def test_a_sender_of_the_other_type_or_of_a_stranger_is_refused(
    alice: Caller, bob: Caller, db: Database, path: str
) -> None:
    with db.sessions.begin() as session:
        own, other = (session.get_one(make.Workspace, who.workspace_id) for who in (alice, bob))
        good = str(make.sender(session, own).id)
        wrong = [str(make.sender(session, own, type="linkedin").id), str(make.sender(session, other).id)]
    before = db.dump()
    error = told(alice.patch(path, {"sender_account_ids": [good, *wrong]}), 400, "invalid")
    assert fields(error) == ["sender_account_ids[1]", "sender_account_ids[2]"]
    entries = [{"account_id": account, "daily_limit": 5} for account in (good, *wrong)]
    error = told(alice.patch(path, {"account_limits": entries}), 400, "invalid")
    assert fields(error) == ["account_limits[1].account_id", "account_limits[2].account_id"]
    assert db.dump() == before


def test_all_that_is_wrong_is_told_at_once(alice: Caller, path: str) -> None:
    body = {"name": "", "daily_limit": 0, "stop_on_reply": "no", **hours()}
    error = told(alice.patch(path, body), 400, "invalid")
    assert sorted(fields(error)) == ["daily_limit", "name", "operating_hours", "stop_on_reply"]
    assert "3 more" in error["error"]


# Bodies

NOT_JSON: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("spaces", b"  "),
    ("words", b"name=Spring"),
    ("half an object", b'{"name": "Spring"'),
    ("two objects", b"{} {}"),
    ("NaN", b'{"daily_limit": NaN}'),
    ("Infinity", b'{"daily_limit": -Infinity}'),
    ("a number past all bounds", b'{"daily_limit": 1e999}'),
    ("a number of 5,000 digits", b'{"daily_limit": ' + b"9" * 5000 + b"}"),
    ("Latin-1", '{"name": "Frühling"}'.encode("latin-1")),
    ("UTF-16", '{"name": "Spring"}'.encode("utf-16")),
    ("too deep", b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
]


@pytest.mark.parametrize("data", [row[1] for row in NOT_JSON], ids=[row[0] for row in NOT_JSON])
def test_a_body_that_is_not_json_is_refused(alice: Caller, db: Database, path: str, data: bytes) -> None:
    before = db.dump()
    error = told(alice.patch(path, data=data, content_type=JSON), 400, "not_json")
    assert error["error"].startswith("The body is not JSON: ")
    assert len(error["error"]) < 200
    assert db.dump() == before


@pytest.mark.parametrize("body", [[], [{}], 5, "name", True])
def test_something_else_than_an_object_is_refused(alice: Caller, db: Database, path: str, body: object) -> None:
    before = db.dump()
    for method, rest in (
        ("PATCH", path),
        ("POST", "/campaigns"),
        ("POST", "/senders"),
        ("POST", "/keys"),
        ("POST", f"{path}/sequence/nodes"),
        ("PATCH", f"{path}/sequence/nodes"),
        ("DELETE", f"{path}/sequence/nodes"),
        ("PUT", f"{path}/sequence/nodes/{NOBODY}"),
        ("PATCH", f"{path}/prospects"),
        ("DELETE", f"{path}/prospects"),
    ):
        told(alice.call(method, rest, body), 400, "invalid")
    assert fields(told(alice.post(f"{path}/prospects", body), 400, "invalid")) == ["prospects"]
    assert db.dump() == before


def test_of_a_repeated_key_the_last_one_counts(alice: Caller, path: str) -> None:
    answer = alice.patch(path, data=b'{"daily_limit": 0, "daily_limit": 9}', content_type=JSON)
    assert answer.json["campaign"]["daily_limit"] == 9


def test_json_may_come_with_a_byte_order_mark(alice: Caller, path: str) -> None:
    data = '{"name": "Frühling"}'.encode("utf-8-sig")
    answer = alice.patch(path, data=data, content_type="application/json; charset=utf-8")
    assert answer.json["campaign"]["name"] == "Frühling"
    assert "Frühling".encode() in answer.data


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/csv", ""]
)
def test_a_body_of_another_kind_is_not_read(alice: Caller, db: Database, path: str, kind: str) -> None:
    before = db.dump()
    told(alice.patch(path, data=b'{"name": "X"}', content_type=kind), 415, "unsupported_media_type")
    assert db.dump() == before


def test_a_packed_body_is_not_unpacked(alice: Caller, path: str) -> None:
    answer = alice.patch(path, {"name": "X"}, headers={"Content-Encoding": "gzip"})
    assert "Content-Encoding" in told(answer, 415, "unsupported_media_type")["error"]


def test_a_body_of_2_mb_is_read_and_a_byte_more_is_not(alice: Caller, db: Database, path: str) -> None:
    def body(size: int) -> bytes:
        start = json.dumps({"daily_limit": 9, "x": ""})[:-2].encode()
        return start + b"y" * (size - len(start) - 2) + b'"}'

    before = db.dump()
    answer = alice.patch(path, data=body(MOST_BODY_BYTES + 1), content_type=JSON)
    assert "2 MB" in told(answer, 413, "too_large")["error"]
    told(alice.post(f"{path}/launch", data=body(MOST_BODY_BYTES + 1), content_type=JSON), 413)
    assert db.dump() == before
    answer = alice.patch(path, data=body(MOST_BODY_BYTES), content_type=JSON)
    assert answer.json["campaign"]["daily_limit"] == 9


def test_a_body_that_hides_its_size_is_measured_too(alice: Caller, path: str) -> None:
    stream = io.BytesIO(b" " * (MOST_BODY_BYTES + 1))
    answer = alice.patch(
        path, input_stream=stream, content_type=JSON, environ_overrides={"wsgi.input_terminated": True}
    )
    told(answer, 413, "too_large")


# Tables


def csv(alice: Caller, path: str, data: bytes, kind: str = "text/csv") -> Any:
    return alice.post(f"{path}/prospects", data=data, content_type=kind)


GOOD_TABLES = [
    ("plain", b"email,first_name\nann@b.example,Ann\n"),
    ("UTF-16", "email,first_name\r\nann@b.example,Änn\r\n".encode("utf-16")),
    ("a byte order mark", "email,first_name\nann@b.example,Änn\n".encode("utf-8-sig")),
    ("semicolons", b"First Name;E-Mail Address\nAnn;ann@b.example\n"),
    ("the same person twice", b"email\nann@b.example\nANN@b.example\n"),
]


@pytest.mark.parametrize("data", [row[1] for row in GOOD_TABLES], ids=[row[0] for row in GOOD_TABLES])
def test_a_table_is_read_as_spreadsheets_write_it(alice: Caller, path: str, data: bytes) -> None:
    answer = csv(alice, path, data)
    assert (answer.status_code, answer.json["imported"]) == (201, 1)
    assert answer.json["duplicates"] == data.count(b"ANN")
    (ann,) = alice.get(f"{path}/prospects").json["prospects"]
    assert ann["email"] == "ann@b.example"
    assert ann["source"] == "csv"


BAD_TABLES = [
    ("empty", b"", "empty"),
    ("without an email column", b"name,phone\nAnn,5\n", "no column called email"),
    ("not text", b"\xff\xfe\x00", "not a text file"),
    ("without its last quotation mark", b'email\n"ann@b.example' + b" " * 200_000, "quotation mark"),
]


@pytest.mark.parametrize(("data", "words"), [row[1:] for row in BAD_TABLES], ids=[row[0] for row in BAD_TABLES])
def test_a_table_that_cannot_be_read_is_refused(
    alice: Caller, db: Database, path: str, data: bytes, words: str
) -> None:
    before = db.dump()
    error = told(csv(alice, path, data), 400, "invalid")
    assert fields(error) == ["file"]
    assert words in error["error"]
    assert db.dump() == before


def test_a_line_that_cannot_be_read_is_told_and_the_others_are_added(alice: Caller, path: str) -> None:
    answer = csv(alice, path, b"email\nann@b.example\nbob at b.example\n")
    assert answer.json["imported"] == 1
    assert [problem["field"] for problem in answer.json["invalid"]] == ["line 3.email"]


def test_a_table_of_10_mb_is_read_and_a_byte_more_is_not(alice: Caller, db: Database, path: str) -> None:
    table = b"email,note\nann@b.example,\n"
    lines = (b" " * 999 + b"\n") * (MOST_CSV_BYTES // 1000 + 1)
    padding = lines[: MOST_CSV_BYTES - len(table)]
    before = db.dump()
    assert "10 MB" in told(csv(alice, path, table + padding + b"\n"), 413, "too_large")["error"]
    assert db.dump() == before
    assert csv(alice, path, table + padding).json["imported"] == 1
