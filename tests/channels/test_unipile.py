"""LinkedIn steps and what is new, through a stand-in for Unipile's API."""

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from uuid import uuid4

import pytest

from campaigns.channels.outgoing import Already, Approach, Doubtful, Limited, Unsent
from campaigns.channels.unipile import (
    Account,
    Fault,
    Invitation,
    Profile,
    Seat,
    Unipile,
    UnipileChannel,
)
from campaigns.channels.unipile import client as client_module
from campaigns.channels.unipile.meanings import (
    ACCOUNT,
    AWAY,
    DOUBTFUL,
    LIMIT,
    LONGEST_PAUSE,
    MEANINGS,
    PERSON,
    UNCLEAR,
)
from campaigns.rules.provider import Accepted, Wrote
from tests import unipile_server
from tests.channels.talking import talking
from tests.servers import free_port
from tests.unipile_server import (
    ACT_AND_BREAK,
    ACT_AND_DROP,
    ACT_AND_STALL,
    DROP,
    STALL,
    Trouble,
    UnipileServer,
    person_id,
    running_unipile,
)

JANE = "https://www.linkedin.com/in/jane-doe"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PRIVATE = "a secret that Jane told us"


class Clock:
    """What the stand-in takes for the present."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock(unipile: UnipileServer) -> Clock:
    unipile.clock = Clock()
    return unipile.clock


@pytest.fixture
def api(unipile: UnipileServer) -> Unipile:
    return Unipile(unipile.url, unipile.key)


@pytest.fixture
def channel(unipile: UnipileServer) -> UnipileChannel:
    return UnipileChannel(Seat(unipile.url, unipile.key, unipile_server.ACCOUNT))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ASKING", 0.2)
    monkeypatch.setattr(client_module, "DOING", 0.2)


def invitation(
    *, profile_url: str = JANE, person: str | None = None, note: str | None = "Hello Jane, let us connect."
) -> Approach:
    return Approach("connection_request", profile_url, person, note, uuid4())


def message(*, person: str | None = None, text: str = "Thanks for connecting!") -> Approach:
    return Approach("message", JANE, person, text, uuid4())


def broken(status: int, kind: str, detail: str = PRIVATE, **headers: str) -> Trouble:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Trouble("error", status=status, type=kind, detail=detail, headers=named)


def answering(status: int, said: object) -> AbstractContextManager[str]:
    """A server that says always the same; its address."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    head = f"HTTP/1.1 {status} So\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return talking(head.encode() + body)


# Steps that leave


def test_somebody_is_invited_with_a_note(unipile: UnipileServer, channel: UnipileChannel) -> None:
    with channel as opened:
        opened.ready()
        receipt = opened.send(invitation())
    (taken,) = unipile.invitations
    assert (taken.slug, taken.note) == ("jane-doe", "Hello Jane, let us connect.")
    assert (receipt, receipt.person_id) == (taken.id, person_id("jane-doe"))


def test_a_bare_invitation_has_no_note(unipile: UnipileServer, channel: UnipileChannel) -> None:
    channel.send(invitation(note=None))
    assert unipile.invitations[0].note is None
    assert unipile.asked[-1][2] == {"user_id": person_id("jane-doe")}


@pytest.mark.parametrize(
    ("profile_url", "slug"),
    [
        ("https://de.linkedin.com/in/jane-doe/?trk=x", "jane-doe"),
        ("linkedin.com/in/jane-doe", "jane-doe"),
        ("https://www.linkedin.com/in/jos%C3%A9-%F0%9F%90%9D/de", "josé-🐝"),
        ("https://www.linkedin.com/in/JANE-Doe", "jane-doe"),
        ("https://www.linkedin.com/pub/jane-doe/7b/2a/1", "jane-doe-00102a7b"),
    ],
)
def test_whoever_a_link_means_is_found(
    unipile: UnipileServer, channel: UnipileChannel, profile_url: str, slug: str
) -> None:
    assert channel.send(invitation(profile_url=profile_url)).person_id == person_id(slug)


@pytest.mark.parametrize(
    "profile_url",
    [
        "https://www.linkedin.com/company/acme",
        "https://www.linkedin.com/sales/lead/ACwAAAB,name,x",
        "https://www.linkedin.com/in/",
        "",
    ],
)
def test_a_link_that_is_no_profile_asks_nobody(
    unipile: UnipileServer, channel: UnipileChannel, profile_url: str
) -> None:
    with pytest.raises(Unsent) as failed:
        channel.send(invitation(profile_url=profile_url))
    assert (failed.value.lasting, failed.value.account) == (True, False)
    assert unipile.asked == []


