"""Asking the DNS, with an end to patience."""

from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver

# Seconds for all tries of one question.
PATIENCE = 3.0


class Unanswered(Exception):
    """Nobody can say now: the reason is for people."""


@dataclass(frozen=True)
class Service:
    """A server of an SRV record (RFC 2782)."""

    host: str
    port: int


class Lookup:
    """What the DNS says. `server` is "host:port" of the one to ask, an IP address; None for those of this machine.

    A name that does not exist has no records, like one that has none of this kind. Everything raises Unanswered.
    """

    def __init__(self, server: str | None = None, patience: float = PATIENCE) -> None:
        self._server = server
        self._patience = patience

    def mx(self, domain: str) -> list[str]:
        """The names of the servers that take the mail of a domain, the preferred one first. A "null MX" (RFC 7505:
        the domain takes no mail) has an empty name."""
        found = sorted((record.preference, _name(record.exchange)) for record in self._ask(domain, "MX"))
        return [name for _, name in found]

    def services(self, service: str, domain: str) -> list[Service]:
        """The servers of a service such as "_imaps._tcp", the preferred one first; none where it is not offered."""
        records = self._ask(f"{service}.{domain}", "SRV")
        found = sorted((record.priority, -record.weight, _name(record.target), record.port) for record in records)
        return [Service(host, port) for _, _, host, port in found if host]

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each whole, in no order of its own."""
        return sorted(b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT"))

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver().resolve(name.rstrip(".") + ".", kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, UnicodeError, OSError) as failed:
            raise Unanswered(f"The DNS gave no answer about {name}: {_words(failed)}") from failed

    def _resolver(self) -> dns.resolver.Resolver:
        if self._server is None:
            resolver = dns.resolver.Resolver()
        else:
            host, _, port = self._server.rpartition(":")
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
        resolver.lifetime = resolver.timeout = self._patience
        return resolver


def _name(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).rstrip(".").lower()


def _words(failed: Exception) -> str:
    if isinstance(failed, dns.exception.Timeout):
        return "it took too long"
    return " ".join(str(failed).split())[:200] or type(failed).__name__
