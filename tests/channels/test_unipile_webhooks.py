"""What Unipile sends by webhook: read if it is Unipile's, and whatever else comes is refused in one way."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channels.unipile import Unheard, Unipile, Unsigned, read_event
from campaigns.rules.provider import Accepted, Standing, Wrote
from tests.unipile_server import UnipileServer, person_id, signature

SECRET = "wes_secret"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
JANE = {
    "id": "ACoAAjane",
    "display_name": "Jane Doe",
    "public_identifier": "jane-doe",
    "profile_url": "https://www.linkedin.com/in/jane-doe",
}
WRITTEN = {
    "id": "msg_1",
    "text": "Who are you?",
    "sender_id": "ACoAAjane",
    "sender": JANE,
    "chat_id": "2-abc",
    "timestamp": "2026-03-02T08:59:00.000Z",
    "is_sender": False,
    "is_event": False,
}


def event(kind: str, payload: object, **others: object) -> bytes:
    told = {"id": "evt_1", "created_at": "2026-03-02T08:59:30.000Z", "account_id": "acc", "type": kind}
    return json.dumps({**told, "payload": payload, **others}).encode()


def read(body: bytes, *, secret: str = SECRET, at: datetime = NOW, now: datetime = NOW) -> list[object]:
    return list(read_event(body, {"Unipile-Signature": signature(secret, body, at)}, SECRET, now))


# What is told


def test_an_accepted_invitation_is_told() -> None:
    body = event("relation.new", {"user": JANE, "created_at": "2026-03-02T08:00:00.000Z"})
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert read(body) == [Accepted("acc", "ACoAAjane", "https://www.linkedin.com/in/jane-doe", at)]


def test_a_connection_whose_time_is_not_said_is_of_when_the_event_was() -> None:
    at = datetime(2026, 3, 2, 8, 59, 30, tzinfo=UTC)
    assert read(event("relation.new", {"user": {"id": "ACoAAjane"}})) == [Accepted("acc", "ACoAAjane", None, at)]


def test_a_profile_is_known_by_its_name_if_its_address_is_not_said() -> None:
    (told,) = read(event("relation.new", {"user": {"id": "ACoAAjane", "public_identifier": "jane-doe"}}))
    assert told.profile_url == "https://www.linkedin.com/in/jane-doe"


def test_an_answer_is_told() -> None:
    (told,) = read(event("message.new", WRITTEN))
    assert told == Wrote(
        "acc",
        "ACoAAjane",
        "https://www.linkedin.com/in/jane-doe",
        datetime(2026, 3, 2, 8, 59, tzinfo=UTC),
        "msg_1",
        "Jane Doe",
        "Who are you?",
        "https://www.linkedin.com/messaging/thread/2-abc/",
    )


@pytest.mark.parametrize(
    "other",
    [{"is_sender": True}, {"is_sender": None}, {"is_event": True}, {"sender_id": None}, {"timestamp": "soon"}],
)
def test_nothing_but_what_somebody_else_wrote_is_an_answer(other: dict[str, object]) -> None:
    assert read(event("message.new", WRITTEN | other)) == []


@pytest.mark.parametrize("text", [None, 5, "x" * 9_000])
def test_a_text_is_kept_as_far_as_it_is_one(text: object) -> None:
    (told,) = read(event("message.new", WRITTEN | {"text": text}))
    assert told.text == ("x" * 8_000 if isinstance(text, str) else "")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("account.status.running", "running"),
        ("account.status.disconnected", "disconnected"),
        ("account.status.errored", "errored"),
        ("account.remove", "disconnected"),
    ],
)
def test_how_the_account_stands_is_told(kind: str, status: str) -> None:
    body = event(kind, {"timestamp": "2026-03-02T08:58:00.000Z"})
    assert read(body) == [Standing("acc", status, datetime(2026, 3, 2, 8, 58, tzinfo=UTC))]
    assert read(event(kind, {})) == [Standing("acc", status, datetime(2026, 3, 2, 8, 59, 30, tzinfo=UTC))]


@pytest.mark.parametrize("kind", ["follower.new", "account.add", "message.reaction.new", ""])
def test_what_does_not_matter_here_is_taken_without_a_word(kind: str) -> None:
    assert read(event(kind, {})) == []


# Whose it is


def test_headers_may_be_written_in_any_case() -> None:
    body = event("account.status.running", {})
    assert read_event(body, {"UNIPILE-SIGNATURE": signature(SECRET, body, NOW)}, SECRET, NOW)


def test_one_right_signature_is_enough() -> None:
    body = event("account.status.running", {})
    said = signature(SECRET, body, NOW)
    both = f"{said.partition(',')[0]}, v0={'0' * 64}, v0={said.rpartition('=')[2].upper()}"
    assert read_event(body, {"Unipile-Signature": both}, SECRET, NOW)


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ_by_minutes(minutes: int) -> None:
    assert read(event("account.status.running", {}), at=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_refused(minutes: int) -> None:
    with pytest.raises(Unsigned, match="another time"):
        read(event("account.status.running", {}), at=NOW + timedelta(minutes=minutes))


def test_a_signature_with_another_secret_is_refused() -> None:
    with pytest.raises(Unsigned, match="wrong"):
        read(event("account.status.running", {}), secret="wes_other")


def test_a_body_that_was_changed_is_refused() -> None:
    body = event("account.status.running", {})
    with pytest.raises(Unsigned, match="wrong"):
        read_event(body + b" ", {"Unipile-Signature": signature(SECRET, body, NOW)}, SECRET, NOW)


def test_an_instant_that_was_changed_is_refused() -> None:
    body = event("account.status.running", {})
    said = signature(SECRET, body, NOW - timedelta(hours=1)).rpartition(",")[2]
    with pytest.raises(Unsigned, match="wrong"):
        read_event(body, {"Unipile-Signature": f"t={int(NOW.timestamp())},{said}"}, SECRET, NOW)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "v0=00",
        "t=1772442000",
        "t=,v0=",
        "t=soon,v0=00",
        "t=1772442000,t=1772442001,v0=00",
        "t=99999999999999999999,v0=00",
        "t=٣,v0=00",
        "t=1772442000,v0=\ud800é",
        "=,=,=",
    ],
)
def test_what_is_no_signature_is_refused(said: str) -> None:
    with pytest.raises(Unheard):
        read_event(event("account.status.running", {}), {"Unipile-Signature": said}, SECRET, NOW)


def test_without_a_secret_nothing_is_believed() -> None:
    body = event("account.status.running", {})
    with pytest.raises(Unheard):
        read_event(body, {"Unipile-Signature": signature("", body, NOW)}, "", NOW)
    with pytest.raises(Unheard):
        read_event(body, {}, SECRET, NOW)


# Rubbish


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b"1" * 10_000,
        event("relation.new", None),
        event("relation.new", {}),
        event("relation.new", {"user": "Jane"}),
        event("relation.new", {"user": {"id": "x" * 300}}),
        event("relation.new", {"user": {"id": "ACo\u0000"}}),
        event("relation.new", {"user": JANE}, account_id=None),
        event("relation.new", {"user": JANE}, account_id="\ud800"),
        event("relation.new", {"user": JANE}, type=5),
        event("message.new", "hello"),
    ],
)
def test_rubbish_is_refused_in_one_way_though_it_is_signed(body: bytes) -> None:
    with pytest.raises(Unheard) as failed:
        read(body)
    assert not isinstance(failed.value, Unsigned)
    assert "Jane" not in failed.value.reason


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["0001-01-01T00:00:00+14:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WRITTEN, *JANE, "user", "x"]), inner),
    max_leaves=12,
)


@given(st.sampled_from(["relation.new", "message.new", "account.status.running", "x"]), JSON, JSON, JSON)
def test_nothing_that_is_signed_breaks_anything(kind: str, payload: Any, account: Any, created: Any) -> None:
    body = event(kind, payload, account_id=account if kind == "x" else "acc", created_at=created)
    with suppress(Unheard):
        assert len(read(body)) <= 1


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=3), st.text())
def test_nothing_that_is_not_signed_gets_in(body: bytes, headers: dict[str, str], said: str) -> None:
    with pytest.raises(Unheard):
        read_event(body, {**headers, "unipile-signature": said}, SECRET, NOW)


# As the stand-in sends it


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[bytes, dict[str, str]]]]]:
    """An address that takes webhooks, and what it took."""
    taken: list[tuple[bytes, dict[str, str]]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook?a=b", taken
        server.shutdown()
        thread.join()


def test_what_happens_at_linkedin_comes_through(
    unipile: UnipileServer, hook: tuple[str, list[tuple[bytes, dict[str, str]]]]
) -> None:
    url, taken = hook
    webhook = Unipile(unipile.url, unipile.key).add_webhook(url, "acc_tests")
    unipile.accept("jane-doe")
    unipile.write("jane-doe", "Hello")
    unipile.write("jane-doe", "By hand", mine=True)
    unipile.stand("disconnected")
    told = [read_event(body, headers, webhook.secret, datetime.now(UTC)) for body, headers in taken]
    assert [[type(one).__name__ for one in heard] for heard in told] == [["Accepted"], ["Wrote"], [], ["Standing"]]
    assert told[0][0].person_id == told[1][0].person_id == person_id("jane-doe")


def test_events_come_late_again_backwards_and_forged(
    unipile: UnipileServer, hook: tuple[str, list[tuple[bytes, dict[str, str]]]]
) -> None:
    url, taken = hook
    webhook = Unipile(unipile.url, unipile.key).add_webhook(url, "acc_tests")
    unipile.prompt = False
    for slug in ("ann", "bob"):
        unipile.accept(slug)
    assert taken == []
    assert unipile.deliver(times=2, backwards=True) == [204] * 4
    people = [read_event(body, headers, webhook.secret, datetime.now(UTC))[0].person_id for body, headers in taken]
    assert people == [person_id("bob")] * 2 + [person_id("ann")] * 2
    taken.clear()
    for forged in ({"secret": "another"}, {"age": 3600}):
        unipile.accept("carl")
        unipile.deliver(**forged)
        with pytest.raises(Unheard):
            read_event(*taken.pop(), webhook.secret, datetime.now(UTC))


def test_what_nobody_took_waits(unipile: UnipileServer) -> None:
    Unipile(unipile.url, unipile.key).add_webhook("http://127.0.0.1:9/hook", "acc_tests")
    unipile.accept("ann")
    assert len(unipile.outbox) == 1
    assert unipile.deliver() == [None]
    assert len(unipile.outbox) == 1