def test_whoever_is_known_by_id_is_looked_at_by_it(unipile: UnipileServer, channel: UnipileChannel) -> None:
    channel.send(invitation(profile_url="https://www.linkedin.com/in/old-name", person=person_id("jane-doe")))
    assert unipile.invitations[0].slug == "jane-doe"


def test_a_connection_is_written_to_by_id_without_a_look(unipile: UnipileServer, channel: UnipileChannel) -> None:
    unipile.accept("jane-doe")
    receipt = channel.send(message(person=person_id("jane-doe")))
    (said,) = unipile.messages
    assert (receipt, receipt.person_id, said.text) == (said.id, person_id("jane-doe"), "Thanks for connecting!")
    assert len(unipile.asked) == 1


def test_a_connection_whose_id_is_not_known_is_found_first(unipile: UnipileServer, channel: UnipileChannel) -> None:
    unipile.accept("jane-doe")
    assert channel.send(message()).person_id == person_id("jane-doe")


def test_nobody_but_a_connection_is_written_to(unipile: UnipileServer, channel: UnipileChannel) -> None:
    for approach in (message(), message(person=person_id("jane-doe"))):
        with pytest.raises(Unsent) as failed:
            channel.send(approach)
        assert (failed.value.lasting, failed.value.account) == (True, False)
    assert unipile.messages == []
    assert [method for method, *_ in unipile.asked] == ["GET", "POST"]


# Invitations that need not leave


def test_a_connection_is_not_invited(unipile: UnipileServer, channel: UnipileChannel) -> None:
    unipile.accept("jane-doe")
    with pytest.raises(Already) as failed:
        channel.send(invitation())
    assert (failed.value.status, failed.value.person_id) == ("connected", person_id("jane-doe"))
    assert [method for method, *_ in unipile.asked] == ["GET"]


def test_nobody_is_invited_twice(unipile: UnipileServer, channel: UnipileChannel) -> None:
    channel.send(invitation())
    with pytest.raises(Already) as failed:
        channel.send(invitation())
    assert failed.value.status == "connection_sent"
    assert len(unipile.invitations) == 1


def test_whoever_invited_the_account_is_not_taken_for_invited() -> None:
    body = {"relation_request_status": "PENDING", "relation_request": {"type": "received"}}
    found = {"id": "ACoAAjane-doe", "public_identifier": "jane-doe", "specifics": body}
    with answering(200, found) as url:
        assert Unipile(url, "key").profile("acc", "jane-doe").invited is False


