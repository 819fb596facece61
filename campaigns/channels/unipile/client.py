"""Unipile's HTTP API, version 2: what LinkedIn seats need of it (docs/decisions/0022)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from campaigns.channels.unipile.meanings import ACCOUNT, AGAIN, AWAY, DOUBTFUL, PERSON, Fault, fault_of, read_object
from campaigns.channels.unipile.wire import Answer, Unanswered, Unreached, exchange
from campaigns.rules.accounts import read_origin
from campaigns.rules.people import profile_of
from campaigns.rules.provider import DISCONNECTED, ERRORED, PAUSED, RUNNING, Accepted, Wrote
from campaigns.rules.seats import MOST_MESSAGE

DEFAULT_ADDRESS = "https://api.unipile.com"
# Seconds for an answer; longer where somebody has to do something at LinkedIn first, and no answer means doubt.
ASKING, DOING = 20.0, 60.0
# Entries of a page, and most pages of a list that are looked at.
PAGE, MOST_PAGES = 50, 10
# The inbox from which LinkedIn lets conversations begin.
INBOX = "CLASSIC_PRIMARY"
EVENTS = (
    "relation.new",
    "message.new",
    "account.remove",
    "account.status.running",
    "account.status.disconnected",
    "account.status.errored",
)
STANDINGS = {RUNNING: RUNNING, DISCONNECTED: DISCONNECTED, ERRORED: ERRORED, "error": ERRORED, PAUSED: PAUSED}
LONGEST_ID = 200

Json = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """A LinkedIn account that is linked with Unipile. `status` is one of rules.provider's."""

    id: str
    name: str
    status: str


@dataclass(frozen=True)
class Webhook:
    """Where events are sent to, and the secret with which they are signed."""

    id: str
    secret: str


@dataclass(frozen=True)
class Profile:
    """A person, as the account sees them: connected with it, or invited by it and not decided yet."""

    person_id: str
    slug: str | None
    connected: bool
    invited: bool


@dataclass(frozen=True)
class Invitation:
    """One that the account sent, and nobody accepted yet."""

    id: str
    person_id: str


