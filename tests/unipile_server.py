"""A stand-in for Unipile's API, version 2, that behaves as its documentation says (docs/decisions/0022): in process, or
as `python -m tests.unipile_server --port PORT`. It remembers all that it took, with the instants.

Everybody exists whose profile is asked for; `person_id(slug)` is what they are called here. What tests say in process,
others say by POST to /control/METHOD with the arguments as a JSON object; GET /control/log is what was taken.
"""

import argparse
import hmac
import json
import re
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

KEY, ACCOUNT, OWN_ID = "key-of-tests", "acc_tests", "ACoAAown"
STALL_SECONDS = 30.0
MOST_NOTE = 300
Json = dict[str, Any]


def person_id(slug: str) -> str:
    """What the stand-in calls whoever has the profile linkedin.com/in/`slug`."""
    return f"ACoAA{slug}"


def stamp(instant: datetime) -> str:
    """As the API writes instants."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


@dataclass(frozen=True)
class Invited:
    """An invitation that was taken."""

    id: str
    account_id: str
    slug: str
    note: str | None
    at: datetime


@dataclass(frozen=True)
class Said:
    """A message that was taken, or that somebody wrote to the account."""

    id: str
    account_id: str
    slug: str
    text: str
    at: datetime
    mine: bool = True


@dataclass
class Tie:
    """How the account and a person stand to each other."""

    connected_at: datetime | None = None
    pending: Invited | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with one request: `then` is "drop", "stall" or "error", after it was carried out if it `acts`."""

    then: str
    acts: bool = False
    status: int = 500
    type: str = "api/internal_error"
    detail: str = "Something broke."
    headers: tuple[tuple[str, str], ...] = ()


DROP, STALL, BREAK = Trouble("drop"), Trouble("stall"), Trouble("error")
ACT_AND_DROP, ACT_AND_STALL, ACT_AND_BREAK = Trouble("drop", True), Trouble("stall", True), Trouble("error", True)