@pytest.mark.parametrize(("kind", "status"), [("provider/unprocessable_entity", 422), ("api/conflict", 409)])
def test_what_happened_between_look_and_invitation_is_found_out(
    unipile: UnipileServer, channel: UnipileChannel, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    connected = [False, True]
    asked = Unipile.profile

    def profile(self: Unipile, account_id: str, who: str) -> Profile:
        if connected.pop(0):
            unipile.accept("jane-doe")
        return asked(self, account_id, who)

    monkeypatch.setattr(Unipile, "profile", profile)
    unipile.fail("invite", broken(status, kind))
    with pytest.raises(Already) as failed:
        channel.send(invitation())
    assert failed.value.status == "connected"


def test_an_invitation_that_linkedin_does_not_take_is_the_persons_matter(
    unipile: UnipileServer, channel: UnipileChannel
) -> None:
    unipile.fail("invite", broken(422, "provider/unprocessable_entity"))
    with pytest.raises(Unsent) as failed:
        channel.send(invitation())
    assert not isinstance(failed.value, Limited | Already)
    assert (failed.value.lasting, failed.value.account, failed.value.code) == (True, False, "422")


# Limits


@pytest.mark.parametrize("step", ["invite", "message"])
def test_an_unclear_no_that_speaks_of_a_limit_is_one(
    unipile: UnipileServer, channel: UnipileChannel, step: str
) -> None:
    unipile.most_invitations = unipile.most_messages = 0
    if step == "message":
        unipile.accept("jane-doe")
    with pytest.raises(Limited) as failed:
        channel.send(message() if step == "message" else invitation())
    assert failed.value.pause is None
    assert unipile.invitations == unipile.messages == []


def test_the_limit_of_the_provider_holds_as_long_as_it_says(unipile: UnipileServer, channel: UnipileChannel) -> None:
    unipile.requests_left, unipile.retry_after = 1, 90
    with pytest.raises(Limited) as failed:
        channel.send(invitation())
    assert failed.value.pause == timedelta(seconds=90)
    assert (failed.value.lasting, failed.value.account, failed.value.code) == (False, False, "429")


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("12.5", timedelta(seconds=12.5)),
        ("999999999", LONGEST_PAUSE),
        ("-1", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_a_limit_may_hold_for_ever_so_long(
    unipile: UnipileServer, channel: UnipileChannel, said: str, pause: timedelta | None
) -> None:
    if not said.isascii():
        said = said.encode().decode("latin-1")
    unipile.fail("invite", broken(429, "provider/too_many_requests", Retry_After=said))
    with pytest.raises(Limited) as failed:
        channel.send(invitation())
    assert failed.value.pause == pause


# The table

EXPECTED: dict[str | int, tuple[int, str]] = {
    "api/invalid_parameters": (400, ACCOUNT),
    "provider/invalid_parameters": (400, PERSON),
    "api/invalid_auth_format": (400, ACCOUNT),
    "api/missing_authorization": (401, ACCOUNT),
    "api/expired_authorization": (401, ACCOUNT),
    "api/insufficient_permissions": (403, ACCOUNT),
    "api/inactive_subscription": (403, ACCOUNT),
    "api/account_restricted": (403, ACCOUNT),
    "api/resource_not_found": (404, ACCOUNT),
    "api/not_implemented": (501, ACCOUNT),
    "api/proxy_auth_error": (502, AWAY),
    "api/proxy_error": (502, DOUBTFUL),
    "api/proxy_timeout": (504, DOUBTFUL),
    "api/internal_error": (500, DOUBTFUL),
    "api/conflict": (409, UNCLEAR),
    "api/already_exists": (409, UNCLEAR),
    "api/too_many_requests": (429, LIMIT),
    "provider/invalid_authorization": (401, ACCOUNT),
    "provider/invalid_credentials": (401, ACCOUNT),
    "provider/unknown_authentication_context": (403, ACCOUNT),
    "provider/account_mismatch": (403, ACCOUNT),
    "provider/insufficient_permissions": (403, PERSON),
    "provider/method_not_allowed": (405, PERSON),
    "provider/resource_not_found": (404, PERSON),
    "provider/conflict": (409, UNCLEAR),
    "provider/unprocessable_entity": (422, UNCLEAR),
    "provider/too_many_requests": (429, LIMIT),
    "provider/server_error": (500, DOUBTFUL),
    "provider/timeout": (504, DOUBTFUL),
    401: (401, ACCOUNT),
    409: (409, UNCLEAR),
    422: (422, UNCLEAR),
    429: (429, LIMIT),
    501: (501, ACCOUNT),
    503: (503, AWAY),
}
# What a lane is told of a step that was answered so: class, lasting, account.
TOLD = {
    ACCOUNT: (Unsent, True, True),
    AWAY: (Unsent, False, True),
    PERSON: (Unsent, True, False),
    UNCLEAR: (Unsent, True, False),
    LIMIT: (Limited, False, False),
    DOUBTFUL: (Doubtful, None, None),
}
ROWS = [(status, key if isinstance(key, str) else "odd", blame) for key, (status, blame) in EXPECTED.items()]


def test_every_row_of_the_table_is_looked_at() -> None:
    assert EXPECTED.keys() == MEANINGS.keys()


@pytest.mark.parametrize(
    ("status", "kind", "blame"),
    [
        *ROWS,
        (500, "odd", DOUBTFUL),
        (502, "odd", DOUBTFUL),
        (504, "odd", DOUBTFUL),
        (520, "odd", DOUBTFUL),
        (999, "odd", DOUBTFUL),
        # Nothing that this version of the API is known to say: whatever answers must not cost a whole list of people.
        (400, "odd", ACCOUNT),
        (403, "odd", ACCOUNT),
        (404, "provider/odd_new_error", ACCOUNT),
        (301, "odd", ACCOUNT),
    ],
)
@pytest.mark.parametrize("step", ["invite", "message"])
def test_a_lane_is_told_who_is_to_blame(
    unipile: UnipileServer, channel: UnipileChannel, status: int, kind: str, blame: str, step: str
) -> None:
    unipile.fail(step, broken(status, kind))
    if step == "message":
        unipile.accept("jane-doe")
    with pytest.raises((Unsent, Doubtful)) as failed:
        channel.send(message() if step == "message" else invitation())
    told = failed.value
    assert (type(told), getattr(told, "lasting", None), getattr(told, "account", None)) == TOLD[blame]
    assert PRIVATE not in told.reason
    assert told.reason.startswith(f"Unipile: {status}")


@pytest.mark.parametrize(("status", "kind", "blame"), ROWS)
def test_nothing_is_in_doubt_after_a_look(
    unipile: UnipileServer, channel: UnipileChannel, status: int, kind: str, blame: str
) -> None:
    unipile.fail("profile", broken(status, kind))
    with pytest.raises(Unsent) as failed:
        channel.send(invitation())
    expected = PERSON if status in (400, 404) else AWAY if blame == DOUBTFUL else blame
    told = failed.value
    assert (type(told), told.lasting, told.account) == TOLD[expected]
    assert unipile.invitations == []


def test_a_wrong_key_is_the_accounts_matter(unipile: UnipileServer) -> None:
    with pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(unipile.url, "another key", unipile_server.ACCOUNT)).send(invitation())
    assert (failed.value.lasting, failed.value.account) == (True, True)
    assert "another key" not in failed.value.reason


@pytest.mark.parametrize(("status", "lasting"), [("disconnected", True), ("paused", True), ("errored", False)])
def test_an_account_that_does_not_run_sends_nothing(
    unipile: UnipileServer, channel: UnipileChannel, status: str, lasting: bool
) -> None:
    unipile.stand(status)
    with pytest.raises(Unsent) as failed:
        channel.send(invitation())
    assert (failed.value.lasting, failed.value.account) == (lasting, True)
    unipile.stand("running")
    assert channel.send(invitation())


def test_an_account_that_is_gone_is_to_be_connected_again(unipile: UnipileServer) -> None:
    with pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(unipile.url, unipile.key, "acc_gone")).send(invitation())
    assert (failed.value.lasting, failed.value.account) == (True, True)