class Unipile:
    """An application at Unipile. Whatever goes wrong is a Fault."""

    def __init__(self, address: str, api_key: str) -> None:
        origin = read_origin(address)
        if origin is None:
            raise Fault(ACCOUNT, "The address of Unipile's API has to be an https address, such as api.unipile.com.")
        self._origin = origin
        if not api_key or not api_key.isascii() or not api_key.isprintable():
            raise Fault(ACCOUNT, "The API key has letters that no key of Unipile's has.")
        self._headers = {
            "X-API-KEY": api_key,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            # What is asked for decides about a person: an hour old is too old.
            "Cache-Control": "no-cache",
        }

    # Accounts and webhooks

    def accounts(self) -> list[Account]:
        """The LinkedIn accounts of the application."""
        pages = self._pages("/v2/accounts/", {"provider": "linkedin"})
        found = [_account(entry) for page in pages for entry in page]
        return [account for account in found if account is not None]

    def account(self, account_id: str) -> Account:
        """How an account stands."""
        found = _account(self._get(f"/v2/accounts/{_part(account_id)}"))
        if found is None:
            raise _meaningless()
        return found

    def link(self, *, back: str, state: str, expires_at: datetime, account_id: str | None = None) -> str:
        """The page at which somebody connects a LinkedIn account, or reconnects this one. Unipile leads them `back`,
        with `state` and, if it went well, `account_id` in the query; else with `error_title`."""
        wanted = {"account_id": account_id} if account_id else {"providers": ["linkedin"]}
        asked = {"redirect_uri": back, "state": state, "expires_on": _stamp(expires_at), **wanted}
        link = self._post("/v2/auth/link", asked).get("link")
        if not isinstance(link, str) or not link.startswith(("https://", self._origin)):
            raise _meaningless()
        return link

    def add_webhook(self, url: str, account_id: str) -> Webhook:
        """Have what happens at the account told to `url`."""
        asked = {"url": url, "account_ids": [account_id], "trigger_events": list(EVENTS), "description": "Cadenza"}
        made = self._post("/v2/webhooks/endpoints/", asked)
        webhook_id, secret = read_id(made.get("id")), made.get("secret")
        if webhook_id is None or not isinstance(secret, str) or not secret:
            raise _meaningless()
        return Webhook(webhook_id, secret)

    def remove_webhook(self, webhook_id: str) -> None:
        """Have nothing told any more; one that is gone already is fine."""
        try:
            self._ask("DELETE", f"/v2/webhooks/endpoints/{_part(webhook_id)}", None, ASKING)
        except Fault as fault:
            if fault.status != 404:
                raise

    # People

    def profile(self, account_id: str, who: str) -> Profile:
        """A person by the provider's id or by the last part of their profile's address."""
        found = self._look(account_id, who)
        person_id, slug = read_id(found.get("id")), read_id(found.get("public_identifier"))
        if person_id is None or (who != person_id and _profile(who) != _profile(slug or "")):
            raise Fault(
                AGAIN, "Unipile answered with another profile than that of their link: see whether it is right."
            )
        specifics = _object(found.get("specifics"))
        pending = specifics.get("relation_request_status") == "PENDING"
        by_us = _object(specifics.get("relation_request")).get("type", "sent") == "sent"
        return Profile(person_id, slug, specifics.get("network_distance") == "FIRST_DEGREE", pending and by_us)

    def _look(self, account_id: str, who: str) -> Json:
        try:
            return self._get(f"/v2/{_part(account_id)}/users/{_part(who)}", {"variant": "linkedin_classic"})
        except Fault as fault:
            if not fault.account or fault.status not in (400, 404):
                raise
            self.account(account_id)  # if it is not the person who is not known, this fails as well
            raise Fault(PERSON, f"Unipile: {fault.status}. Nobody has a profile by this link.") from fault

    def invite(self, account_id: str, person_id: str, note: str | None) -> str:
        """Send an invitation, with a note or bare; its id."""
        asked = {"user_id": person_id} | ({"message": note} if note else {})
        return _done(self._post(f"/v2/{_part(account_id)}/users/me/relation-requests", asked, DOING).get("id"))

    def withdraw(self, account_id: str, invitation_id: str) -> None:
        """Take an invitation back that nobody accepted."""
        invitation = f"/v2/{_part(account_id)}/users/me/relation-requests/{_part(invitation_id)}"
        self._post(f"{invitation}/cancel", None, DOING)

    def message(self, account_id: str, person_id: str, text: str) -> str:
        """Write to somebody whom the account is connected with; the message's id."""
        asked = {"text": text, "users_ids": [person_id]}
        said = self._post(f"/v2/{_part(account_id)}/inboxes/{INBOX}/chats/send", asked, DOING)
        message_id = said.get("message_id")
        return _done(message_id[0] if isinstance(message_id, list) and message_id else message_id)

    # What is new

    def invitations(self, account_id: str) -> list[Invitation]:
        """Those that wait to be accepted, the newest first."""
        path = f"/v2/{_part(account_id)}/users/me/relation-requests"
        entries = (entry for page in self._pages(path, {"type": "sent"}) for entry in page)
        pairs = ((read_id(entry.get("id")), read_id(_object(entry.get("user")).get("id"))) for entry in entries)
        return [Invitation(request, person) for request, person in pairs if request and person]

    def relations(self, account_id: str, since: datetime) -> list[Accepted]:
        """Who was connected with the account after `since`; those too of whom it is not said when."""
        found: list[Accepted] = []
        for page in self._pages(f"/v2/{_part(account_id)}/users/me/relations", {}):
            people = [relation for entry in page if (relation := read_relation(account_id, entry))]
            fresh = [relation for relation in people if relation.at is None or relation.at > since]
            if not fresh:
                break
            found += fresh
        return found

    def messages(self, account_id: str, since: datetime) -> list[Wrote]:
        """What people wrote to the account after `since`, each by themselves."""
        chats: list[Json] = []
        for page in self._pages(f"/v2/{_part(account_id)}/chats", {}):
            fresh = [chat for chat in page if (_moved(chat) or since) > since]
            if not fresh:
                break
            chats += fresh
        between_two = [chat for chat in chats if chat.get("type") == "1to1" or chat.get("is_1to1") is True]
        return [wrote for chat in between_two for wrote in self._written(account_id, chat, since)]

    def _written(self, account_id: str, chat: Json, since: datetime) -> list[Wrote]:
        chat_id = read_id(chat.get("id"))
        if chat_id is None:
            return []
        path = f"/v2/{_part(account_id)}/chats/{_part(chat_id)}/messages"
        entries = _objects(self._get(path, {"after": _stamp(since), "limit": PAGE}).get("data"))
        whole = ({**entry, "sender": entry.get("sender") or chat.get("user"), "chat_id": chat_id} for entry in entries)
        heard = (read_message(account_id, entry) for entry in whole)
        return [wrote for wrote in heard if wrote and wrote.at > since]

    # The wire

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[list[Json]]:
        """Page after page, by cursor where the API gives one, else by offset, until one is empty."""
        where: Json = {}
        for number in range(1, MOST_PAGES + 1):
            page = self._get(path, {**query, "limit": PAGE, **where})
            entries = _objects(page.get("data"))
            if not entries:
                return
            yield entries
            if page.get("has_more") is False:
                return
            cursor = page.get("next_cursor")
            where = {"cursor": cursor} if isinstance(cursor, str) and cursor else {"offset": number * PAGE}

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """What was asked for. Nothing can have been done, whatever went wrong."""
        try:
            answer = self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None, ASKING)
        except Fault as fault:
            if fault.blame != DOUBTFUL:
                raise
            raise Fault(AWAY, fault.reason, status=fault.status) from fault
        return read_object(answer.body)

    def _post(self, path: str, asked: Json | None, patience: float = ASKING) -> Json:
        return read_object(self._ask("POST", path, asked, patience).body)

    def _ask(self, method: str, path: str, asked: Json | None, patience: float) -> Answer:
        body = None if asked is None else json.dumps(asked).encode()
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = exchange(self._origin, method, path, headers, body, patience)
        except Unreached as failed:
            raise Fault(AWAY, f"Unipile cannot be reached: {failed}") from failed
        except Unanswered as lost:
            raise Fault(DOUBTFUL, f"Unipile was asked, and did not answer: {lost}") from lost
        if not 200 <= answer.status < 300:
            raise fault_of(answer)
        return answer


