"""What a sending domain publishes about its mail, read as receivers read it: SPF, DKIM, DMARC, MX."""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.rules.hosts import Host

GOOD, WARNING, BAD = "good", "warning", "bad"
# DNS questions that reading an SPF record may take (RFC 7208 section 4.6.4).
MOST_LOOKUPS = 10
# Names that the well-known hosts publish their keys under; one's own is tried first.
SELECTORS = (
    *("google", "selector1", "selector2", "s1", "s2", "k1", "k2", "fm1", "default", "dkim", "mail", "zoho"),
    *("mbo0001", "ionos", "s1-ionos", "strato-dkim-0002", "protonmail", "sig1", "key1"),
)
# What a domain's SPF record has to hold for mail that leaves by these hosts' servers.
INCLUDES = {
    "google": "include:_spf.google.com",
    "microsoft": "include:spf.protection.outlook.com",
    "fastmail": "include:spf.messagingengine.com",
    "zoho": "include:zohomail.com",
    "zoho-eu": "include:zohomail.eu",
    "mailbox-org": "include:mailbox.org",
    "ionos": "include:_spf-us.ionos.com",
    "ionos-de": "include:_spf-eu.ionos.com",
    "strato": "include:_spf.strato.de",
    "ovh": "include:mx.ovh.com",
    "infomaniak": "include:spf.infomaniak.ch",
    "gandi": "include:_mailcust.gandi.net",
    "hostpoint": "include:spf.mail.hostpoint.ch",
    "namecheap": "include:spf.privateemail.com",
    "hostinger": "include:_spf.mail.hostinger.com",
    "rackspace": "include:emailsrvr.com",
    "yandex": "include:_spf.yandex.net",
    "proton": "include:_spf.protonmail.ch",
    "icloud": "include:icloud.com",
}
_TERM = re.compile(r"[+?~-]?(include|a|mx|ptr|exists)(?:[:/].*)?|redirect=.*", re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """A record to publish."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True)
class Finding:
    """What was found about one part: `state` is GOOD, WARNING or BAD; `publish` what would mend it."""

    part: str
    state: str
    words: str
    found: tuple[str, ...] = ()
    publish: Record | None = None


def judge_mx(domain: str, names: Sequence[str]) -> Finding:
    """Whether answers and bounces can reach the domain."""
    if not names:
        words = (
            "No mail server is published: answers and bounces cannot come back, and many receivers refuse such mail."
        )
        return Finding("MX", BAD, words, publish=Record("MX", domain, "10 your mail server's name"))
    if names == [""]:
        return Finding("MX", BAD, "The domain says that it takes no mail at all (a null MX).", (".",))
    return Finding("MX", GOOD, "Answers and bounces can come back.", tuple(names))


def judge_spf(domain: str, texts: Sequence[str], host: Host | None) -> Finding:
    """Whether the domain says which servers may send for it, and those of `host` are among them."""
    include = INCLUDES.get(host.key) if host else None
    own = Record("TXT", domain, f"v=spf1 {include or 'mx'} ~all")
    records = [text for text in texts if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    if not records:
        return Finding("SPF", BAD, "No record says which servers may send for this domain.", publish=own)
    if len(records) > 1:
        words = "There are several SPF records, which receivers take for an error (RFC 7208): make them one."
        return Finding("SPF", BAD, words, tuple(records), Record("TXT", domain, _joined(records)))
    return _judge_terms(domain, records[0], host, include)


def _judge_terms(domain: str, record: str, host: Host | None, include: str | None) -> Finding:
    terms = record.split()[1:]
    found = (record,)
    if "+all" in terms or "all" in terms:
        mended = Record("TXT", domain, _with_all(terms, "~all"))
        return Finding("SPF", BAD, "The record lets anybody send for this domain (all).", found, mended)
    if sum(bool(_TERM.fullmatch(term)) for term in terms) > MOST_LOOKUPS:
        return Finding("SPF", BAD, f"Reading the record takes more than {MOST_LOOKUPS} DNS questions.", found)
    redirected = any(term.startswith("redirect=") for term in terms)
    if include and host and not redirected and include not in (term.lstrip("+") for term in terms):
        mended = Record("TXT", domain, _with_include(terms, include))
        words = f"The record does not name the servers of {host.name}, where this account sends from."
        return Finding("SPF", WARNING, words, found, mended)
    if not redirected and not any(term.endswith("all") for term in terms):
        mended = Record("TXT", domain, _with_all(terms, "~all"))
        return Finding("SPF", WARNING, "The record says nothing about all other servers.", found, mended)
    return Finding("SPF", GOOD, "The domain says which servers may send for it.", found)


def _with_all(terms: Sequence[str], last: str) -> str:
    return " ".join(["v=spf1", *(term for term in terms if not re.fullmatch(r"[+?~-]?all", term)), last])


def _with_include(terms: Sequence[str], include: str) -> str:
    last = next((term for term in terms if re.fullmatch(r"[?~-]all", term)), "~all")
    return _with_all([*(term for term in terms if term != last), include], last)


def _joined(records: Sequence[str]) -> str:
    terms = dict.fromkeys(term for record in records for term in record.split()[1:])
    last = next((term for term in terms if re.fullmatch(r"[?~-]all", term)), "~all")
    return _with_all(list(terms), last)


def judge_dkim(found: Mapping[str, str], own: Record | None, host: Host | None, *, signs: bool) -> Finding:
    """Whether keys are published that mail is signed with: selector -> record. `own` is the record of the key that
    was made for Cadenza, which `signs` with it or not yet."""
    if own is not None:
        return _judge_own_key(found.get(selector_of(own), ""), own, signs)
    keys = {selector: text for selector, text in found.items() if _key_of(text)}
    if keys:
        return Finding("DKIM", GOOD, f"Keys are published: {', '.join(sorted(keys))}.", tuple(keys.values()))
    where = f"switch signing on at {host.name}" if host else "switch signing on at your mail host"
    words = f"No key was found under the usual names: {where}, or let Cadenza sign."
    return Finding("DKIM", WARNING, words)


def selector_of(record: Record) -> str:
    """The name that a DKIM key is published under."""
    return record.name.partition("._domainkey.")[0]


def _judge_own_key(published: str, own: Record, signs: bool) -> Finding:
    found = (published,) if published else ()
    key = selector_of(own)
    if _key_of(published) == _key_of(own.value):
        words = f"Mail is signed with the key {key}." if signs else f"The key {key} is published: let Cadenza sign now."
        return Finding("DKIM", GOOD if signs else WARNING, words, found)
    if signs:
        words = f"Mail is signed with the key {key}, which is not published: receivers take the signature for broken."
        return Finding("DKIM", BAD, words, found, own)
    return Finding("DKIM", WARNING, f"The key {key} is made. Publish it, then let Cadenza sign.", found, own)


def _key_of(text: str) -> bytes | None:
    """The public key of a DKIM record (RFC 6376 section 3.6.1); None for one that is none or was withdrawn."""
    found = _tags(text).get("p", "").replace(" ", "")
    try:
        return b64decode(found, validate=True) or None
    except (Error, ValueError):
        return None


def judge_dmarc(domain: str, texts: Sequence[str]) -> Finding:
    """Whether the domain says what receivers are to do with mail that fails the two others."""
    name = f"_dmarc.{domain}"
    own = Record("TXT", name, f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")
    records = [text for text in texts if text.lower().replace(" ", "").startswith("v=dmarc1")]
    if not records:
        words = (
            "Nothing says what receivers are to do with forgeries; Gmail and Yahoo ask for it of whoever sends much."
        )
        return Finding("DMARC", BAD, words, publish=own)
    if len(records) > 1:
        return Finding(
            "DMARC", BAD, "There are several DMARC records: receivers use none of them.", tuple(records), own
        )
    policy = _tags(records[0]).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return Finding("DMARC", BAD, "The record has no policy (p=) that receivers know.", tuple(records), own)
    if policy == "none":
        words = "Forgeries are only reported (p=none): that is enough for receivers; stricter is better once it works."
        return Finding("DMARC", GOOD, words, tuple(records))
    return Finding("DMARC", GOOD, f"Forgeries are dealt with (p={policy}).", tuple(records))


def _tags(text: str) -> dict[str, str]:
    """The tags of a record such as "v=DMARC1; p=none"."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in parts}