def test_an_address_at_which_something_else_answers_costs_nobody() -> None:
    with answering(404, b"<html>") as url, pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(url, "key", "acc")).send(invitation())
    assert (failed.value.lasting, failed.value.account) == (True, True)


def test_somebody_without_a_profile_is_their_own_matter(unipile: UnipileServer, channel: UnipileChannel) -> None:
    unipile.missing.add("jane-doe")
    with pytest.raises(Unsent) as failed:
        channel.send(invitation())
    assert (failed.value.lasting, failed.value.account) == (True, False)


# No answer


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("step", ["invite", "message"])
@pytest.mark.parametrize(
    ("trouble", "taken"),
    [(DROP, 0), (STALL, 0), (ACT_AND_DROP, 1), (ACT_AND_STALL, 1), (ACT_AND_BREAK, 1)],
)
def test_what_was_handed_over_without_an_answer_is_in_doubt(
    unipile: UnipileServer, channel: UnipileChannel, trouble: Trouble, taken: int, step: str
) -> None:
    unipile.fail(step, trouble)
    if step == "message":
        unipile.accept("jane-doe")
    with pytest.raises(Doubtful):
        channel.send(message() if step == "message" else invitation())
    assert len(unipile.messages if step == "message" else unipile.invitations) == taken


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("trouble", [DROP, STALL])
def test_a_look_without_an_answer_leaves_nothing_in_doubt(
    unipile: UnipileServer, channel: UnipileChannel, trouble: Trouble
) -> None:
    unipile.fail("profile", trouble)
    with pytest.raises(Unsent) as failed:
        channel.send(invitation())
    assert (failed.value.lasting, failed.value.account) == (False, True)
    assert unipile.invitations == []


def test_a_provider_that_is_away_is_tried_again() -> None:
    with pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(f"http://127.0.0.1:{free_port()}", "key", "acc")).send(message(person="ACoAAx"))
    assert (failed.value.lasting, failed.value.account) == (False, True)


@pytest.mark.parametrize("said", [b"{}", b"<html>", b"[]", b'{"id": 5}', b'{"id": ""}', b"\xff", b"[" * 100_000])
def test_a_yes_that_is_not_unipiles_is_in_doubt(said: bytes) -> None:
    with answering(201, said) as url, pytest.raises(Doubtful):
        UnipileChannel(Seat(url, "key", "acc")).send(message(person="ACoAAx"))


