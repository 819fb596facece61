"""Locating the mail servers of an address: by its domain, by where its mail goes, by what its domain publishes."""

from dataclasses import dataclass

from campaigns.channels.lookup import Lookup, Unanswered
from campaigns.rules.hosts import BY_KEY, Host, Place, domain_of, host_of_domain, host_of_mx
from campaigns.rules.people import read_email
from campaigns.rules.problems import Problems

# What RFC 6186 and RFC 8314 have a domain publish, in the order in which it is to be preferred.
SMTP_SERVICES = (("_submissions._tcp", "tls"), ("_submission._tcp", "starttls"))
IMAP_SERVICES = (("_imaps._tcp", "tls"), ("_imap._tcp", "starttls"))


@dataclass(frozen=True)
class Located:
    """The servers that were found, as far as they were, and what there is to say about it."""

    words: str
    smtp: Place | None = None
    imap: Place | None = None
    host: Host | None = None


def locate(address: str, lookup: Lookup, preset: str | None = None) -> Located:
    """The servers of the host that was chosen (`preset`, a key of rules.hosts), else those of the address."""
    chosen = BY_KEY.get(preset or "")
    if chosen is not None:
        return _at(chosen, chosen.name)
    try:
        domain = domain_of(read_email(address, "email_address") or "")
    except Problems:
        domain = ""
    if not domain:
        return Located("Enter the email address first.")
    try:
        return _locate(domain, lookup)
    except Unanswered as silent:
        return Located(f"{silent}. Choose the mail host, or enter the servers.")


def _locate(domain: str, lookup: Lookup) -> Located:
    if host := host_of_domain(domain):
        return _at(host, host.name)
    names = lookup.mx(domain)
    if host := host_of_mx(names):
        return _at(host, f"Mail for {domain} goes to {names[0]}, which is {host.name}")
    smtp, imap = _published(SMTP_SERVICES, domain, lookup), _published(IMAP_SERVICES, domain, lookup)
    if smtp or imap:
        return Located(f"{domain} says itself where its servers are.", smtp, imap)
    where = f"Mail for {domain} goes to {names[0]}" if names and names[0] else f"{domain} takes no mail"
    return Located(f"{where}, and nothing says where its servers for mail programs are: ask whoever runs them.")


def _published(services: tuple[tuple[str, str], ...], domain: str, lookup: Lookup) -> Place | None:
    for service, security in services:
        for found in lookup.services(service, domain):
            return Place(found.host, found.port, security)
    return None


def _at(host: Host, words: str) -> Located:
    return Located(f"{words}. {host.note}".strip(), host.smtp, host.imap, host)