class Problem(Exception):
    """An answer other than yes."""

    def __init__(self, status: int, kind: str, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(kind)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers


@dataclass
class Endpoint:
    """A webhook that was registered."""

    id: str
    url: str
    secret: str
    account_ids: list[str]
    trigger_events: list[str]


@dataclass
class Event:
    """What a webhook is to be told."""

    endpoint: Endpoint
    body: bytes


@dataclass
class UnipileServer:
    """The stand-in. `accounts` are by id, with their status; `ties` by account and slug. `most_invitations` and
    `most_messages` are LinkedIn's limits, after which it answers `limit_answer`; `requests_left` is Unipile's own.
    `missing` are profiles that nobody has. Events wait in `outbox` until `deliver`; `prompt`: they do not."""

    port: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    key: str = KEY
    accounts: dict[str, str] = field(default_factory=lambda: {ACCOUNT: "running"})
    prompt: bool = True
    most_invitations: int | None = None
    most_messages: int | None = None
    limit_answer: Trouble = Trouble(
        "error", status=422, type="provider/unprocessable_entity", detail="You have reached a temporary provider limit."
    )
    requests_left: int | None = None
    retry_after: int = 60
    missing: set[str] = field(default_factory=set)
    ties: dict[tuple[str, str], Tie] = field(default_factory=lambda: defaultdict(Tie))
    invitations: list[Invited] = field(default_factory=list)
    withdrawn: list[Invited] = field(default_factory=list)
    messages: list[Said] = field(default_factory=list)
    talk: list[Said] = field(default_factory=list)
    links: list[Json] = field(default_factory=list)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    outbox: deque[Event] = field(default_factory=deque)
    asked: list[tuple[str, str, Json, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.released = threading.Event()
        self._troubles: dict[str, deque[Trouble]] = defaultdict(deque)
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.port}"

    # What tests say

    def fail(self, operation: str, *troubles: Trouble) -> None:
        """The next requests of this kind (the name of a method of Api) go wrong, one each."""
        self._troubles[operation].extend(troubles)

    def accept(self, slug: str, account_id: str = ACCOUNT) -> None:
        """The person accepts, or is connected for another reason."""
        with self.lock:
            tie = self.ties[account_id, slug]
            tie.connected_at, tie.pending = self.clock(), None
        self._tell(account_id, "relation.new", relation_of(slug, tie))

    def write(self, slug: str, text: str = "Hello!", account_id: str = ACCOUNT, *, mine: bool = False) -> None:
        """The person writes to the account; or its owner to them, by hand at LinkedIn."""
        said = Said(self.number("msg"), account_id, slug, text, self.clock(), mine)
        with self.lock:
            self.talk.append(said)
        self._tell(account_id, "message.new", message_of(said))

    def stand(self, status: str, account_id: str = ACCOUNT) -> None:
        """The account is running, disconnected, errored or paused from now on."""
        self.accounts[account_id] = status
        self._tell(account_id, f"account.status.{status}", {"timestamp": stamp(self.clock())})

    def deliver(
        self, *, times: int = 1, backwards: bool = False, secret: str | None = None, age: int = 0
    ) -> list[int | None]:
        """Tell all that waits, each so many times, maybe the last first, signed wrongly or `age` seconds ago; what was
        answered, None for nothing. What nobody took waits on."""
        with self.lock:
            events = list(self.outbox)
            self.outbox.clear()
        answers: list[int | None] = []
        for event in reversed(events) if backwards else events:
            said = [self.post(event.endpoint, event.body, secret=secret, age=age) for _ in range(times)]
            answers += said
            if not any(status and 200 <= status < 300 for status in said):
                self.outbox.append(event)
        return answers

    def post(self, endpoint: Endpoint, body: bytes, *, secret: str | None = None, age: int = 0) -> int | None:
        """Tell one thing; the status of the answer."""
        parts = urlsplit(endpoint.url)
        headers = {
            "Content-Type": "application/json",
            "Unipile-Signature": signature(secret or endpoint.secret, body, self.clock() - timedelta(seconds=age)),
        }
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("POST", f"{parts.path}?{parts.query}".rstrip("?"), body, headers)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def log(self) -> Json:
        """What was taken, for whoever audits it."""
        with self.lock:
            kept = {name: getattr(self, name) for name in ("invitations", "withdrawn", "messages", "talk")}
            found: Json = {name: [_plain(asdict(entry)) for entry in entries] for name, entries in kept.items()}
            found["connected"] = {
                f"{account} {slug}": stamp(tie.connected_at)
                for (account, slug), tie in self.ties.items()
                if tie.connected_at
            }
            return found | {"outbox": len(self.outbox), "endpoints": len(self.endpoints), "accounts": self.accounts}

    # What the API needs

    def number(self, kind: str) -> str:
        """An id that nothing else has."""
        return f"{kind}_{next(self._numbers)}"

    def trouble(self, operation: str) -> Trouble | None:
        """What goes wrong with this request."""
        with self.lock:
            waiting = self._troubles[operation]
            return waiting.popleft() if waiting else None

    def stop(self) -> None:
        """Let go of whoever is kept waiting."""
        self.released.set()

    def _tell(self, account_id: str, kind: str, payload: Json) -> None:
        event = {
            "id": self.number("evt"),
            "created_at": stamp(self.clock()),
            "account_id": account_id,
            "type": kind,
            "payload": payload,
        }
        body = json.dumps(event).encode()
        with self.lock:
            for endpoint in self.endpoints.values():
                meant = not endpoint.account_ids or account_id in endpoint.account_ids
                if meant and kind in endpoint.trigger_events:
                    self.outbox.append(Event(endpoint, body))
        if self.prompt:
            self.deliver()


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The header that says from whom and when a webhook is."""
    seconds = int(at.timestamp())
    return f"t={seconds},v0={hmac.digest(secret.encode(), f'{seconds}.'.encode() + body, 'sha256').hex()}"


def user_of(slug: str) -> Json:
    """A person, as everything that has to do with one names them."""
    return {
        "object": "User",
        "id": person_id(slug),
        "type": "individual",
        "public_identifier": slug,
        "display_name": slug.replace("-", " ").title(),
        "profile_url": f"https://www.linkedin.com/in/{slug}",
    }


def relation_of(slug: str, tie: Tie) -> Json:
    """One entry of the list of relations."""
    assert tie.connected_at is not None
    return {
        "object": "UserRelation",
        "id": f"rel_{slug}",
        "user": user_of(slug),
        "created_at": stamp(tie.connected_at),
    }


def message_of(said: Said) -> Json:
    """One message of a conversation."""
    return {
        "object": "Message",
        "id": said.id,
        "text": said.text,
        "sender_id": OWN_ID if said.mine else person_id(said.slug),
        "sender": None if said.mine else user_of(said.slug),
        "chat_id": f"chat_{said.slug}",
        "timestamp": stamp(said.at),
        "is_sender": said.mine,
        "is_event": False,
        "provider": "linkedin",
    }


def _plain(entry: Json) -> Json:
    return {name: stamp(value) if isinstance(value, datetime) else value for name, value in entry.items()}


@dataclass
class Api:
    """One request to the API. Each public method is an operation; it raises Problem, or says yes."""

    server: UnipileServer
    query: dict[str, str]
    body: Json

    def accounts(self) -> tuple[int, Json]:
        found = [self._account(account_id) for account_id in self.server.accounts]
        wanted = self._page(found)
        return 200, {"object": "AccountList", "data": wanted, "has_more": self._offset + len(wanted) < len(found)}

    def account(self, account: str) -> tuple[int, Json]:
        return 200, self._account(account)

    def link(self) -> tuple[int, Json]:
        for name in ("expires_on", "redirect_uri"):
            self._require(name)
        if "account_id" not in self.body:
            self._require("providers")
        self.server.links.append(self.body)
        return 200, {"object": "AuthLink", "link": f"{self.server.url}/hosted/{len(self.server.links)}"}

    def add_webhook(self) -> tuple[int, Json]:
        for name in ("url", "trigger_events"):
            self._require(name)
        webhook_id = self.server.number("we")
        made = Endpoint(
            webhook_id,
            self.body["url"],
            f"wes_{webhook_id}",
            self.body.get("account_ids") or [],
            self.body["trigger_events"],
        )
        self.server.endpoints[webhook_id] = made
        return 200, {"object": "WebhookEndpoint", "enabled": True, **asdict(made)}

    def remove_webhook(self, webhook: str) -> tuple[int, Json]:
        if self.server.endpoints.pop(webhook, None) is None:
            raise Problem(404, "api/resource_not_found", "No such endpoint.")
        return 200, {"success": True}

    def profile(self, account: str, who: str) -> tuple[int, Json]:
        slug = self._slug(who)
        tie = self.server.ties[account, slug]
        specifics: Json = {"network_distance": "FIRST_DEGREE" if tie.connected_at else "SECOND_DEGREE"}
        if tie.pending:
            specifics |= {"relation_request_status": "PENDING", "relation_request": self._request(tie.pending)}
        elif tie.withdrawn_at:
            specifics |= {"relation_request_status": "WITHDRAWN"}
        return 200, {**user_of(slug), "object": "UserProfile", "provider": "linkedin", "specifics": specifics}

    def relations(self, account: str) -> tuple[int, Json]:
        ties = [(slug, tie) for (owner, slug), tie in self.server.ties.items() if owner == account and tie.connected_at]
        ties.sort(key=lambda pair: pair[1].connected_at, reverse=True)  # type: ignore[arg-type,return-value]
        return 200, {"data": self._page([relation_of(slug, tie) for slug, tie in ties])}

    def invited(self, account: str) -> tuple[int, Json]:
        sent = [
            self._request(tie.pending)
            for (owner, _), tie in self.server.ties.items()
            if owner == account and tie.pending and self.query.get("type") == "sent"
        ]
        return 200, {"data": self._page(sent[::-1])}

    def invite(self, account: str) -> tuple[int, Json]:
        slug, note = self._slug(self._require("user_id"), by_id=True), self.body.get("message")
        if note is not None and len(note) > MOST_NOTE:
            raise Problem(400, "provider/invalid_parameters", "The provided content exceeds the character limit.")
        tie = self.server.ties[account, slug]
        if tie.connected_at:
            raise Problem(422, "provider/unprocessable_entity", "The recipient is a first degree connection.")
        if tie.pending or tie.withdrawn_at:
            raise Problem(422, "provider/unprocessable_entity", "An invitation has been sent to them recently.")
        self._within(self.server.most_invitations, self.server.invitations, account)
        tie.pending = Invited(self.server.number("inv"), account, slug, note, self.server.clock())
        self.server.invitations.append(tie.pending)
        return 201, self._request(tie.pending)

    def withdraw(self, account: str, invitation: str) -> tuple[int, Json]:
        for (owner, _), tie in self.server.ties.items():
            if owner == account and tie.pending and tie.pending.id == invitation:
                self.server.withdrawn.append(tie.pending)
                tie.pending, tie.withdrawn_at = None, self.server.clock()
                return 200, {"object": "RelationRequestCanceled"}
        raise Problem(404, "provider/resource_not_found", "There is no such invitation.")

    def message(self, account: str) -> tuple[int, Json]:
        (who,) = self._require("users_ids")
        slug, text = self._slug(who, by_id=True), self._require("text")
        if not self.server.ties[account, slug].connected_at:
            raise Problem(422, "provider/unprocessable_entity", "The recipient is no first degree connection.")
        self._within(self.server.most_messages, self.server.messages, account)
        said = Said(self.server.number("msg"), account, slug, text, self.server.clock())
        self.server.messages.append(said)
        self.server.talk.append(said)
        return 200, {"object": "ChatStarted", "chat_id": f"chat_{slug}", "message_id": said.id}

    def chats(self, account: str) -> tuple[int, Json]:
        last = {said.slug: said for said in self.server.talk if said.account_id == account}
        newest = sorted(last.values(), key=lambda said: said.at, reverse=True)
        return 200, {"data": self._page([self._chat(said) for said in newest])}

    def talk(self, account: str, chat: str) -> tuple[int, Json]:
        after = self.query.get("after", "")
        said = [
            message_of(said) for said in self.server.talk if said.account_id == account and f"chat_{said.slug}" == chat
        ]
        return 200, {"data": self._page([entry for entry in said if entry["timestamp"] > after][::-1])}

    @property
    def _offset(self) -> int:
        return int(self.query.get("offset", 0))

    def _page(self, entries: list[Json]) -> list[Json]:
        return entries[self._offset :][: int(self.query.get("limit", 20))]

    def _require(self, name: str) -> Any:
        if not self.body.get(name):
            raise Problem(400, "api/invalid_parameters", f"{name} is missing.")
        return self.body[name]

    def _within(self, most: int | None, taken: list[Any], account: str) -> None:
        if most is not None and sum(entry.account_id == account for entry in taken) >= most:
            limit = self.server.limit_answer
            raise Problem(limit.status, limit.type, limit.detail, limit.headers)

    def _slug(self, who: str, *, by_id: bool = False) -> str:
        """Whom an id, or the name in an address, means."""
        slug = who.removeprefix("ACoAA")
        if slug in self.server.missing or (by_id and slug == who):
            raise Problem(404, "provider/resource_not_found", "User not found.")
        return slug

    def _account(self, account_id: str) -> Json:
        if account_id not in self.server.accounts:
            raise Problem(404, "api/resource_not_found", "Account not found.")
        return {
            "object": "Account",
            "id": account_id,
            "user_id": OWN_ID,
            "name": "Sarah Chen",
            "provider": "linkedin",
            "status": self.server.accounts[account_id],
        }

    @staticmethod
    def _request(invited: Invited) -> Json:
        return {
            "object": "RelationRequest",
            "id": invited.id,
            "type": "sent",
            "user": user_of(invited.slug),
            "created_at": stamp(invited.at),
            "message": invited.note,
        }

    @staticmethod
    def _chat(said: Said) -> Json:
        return {
            "object": "Chat",
            "id": f"chat_{said.slug}",
            "type": "1to1",
            "is_1to1": True,
            "user_id": person_id(said.slug),
            "user": user_of(said.slug),
            "last_message_timestamp": stamp(said.at),
            "last_message": {"text": said.text, "is_sender": said.mine},
        }


_OF_ACCOUNT = r"/v2/(?P<account>[^/]+)"
ROUTES = [
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("GET", "/v2/accounts/", "accounts"),
        ("GET", "/v2/accounts/(?P<account>[^/]+)", "account"),
        ("POST", "/v2/auth/link", "link"),
        ("POST", "/v2/webhooks/endpoints/", "add_webhook"),
        ("DELETE", "/v2/webhooks/endpoints/(?P<webhook>[^/]+)", "remove_webhook"),
        ("GET", f"{_OF_ACCOUNT}/users/me/relations", "relations"),
        ("GET", f"{_OF_ACCOUNT}/users/me/relation-requests", "invited"),
        ("POST", f"{_OF_ACCOUNT}/users/me/relation-requests", "invite"),
        ("POST", f"{_OF_ACCOUNT}/users/me/relation-requests/(?P<invitation>[^/]+)/cancel", "withdraw"),
        ("GET", f"{_OF_ACCOUNT}/users/(?P<who>[^/]+)", "profile"),
        ("POST", f"{_OF_ACCOUNT}/inboxes/CLASSIC_PRIMARY/chats/send", "message"),
        ("GET", f"{_OF_ACCOUNT}/chats", "chats"),
        ("GET", f"{_OF_ACCOUNT}/chats/(?P<chat>[^/]+)/messages", "talk"),
    )
]
# Operations on accounts themselves: these work while an account is disconnected, and are not counted.
CORE = ("accounts", "account", "link", "add_webhook", "remove_webhook")
CONTROLS = ("fail", "accept", "write", "stand", "deliver", "set")


class Handler(BaseHTTPRequestHandler):
    """HTTP in, an operation, HTTP out."""

    protocol_version = "HTTP/1.1"
    standing_in: UnipileServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if parts.path.startswith("/control/"):
            self._say(200, self._control(parts.path.removeprefix("/control/"), json.loads(raw or b"{}")))
            return
        body = json.loads(raw or b"{}")
        self.standing_in.asked.append((self.command, self.path, body, dict(self.headers)))
        try:
            operation, arguments = self._operation(parts.path)
            self._carry_out(operation, arguments, dict(parse_qsl(parts.query)), body)
        except Problem as problem:
            self._refuse(problem)

    def _operation(self, path: str) -> tuple[str, dict[str, str]]:
        for method, pattern, operation in ROUTES:
            if method == self.command and (found := pattern.fullmatch(path)):
                return operation, {name: unquote(value) for name, value in found.groupdict().items()}
        raise Problem(404, "api/resource_not_found", "No such route.")

    def _carry_out(self, operation: str, arguments: dict[str, str], query: dict[str, str], body: Json) -> None:
        server = self.standing_in
        trouble = server.trouble(operation)
        if trouble is None or trouble.acts:
            with server.lock:
                self._admit(operation, arguments)
                status, said = getattr(Api(server, query, body), operation)(**arguments)
        if trouble is None:
            self._say(status, said)
        elif trouble.then == "error":
            raise Problem(trouble.status, trouble.type, trouble.detail, trouble.headers)
        else:
            self._vanish(stall=trouble.then == "stall")

    def _admit(self, operation: str, arguments: dict[str, str]) -> None:
        server, key = self.standing_in, self.headers.get("X-API-KEY")
        if key != server.key:
            raise Problem(401, "api/expired_authorization" if key else "api/missing_authorization", "No such key.")
        if operation in CORE:
            return
        status = server.accounts.get(arguments["account"])
        if status is None:
            raise Problem(404, "api/resource_not_found", "Account not found.")
        if status == "disconnected":
            raise Problem(401, "provider/invalid_authorization", "Account is disconnected.")
        if status == "errored":
            raise Problem(503, "api/proxy_auth_error", "Out of service.")
        if status == "paused":
            raise Problem(403, "api/inactive_subscription", "No subscription is active.")
        if server.requests_left is not None:
            if server.requests_left <= 0:
                wait = (("Retry-After", str(server.retry_after)),)
                raise Problem(429, "api/too_many_requests", "Too many requests.", wait)
            server.requests_left -= 1

    def _vanish(self, *, stall: bool) -> None:
        if stall:
            self.standing_in.released.wait(STALL_SECONDS)
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _control(self, name: str, arguments: Json) -> Any:
        server = self.standing_in
        if name == "log":
            return server.log()
        if name == "set":
            for attribute, value in arguments.items():
                setattr(server, attribute, set(value) if isinstance(value, list) else value)
            return {}
        if name == "fail":
            server.fail(arguments["operation"], *(Trouble(**trouble) for trouble in arguments["troubles"]))
            return {}
        if name not in CONTROLS:
            return {"error": "no such control"}
        return {"said": getattr(server, name)(**arguments)}

    def _refuse(self, problem: Problem) -> None:
        said = {
            "object": "Error",
            "type": problem.kind,
            "status": problem.status,
            "title": problem.kind.rpartition("/")[2].replace("_", " ").capitalize(),
            "detail": problem.detail,
            "req_id": self.standing_in.number("req"),
        }
        self._say(problem.status, said, problem.headers)

    def _say(self, status: int, said: Any, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def running_unipile(port: int = 0, handler: type[Handler] = Handler) -> Iterator[UnipileServer]:
    """The stand-in, at a port of this machine."""
    own = type("OwnHandler", (handler,), {})
    with _Threads(("127.0.0.1", port), own) as listener:
        server = UnipileServer(listener.server_address[1])
        own.standing_in = server  # type: ignore[attr-defined]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stop()
            listener.shutdown()
            thread.join()


@pytest.fixture
def unipile() -> Iterator[UnipileServer]:
    """A stand-in for Unipile that has taken nothing yet; its account ACCOUNT is running."""
    with running_unipile() as server:
        yield server


def main() -> None:
    """Stand in until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    with running_unipile(parser.parse_args().port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