@pytest.mark.parametrize("receipt", ['"msg_1"', '["msg_1", "msg_2"]'])
def test_a_message_may_have_become_several(receipt: str) -> None:
    with answering(200, f'{{"message_id": {receipt}}}'.encode()) as url:
        assert UnipileChannel(Seat(url, "key", "acc")).send(message(person="ACoAAx")) == "msg_1"


@pytest.mark.parametrize(
    "said",
    [
        {"id": "ACoAAsomebody-else", "public_identifier": "somebody-else"},
        {"id": None, "public_identifier": "jane-doe"},
        {"id": "ACoAA\x00", "public_identifier": "jane-doe"},
        {},
    ],
)
def test_nobody_is_invited_in_place_of_somebody_else(said: dict[str, object]) -> None:
    with answering(200, said) as url, pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(url, "key", "acc")).send(invitation())
    # A passing matter of the person: it must not hold up everybody else for ever.
    assert (failed.value.lasting, failed.value.account) == (False, False)


@pytest.mark.parametrize("key", ["", "kéy", "two\nlines"])
def test_a_key_that_cannot_be_one_is_the_accounts_matter(unipile: UnipileServer, key: str) -> None:
    with pytest.raises(Unsent) as failed:
        UnipileChannel(Seat(unipile.url, key, "acc"))
    assert (failed.value.lasting, failed.value.account) == (True, True)


# The address


@pytest.mark.parametrize(
    "address",
    ["http://api.unipile.com", "ftp://api.unipile.com", "https://", "https://key@api.unipile.com", "https://[::1", ""],
)
def test_the_key_is_sent_nowhere_without_tls(address: str) -> None:
    with pytest.raises(Fault) as failed:
        Unipile(address, "key")
    assert (failed.value.account, failed.value.lasting) == (True, True)


def test_the_version_may_stand_behind_the_address(unipile: UnipileServer) -> None:
    assert Unipile(f" {unipile.url}/v2/ ", unipile.key).account("acc_tests")


# Accounts


def test_the_linkedin_accounts_are_listed(unipile: UnipileServer, api: Unipile) -> None:
    unipile.accounts = {f"acc_{number}": "running" for number in range(120)} | {"acc_out": "disconnected"}
    found = api.accounts()
    assert len(found) == 121
    assert len(unipile.asked) == 3
    assert found[-1] == Account("acc_out", "Sarah Chen", "disconnected")


@pytest.mark.parametrize(
    ("said", "status"),
    [("running", "running"), ("degraded", "running"), ("error", "errored"), ("errored", "errored"), ("paused",) * 2],
)
def test_an_account_tells_how_it_stands(unipile: UnipileServer, api: Unipile, said: str, status: str) -> None:
    unipile.accounts[unipile_server.ACCOUNT] = said
    assert api.account(unipile_server.ACCOUNT).status == status


@pytest.mark.parametrize("said", [{"id": "a", "provider": "whatsapp", "status": "running"}, {"id": "a"}, [], "no"])
def test_what_is_no_linkedin_account_is_none(said: object) -> None:
    with answering(200, said) as url, pytest.raises(Fault) as failed:
        Unipile(url, "key").account("a")
    assert failed.value.blame == AWAY


def test_somebody_is_led_to_connect_and_to_reconnect(unipile: UnipileServer, api: Unipile) -> None:
    asked = {"back": "https://out.example.com/back", "state": "ours", "expires_at": START}
    assert api.link(**asked).startswith(unipile.url)
    api.link(**asked, account_id="acc_tests")
    common = {
        "redirect_uri": "https://out.example.com/back",
        "state": "ours",
        "expires_on": "2026-03-02T09:00:00.000Z",
    }
    assert unipile.links == [common | {"providers": ["linkedin"]}, common | {"account_id": "acc_tests"}]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://elsewhere.example.com", None, 5])
def test_nobody_is_led_anywhere_else(link: object) -> None:
    with answering(200, {"link": link}) as url, pytest.raises(Fault):
        Unipile(url, "key").link(back="https://out.example.com", state="ours", expires_at=START)


