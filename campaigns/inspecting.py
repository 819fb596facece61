"""Inspecting the domains that a workspace sends from: what they publish about their mail, and what is wrong with it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.channels.lookup import Lookup, Unanswered
from campaigns.models.sender import Sender
from campaigns.rules.domains import (
    BAD,
    GOOD,
    SELECTORS,
    WARNING,
    Finding,
    Record,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    selector_of,
)
from campaigns.rules.freemail import PROVIDERS
from campaigns.rules.hosts import Host, domain_of, host_of_server
from campaigns.rules.lifecycle import EMAIL

# Questions to the DNS at a time, about one domain.
AT_ONCE = 8


@dataclass(frozen=True)
class Domain:
    """A domain that accounts send from. `provided`: it is a mail provider's, who sees to its records."""

    name: str
    senders: tuple[Sender, ...]

    @property
    def provided(self) -> bool:
        """Whether anybody may have an address there."""
        return self.name in PROVIDERS

    @property
    def signs(self) -> bool:
        """Whether Cadenza signs its mail."""
        return bool(self.key and self.key["on"])

    @property
    def key(self) -> dict[str, Any] | None:
        """What is told of the key that was made for it here (models.sender: `dkim`)."""
        return next((sender.dkim for sender in self.senders if sender.signs_for(self.name)), None)

    @property
    def host(self) -> Host | None:
        """The well-known host that its accounts send through."""
        servers = (sender.smtp["host"] for sender in self.senders if sender.smtp and not sender.uses_trap)
        return next(filter(None, map(host_of_server, servers)), None)


def domains(session: Session, workspace_id: UUID) -> list[Domain]:
    """The domains of a workspace's mailboxes, by name."""
    query = select(Sender).where(Sender.workspace_id == workspace_id, Sender.type == EMAIL).order_by(Sender.id)
    found: dict[str, list[Sender]] = {}
    for sender in session.scalars(query):
        found.setdefault(domain_of(sender.email_address or ""), []).append(sender)
    return [Domain(name, tuple(senders)) for name, senders in sorted(found.items()) if name]


def inspect(domain: Domain, lookup: Lookup) -> list[Finding]:
    """Everything that receivers look at, judged; BAD without advice where the DNS gave no answer."""
    name, own = domain.name, _own_key(domain)
    with ThreadPoolExecutor(AT_ONCE) as asked:
        parts: list[tuple[str, Callable[[], Finding]]] = [
            ("MX", lambda: judge_mx(name, lookup.mx(name))),
            ("SPF", lambda: judge_spf(name, lookup.texts(name), domain.host)),
            ("DKIM", lambda: judge_dkim(_keys(name, own, lookup), own, domain.host, signs=domain.signs)),
            ("DMARC", lambda: judge_dmarc(name, lookup.texts(f"_dmarc.{name}"))),
        ]
        return list(asked.map(lambda part: _answered(*part), parts))


def worst(findings: Sequence[Finding]) -> str:
    """The state of the domain as a whole."""
    states = {finding.state for finding in findings}
    return next((state for state in (BAD, WARNING) if state in states), GOOD)


def _answered(part: str, judge: Callable[[], Finding]) -> Finding:
    try:
        return judge()
    except Unanswered as silent:
        return Finding(part, BAD, f"{silent}. Try again later.")


def _keys(domain: str, own: Record | None, lookup: Lookup) -> dict[str, str]:
    """Selector -> the record under it, of those that there are."""
    selectors = [selector_of(own)] if own else list(SELECTORS)
    with ThreadPoolExecutor(AT_ONCE) as asked:
        texts = asked.map(partial(_key, domain, lookup), selectors)
        return {selector: text for selector, text in zip(selectors, texts, strict=True) if text}


def _key(domain: str, lookup: Lookup, selector: str) -> str | None:
    return next(iter(lookup.texts(f"{selector}._domainkey.{domain}")), None)


def _own_key(domain: Domain) -> Record | None:
    """The record of the key that was made for this domain here, if one was."""
    told = domain.key
    if told is None:
        return None
    return Record("TXT", f"{told['selector']}._domainkey.{domain.name}", told["record"])


def is_published(domain: Domain, lookup: Lookup) -> bool:
    """Whether the key that was made here is in the DNS, so that mail may be signed with it. Raises Unanswered."""
    own = _own_key(domain)
    return own is not None and judge_dkim(_keys(domain.name, own, lookup), own, None, signs=True).state == GOOD
