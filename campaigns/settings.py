"""Every setting, and the only reader of the environment (CONTRACT section 9).

`python -m campaigns.settings` prints `.env.example`.
"""

import base64
import fcntl
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, urlsplit

# The address of a unix socket holds 104 to 108 bytes; some are left for the server's own suffixes.
SOCKET_PATH_BYTES = 90


class BadSetting(Exception):
    """A value nobody can work with; the message is one sentence for the person who set it."""


@dataclass(frozen=True)
class Setting:
    """One name of the environment; `default` and `help` are words for people, for the docs."""

    name: str
    default: str
    help: str


SETTINGS = (
    Setting("CADENZA_DATA", "./data", "Folder of all local state; it is made if it is missing."),
    Setting(
        "DATABASE_URL",
        "sqlite:///…/cadenza.db in CADENZA_DATA",
        "Where everything is kept: SQLite, or postgresql+psycopg://user:password@host/name.",
    ),
    Setting(
        "REDIS_URL",
        "an embedded server with its files in CADENZA_DATA",
        "Redis 6+ or Valkey, which carries the jobs: redis://, rediss:// or unix://.",
    ),
    Setting("PORT", "8000", "Port of the pages and the API."),
    Setting("CADENZA_HOST", "127.0.0.1", "Address that the web server listens on; 0.0.0.0 for all."),
    Setting(
        "PUBLIC_URL",
        "http://127.0.0.1:PORT",
        "Base of the links that messages carry, and of what a LinkedIn provider tells by webhook.",
    ),
    Setting("SECRET_KEY", "made once, kept in CADENZA_DATA", "Signs cookies and links."),
    Setting(
        "CADENZA_SEALING_KEY",
        "made once, kept in CADENZA_DATA",
        "Seals the passwords of sender accounts: 32 bytes in URL-safe base64 (a Fernet key).",
    ),
    Setting("CADENZA_WORKERS", "2", "Workers that send, 1 to 64, besides the one kept free for wake-ups."),
    Setting("CADENZA_API_RATE", "6000", "Calls a minute of one API key, in each web process; 0 for any number."),
    Setting("CADENZA_BOUNCE_PERCENT", "5", "A campaign is paused once this share of its people bounced; 0 for never."),
    Setting("CADENZA_BOUNCE_LEAST", "100", "The least number of people written to before that is judged."),
    Setting("CADENZA_DNS", "those of the machine", "The DNS server to ask about mail domains: address:port."),
    Setting("CADENZA_REDIS_SERVER", "the packaged Valkey", "The redis-server or valkey-server to embed."),
    Setting("CADENZA_TRAP", "on with the embedded Redis, else off", "The local mail trap: on or off."),
    Setting("LOG_FORMAT", "text", "Lines of the log: text for people, json for machines."),
)

LOG_FORMATS = ("text", "json")
FLAGS = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