# Reading what comes


def read_relation(account_id: str, entry: Json) -> Accepted | None:
    """A relation, as lists and events have it; None for what is none."""
    user = _object(entry.get("user"))
    person_id = read_id(user.get("id"))
    if person_id is None:
        return None
    return Accepted(account_id, person_id, _profile_url(user), read_instant(entry.get("created_at")))


def read_message(account_id: str, entry: Json) -> Wrote | None:
    """A message that somebody else wrote, as lists and events have it; None for the account's own, and for what is
    none: a reaction, a call."""
    person_id, at = read_id(entry.get("sender_id")), read_instant(entry.get("timestamp"))
    if entry.get("is_sender") is not False or entry.get("is_event") is True or person_id is None or at is None:
        return None
    user, text, chat_id = _object(entry.get("sender")), entry.get("text"), read_id(entry.get("chat_id"))
    return Wrote(
        account_id,
        person_id,
        _profile_url(user),
        at,
        read_id(entry.get("id")),
        read_id(user.get("display_name")),
        text[:MOST_MESSAGE] if isinstance(text, str) else "",
        f"https://www.linkedin.com/messaging/thread/{_part(chat_id)}/" if chat_id else None,
    )


def read_id(value: object) -> str | None:
    """A short text that can be kept; None for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        return None
    return value


def read_instant(value: object) -> datetime | None:
    """An instant of the API, such as 2026-11-24T16:14:00.000Z; None for what is none."""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _account(entry: Json) -> Account | None:
    account_id, status = read_id(entry.get("id")), entry.get("status")
    if account_id is None or entry.get("provider") != "linkedin" or not isinstance(status, str):
        return None
    # Any other status, such as degraded, is one in which steps leave.
    return Account(account_id, read_id(entry.get("name")) or account_id, STANDINGS.get(status, RUNNING))


def _profile_url(user: Json) -> str | None:
    slug = read_id(user.get("public_identifier"))
    return read_id(user.get("profile_url")) or (f"https://www.linkedin.com/in/{slug}" if slug else None)


def _profile(slug: str) -> str | None:
    return profile_of(f"linkedin.com/in/{slug}")


def _moved(chat: Json) -> datetime | None:
    return read_instant(chat.get("last_message_timestamp")) or read_instant(chat.get("updated_at"))


def _stamp(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"


def _part(text: str) -> str:
    """A part of a path, whatever is in it."""
    return quote(text, safe="")


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _done(receipt: object) -> str:
    """The id of what was done: a yes without one is not Unipile's."""
    found = read_id(receipt)
    if found is None:
        raise Fault(DOUBTFUL, "Unipile said yes, and not to what: nobody knows whether it was done.")
    return found


def _meaningless() -> Fault:
    return Fault(AWAY, "Unipile's answer means nothing.")