def test_a_webhook_is_registered_for_one_account_and_removed(unipile: UnipileServer, api: Unipile) -> None:
    webhook = api.add_webhook("https://out.example.com/hook", "acc_tests")
    (made,) = unipile.endpoints.values()
    assert (webhook.id, webhook.secret) == (made.id, made.secret)
    assert made.account_ids == ["acc_tests"]
    assert {"relation.new", "message.new", "account.status.disconnected"} <= set(made.trigger_events)
    api.remove_webhook(webhook.id)
    api.remove_webhook(webhook.id)
    assert unipile.endpoints == {}


def test_a_webhook_without_a_secret_is_none() -> None:
    with answering(200, {"id": "we_1"}) as url, pytest.raises(Fault):
        Unipile(url, "key").add_webhook("https://out.example.com/hook", "acc_tests")


def test_a_webhook_is_not_taken_for_removed_without_being_told(unipile: UnipileServer, api: Unipile) -> None:
    unipile.fail("remove_webhook", broken(500, "api/internal_error"))
    with pytest.raises(Fault):
        api.remove_webhook("we_1")


# Invitations that are out


def test_an_invitation_is_withdrawn(unipile: UnipileServer, api: Unipile, channel: UnipileChannel) -> None:
    receipt = channel.send(invitation())
    assert api.invitations("acc_tests") == [Invitation(receipt, person_id("jane-doe"))]
    api.withdraw("acc_tests", receipt)
    assert [taken.id for taken in unipile.withdrawn] == [receipt]
    assert api.invitations("acc_tests") == []
    with pytest.raises(Fault) as failed:
        api.withdraw("acc_tests", receipt)
    assert failed.value.blame == PERSON


@pytest.mark.parametrize(("by_receipt", "person"), [(True, None), (False, person_id("jane-doe")), (False, None)])
def test_an_account_takes_an_invitation_back_however_it_is_known(
    unipile: UnipileServer, channel: UnipileChannel, by_receipt: bool, person: str | None
) -> None:
    receipt = channel.send(invitation())
    channel.send(invitation(profile_url="https://www.linkedin.com/in/bob"))
    channel.withdraw(receipt if by_receipt else None, person, "linkedin.com/in/renamed" if person else JANE)
    assert [taken.id for taken in unipile.withdrawn] == [receipt]


@pytest.mark.parametrize("known", ["inv_99", None])
def test_an_invitation_that_is_gone_already_is_as_good_as_withdrawn(
    unipile: UnipileServer, channel: UnipileChannel, known: str | None
) -> None:
    channel.withdraw(known, person_id("jane-doe"), JANE)
    assert unipile.withdrawn == []


def test_an_invitation_is_taken_back_even_if_its_receipt_is_that_of_an_older_one(
    unipile: UnipileServer, channel: UnipileChannel
) -> None:
    receipt = channel.send(invitation())
    channel.withdraw("inv_99", None, JANE)
    assert [taken.id for taken in unipile.withdrawn] == [receipt]


@pytest.mark.parametrize("by_receipt", [True, False])
def test_an_invitation_that_was_accepted_cannot_be_taken_back(
    unipile: UnipileServer, channel: UnipileChannel, by_receipt: bool
) -> None:
    receipt = channel.send(invitation())
    unipile.accept("jane-doe")
    with pytest.raises(Unsent, match="They have accepted it") as refused:
        channel.withdraw(receipt if by_receipt else None, person_id("jane-doe"), JANE)
    assert (refused.value.lasting, refused.value.account) == (True, False)


@pytest.mark.parametrize(
    ("trouble", "kind", "account"),
    [
        (broken(401, "api/missing_authorization"), Unsent, True),
        (broken(429, "api/too_many_requests"), Limited, False),
        (broken(500, "provider/server_error"), Doubtful, None),
        (broken(404, "api/resource_not_found"), Unsent, True),
    ],
)
def test_what_goes_wrong_with_a_withdrawal_is_told_as_of_a_step(
    unipile: UnipileServer, channel: UnipileChannel, trouble: Trouble, kind: type[Exception], account: bool | None
) -> None:
    receipt = channel.send(invitation())
    unipile.fail("withdraw", trouble)
    with pytest.raises(kind) as failed:
        channel.withdraw(receipt, None, JANE)
    assert getattr(failed.value, "account", None) == account


# What is new


def test_who_accepted_since_is_told(unipile: UnipileServer, api: Unipile, clock: Clock) -> None:
    unipile.accept("long-ago")
    since = clock()
    unipile.accept("jane-doe")
    at = unipile.ties["acc_tests", "jane-doe"].connected_at
    assert api.relations("acc_tests", since) == [
        Accepted("acc_tests", person_id("jane-doe"), "https://www.linkedin.com/in/jane-doe", at)
    ]