@dataclass(frozen=True)
class Settings:
    """What the environment says, checked. Paths are absolute; `port` and `workers` are in range."""

    data: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    # The socket of the embedded server; None where REDIS_URL names another one.
    redis_socket: Path | None
    redis_server: str | None
    host: str
    port: int
    public_url: str
    secret_key: str = field(repr=False)
    sealing_key: str = field(repr=False)
    workers: int
    # Calls a minute of one API key; 0 for any number.
    api_rate: int
    # Per cent, and people.
    bounce_percent: int
    bounce_least: int
    # "address:port"; None for the machine's own servers.
    dns: str | None
    trap: bool
    # One of LOG_FORMATS.
    log_format: str

    @property
    def embedded_redis(self) -> bool:
        """Whether `make run` has to start Redis itself."""
        return self.redis_socket is not None

    @property
    def trap_file(self) -> Path:
        """Where the mail trap keeps its ports and its password."""
        return self.data / "trap.json"


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; raises BadSetting. An empty value counts as none.

    Makes the data folder and, at the first call, the secrets in it.
    """
    given = {setting.name: environ.get(setting.name, "").strip() for setting in SETTINGS}
    data = _data_folder(given["CADENZA_DATA"] or "data")
    port = _number("PORT", given["PORT"] or "8000", 1, 65535)
    socket = None if given["REDIS_URL"] else _socket_path(data, environ.get("TMPDIR") or "/tmp")  # noqa: S108
    return Settings(
        data=data,
        database_url=_database_url(given["DATABASE_URL"], data),
        redis_url=_redis_url(given["REDIS_URL"]) if socket is None else f"unix://{quote(str(socket))}",
        redis_socket=socket,
        redis_server=given["CADENZA_REDIS_SERVER"] or None,
        host=given["CADENZA_HOST"] or "127.0.0.1",
        port=port,
        public_url=_public_url(given["PUBLIC_URL"] or f"http://127.0.0.1:{port}"),
        secret_key=given["SECRET_KEY"] or _kept(data / "secret_key", secrets.token_urlsafe(48)),
        sealing_key=_sealing_key(given["CADENZA_SEALING_KEY"] or _kept(data / "sealing_key", _new_sealing_key())),
        workers=_number("CADENZA_WORKERS", given["CADENZA_WORKERS"] or "2", 1, 64),
        api_rate=_number("CADENZA_API_RATE", given["CADENZA_API_RATE"] or "6000", 0, 60_000),
        bounce_percent=_number("CADENZA_BOUNCE_PERCENT", given["CADENZA_BOUNCE_PERCENT"] or "5", 0, 100),
        bounce_least=_number("CADENZA_BOUNCE_LEAST", given["CADENZA_BOUNCE_LEAST"] or "100", 1, 1_000_000),
        dns=_address("CADENZA_DNS", given["CADENZA_DNS"]) if given["CADENZA_DNS"] else None,
        trap=_flag("CADENZA_TRAP", given["CADENZA_TRAP"] or ("on" if socket else "off")),
        log_format=_one_of("LOG_FORMAT", given["LOG_FORMAT"] or "text", LOG_FORMATS),
    )


def _data_folder(text: str) -> Path:
    data = Path(text).expanduser().absolute()
    if "?" in str(data):
        raise BadSetting(f"CADENZA_DATA={text}: a folder with a question mark in its path cannot be used.")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"CADENZA_DATA={text}: the folder cannot be made ({error.strerror}).") from error
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise BadSetting(f"CADENZA_DATA={text}: this folder cannot be written to.")
    return data


def _number(name: str, text: str, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise BadSetting(f"{name}={text}: use a whole number from {least} to {most}.")


def _address(name: str, text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.strip("[]"))
        _number(name, port, 1, 65535)
    except ValueError:
        raise BadSetting(f"{name}={text}: use an IP address and a port, such as 127.0.0.1:53.") from None
    return text


def _flag(name: str, text: str) -> bool:
    if text.lower() not in FLAGS:
        raise BadSetting(f"{name}={text}: use on or off.")
    return FLAGS[text.lower()]


def _one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text.lower() not in allowed:
        raise BadSetting(f"{name}={text}: use {' or '.join(allowed)}.")
    return text.lower()


def _scheme(name: str, text: str, allowed: tuple[str, ...]) -> str:
    """The scheme of an address. Its text is not repeated in the error: it may hold a password."""
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme.partition("+")[0] not in allowed:
        raise BadSetting(f"{name} must start with {' or '.join(f'{one}://' for one in allowed)}.")
    return scheme


def _database_url(text: str, data: Path) -> str:
    if not text:
        return f"sqlite:///{data / 'cadenza.db'}"
    scheme = _scheme("DATABASE_URL", text, ("sqlite", "postgresql", "postgres"))
    # Other tools write these two names; the driver that comes with Cadenza is psycopg 3.
    return text.replace(scheme, "postgresql+psycopg", 1) if scheme in ("postgresql", "postgres") else text


def _redis_url(text: str) -> str:
    _scheme("REDIS_URL", text, ("redis", "rediss", "unix"))
    return text


def _public_url(text: str) -> str:
    if _scheme("PUBLIC_URL", text, ("http", "https")) and not urlsplit(text).hostname:
        raise BadSetting(f"PUBLIC_URL={text}: there is no host name in it.")
    return text.rstrip("/")


def _socket_path(data: Path, temp: str) -> Path:
    socket = data / "redis.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES:
        return socket
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    name = f"cadenza-{os.getuid()}-{digest}/redis.sock"
    socket = Path(temp).absolute() / name
    return socket if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES else Path("/tmp", name)  # noqa: S108


def _new_sealing_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _sealing_key(text: str) -> str:
    try:
        if len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32:
            return text
    except ValueError:
        pass
    raise BadSetting("CADENZA_SEALING_KEY must be 32 bytes in URL-safe base64.")


def _kept(path: Path, fresh: str) -> str:
    """The text in `path`, which is `fresh` if nobody has written it yet.

    The lock makes processes that start together agree on one secret, and a kill in between harmless.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = file.read().strip()
            if not kept:
                file.write(fresh)
                file.flush()
                os.fsync(file.fileno())
            return kept or fresh
    except OSError as error:
        raise BadSetting(f"{path} cannot be read and written ({error.strerror}).") from error


def env_example() -> str:
    """The text of `.env.example`."""
    head = (
        "# Every setting and its default; none is needed. `make run` takes them from its environment,\n"
        "# `docker compose up` from a copy of this file named .env.\n"
    )
    return head + "".join(f"\n# {one.help}\n# Default: {one.default}\n#{one.name}=\n" for one in SETTINGS)


if __name__ == "__main__":
    print(env_example(), end="")
