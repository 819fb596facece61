"""Who may come in: logins with their workspaces, and API keys."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload

from campaigns.models.workspace import ApiKey, User, Workspace
from campaigns.rules.hours import is_zone
from campaigns.rules.kinds import Context, Text
from campaigns.rules.people import read_email
from campaigns.rules.problems import Problem, Problems
from campaigns.rules.refusals import Conflict, Invalid, NotFound

KEY_PREFIX = "cdz_"
LEAST_PASSWORD = 8
MOST_PASSWORD = 1000
# `last_used_at` of a key is written at most this often: it is for people, and reading must not write each time.
USE_NOTED_EVERY = timedelta(minutes=1)

_hasher = PasswordHasher()
# Checked when there is no such login, so that the answer takes as long.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def is_empty(session: Session) -> bool:
    """Whether nobody has a login yet: the first visit may make one."""
    return session.scalar(select(User.id).limit(1)) is None


def create_user(
    session: Session, email: str, password: str, timezone: str, *, now: datetime, first: bool = False
) -> User:
    """A login with its own workspace. Raises Invalid, and Conflict if the address has one already.

    With `first` it is refused once anybody has a login.
    """
    problems: list[Problem] = []
    address = None
    try:
        address = read_email(email, "email")
    except Problems as bad:
        problems.extend(bad.problems)
    else:
        problems += [Problem("email", "is missing")] if address is None else []
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        problems.append(Problem("password", f"must have at least {LEAST_PASSWORD} characters"))
    if not is_zone(timezone):
        problems.append(Problem("timezone", "must be an IANA time zone such as Europe/Berlin"))
    if problems or address is None:
        raise Invalid.of(problems)
    if first and not is_empty(session):
        raise Conflict("Somebody has set this server up already: sign in.", code="set_up_already")
    address = address.lower()
    if session.scalar(select(User.id).where(func.lower(User.email) == address)) is not None:
        raise Conflict(f"{address} has a login already.", code="email_taken")
    workspace = Workspace(name=address.partition("@")[2], timezone=timezone, created_at=now)
    session.add(workspace)
    session.flush()
    user = User(workspace_id=workspace.id, email=address, password_hash=_hasher.hash(password), created_at=now)
    session.add(user)
    session.flush()
    return user


def sign_in(session: Session, email: str, password: str) -> User | None:
    """The person with this password; None if there is no such pair."""
    user = find_user(session, email)
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return user


def find_user(session: Session, email: str) -> User | None:
    """The person with this address, in whatever case it is written."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def create_key(session: Session, user: User, name: str, *, now: datetime) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once. Raises Invalid."""
    try:
        label = Text(200, least=1).parse(name, "name", Context("UTC"))
    except Problems as bad:
        raise Invalid.of(bad.problems) from bad
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(user_id=user.id, name=label, hint=text[:10], key_hash=_digest(text), created_at=now)
    session.add(key)
    session.flush()
    return key, text


def _digest(text: str) -> str:
    # The key is 256 random bits, so a fast hash gives nothing away; it must be looked up by its hash.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


# Asked by every request to the API; building a statement takes longer than running it.
_KEY_HOLDER = (
    select(User, ApiKey)
    .join(ApiKey, ApiKey.user_id == User.id)
    .options(joinedload(User.workspace, innerjoin=True))
    .where(ApiKey.key_hash == bindparam("hash"), ApiKey.revoked_at.is_(None))
)


def user_of_key(session: Session, text: str) -> tuple[User, ApiKey] | None:
    """Whose key this is; None for a wrong or revoked one."""
    if not text.startswith(KEY_PREFIX):
        return None
    row = session.execute(_KEY_HOLDER, {"hash": _digest(text)}).first()
    return (row[0], row[1]) if row else None


def note_use(session: Session, key_id: UUID, now: datetime) -> None:
    """Write down that the key was used."""
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))


def keys_of(session: Session, workspace_id: UUID) -> list[ApiKey]:
    """The keys of a workspace that still open something, newest first."""
    query = select(ApiKey).join(User).where(User.workspace_id == workspace_id, ApiKey.revoked_at.is_(None))
    return list(session.scalars(query.order_by(ApiKey.id.desc())))


def revoke_key(session: Session, workspace_id: UUID, key_id: UUID, *, now: datetime) -> ApiKey:
    """The key opens nothing any more, at once. Raises NotFound."""
    query = select(ApiKey).join(User).where(ApiKey.id == key_id, User.workspace_id == workspace_id)
    key = session.scalar(query)
    if key is None:
        raise NotFound("API key")
    key.revoked_at = key.revoked_at or now
    return key