def test_who_accepted_is_found_page_after_page(unipile: UnipileServer, api: Unipile, clock: Clock) -> None:
    for number in range(80):
        unipile.accept(f"old-{number}")
    since = clock()
    for number in range(120):
        unipile.accept(f"new-{number}")
    assert len({accepted.person_id for accepted in api.relations("acc_tests", since)}) == 120
    assert sum("relations" in path for _, path, *_ in unipile.asked) == 4


def test_a_list_without_an_end_is_left() -> None:
    with answering(200, {"data": [{"user": {"id": "ACoAAx"}}], "next_cursor": "again"}) as url:
        assert len(Unipile(url, "key").relations("acc", START)) == client_module.MOST_PAGES


def test_who_wrote_since_is_told_and_nobody_for_what_the_account_wrote(
    unipile: UnipileServer, api: Unipile, channel: UnipileChannel, clock: Clock
) -> None:
    unipile.write("long-ago")
    for slug in ("jane-doe", "silent"):
        unipile.accept(slug)
    since = clock()
    unipile.write("jane-doe", "Who are you?")
    asked = unipile.talk[-1]
    channel.send(message())
    unipile.write("silent", "By hand.", mine=True)
    (wrote,) = api.messages("acc_tests", since)
    assert wrote == Wrote(
        "acc_tests",
        person_id("jane-doe"),
        "https://www.linkedin.com/in/jane-doe",
        asked.at,
        asked.id,
        "Jane Doe",
        "Who are you?",
        "https://www.linkedin.com/messaging/thread/chat_jane-doe/",
    )


def test_what_was_written_before_is_not_told_again() -> None:
    chat = {"id": "chat_1", "type": "1to1", "last_message_timestamp": "2027-01-01T00:00:00.000Z"}
    said = {"sender_id": "ACoAAx", "is_sender": False, "timestamp": "2026-03-02T09:00:00.000Z"}
    with answering(200, {"data": [chat | said]}) as url:
        api = Unipile(url, "key")
        assert api.messages("acc", START) == []
        assert len(api.messages("acc", START - timedelta(seconds=1))) == client_module.MOST_PAGES


def test_groups_are_nobodys_answer() -> None:
    chat = {"id": "chat_1", "type": "group", "last_message_timestamp": "2027-01-01T00:00:00.000Z"}
    with answering(200, {"data": [chat]}) as url:
        assert Unipile(url, "key").messages("acc", START) == []


@pytest.mark.parametrize(
    "entries", [None, 5, [None], [5], [{}], [{"id": 5, "user": []}], [{"user": {"id": "x" * 300}}], {"a": 1}]
)
def test_rubbish_in_lists_is_passed_over(entries: object) -> None:
    with answering(200, {"data": entries}) as url:
        api = Unipile(url, "key")
        assert api.relations("acc", START) == api.messages("acc", START) == api.invitations("acc") == []
        assert api.accounts() == []


def test_what_is_asked_for_is_never_an_hour_old(unipile: UnipileServer, api: Unipile) -> None:
    api.profile("acc_tests", "jane-doe")
    ((_, _, _, headers),) = unipile.asked
    assert headers["Cache-Control"] == "no-cache"


def test_the_stand_in_can_be_told_over_http(unipile: UnipileServer) -> None:
    with running_unipile() as other:
        connection = HTTPConnection("127.0.0.1", other.port, timeout=5)

        def tell(method: str, path: str, said: object = None) -> object:
            connection.request(method, f"/control/{path}", json.dumps(said or {}))
            return json.loads(connection.getresponse().read())

        tell("POST", "set", {"most_invitations": 0, "missing": ["nobody"]})
        tell("POST", "fail", {"operation": "account", "troubles": [{"then": "error", "status": 503}]})
        tell("POST", "accept", {"slug": "jane-doe"})
        tell("POST", "write", {"slug": "jane-doe", "text": "Hello"})
        log = tell("GET", "log")
        connection.close()
        assert other.missing == {"nobody"}
        with pytest.raises(Fault):
            Unipile(other.url, other.key).account("acc_tests")
    assert isinstance(log, dict)
    assert [said["text"] for said in log["talk"]] == ["Hello"]
    assert list(log["connected"]) == ["acc_tests jane-doe"]
