"""What a domain publishes about its mail, judged as receivers do; at a DNS server of our own."""

import pytest

from campaigns.channels.lookup import Lookup
from campaigns.inspecting import Domain, domains, inspect, worst
from campaigns.models import Sender
from campaigns.rules.domains import BAD, GOOD, WARNING, Finding, Record, judge_dkim
from tests import make
from tests.databases import Database
from tests.servers import DnsServer

KEY = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ=="


def at(host: str | None = None) -> Domain:
    smtp = {"host": host, "port": 587, "security": "starttls"} if host else None
    return Domain("example.com", (Sender(email_address="sarah@example.com", smtp=smtp, uses_trap=host is None),))


def found(server: DnsServer, domain: Domain | None = None) -> dict[str, Finding]:
    findings = inspect(domain or at(), Lookup(server.address, patience=0.4))
    return {finding.part: finding for finding in findings}


def test_a_domain_without_anything_is_told_what_to_publish(dns_server: DnsServer) -> None:
    findings = found(dns_server, at("smtp.gmail.com"))
    assert [finding.state for finding in findings.values()] == [BAD, BAD, WARNING, BAD]
    assert findings["SPF"].publish == Record("TXT", "example.com", "v=spf1 include:_spf.google.com ~all")
    dmarc = "v=DMARC1; p=none; rua=mailto:postmaster@example.com"
    assert findings["DMARC"].publish == Record("TXT", "_dmarc.example.com", dmarc)
    assert "switch signing on at Gmail" in findings["DKIM"].words
    assert worst(list(findings.values())) == BAD


def test_a_domain_that_has_everything_is_good(dns_server: DnsServer) -> None:
    dns_server.say("example.com", "MX", "1 smtp.google.com.")
    dns_server.say("example.com", "TXT", "other", "v=spf1 include:_spf.google.com ~all")
    dns_server.say("google._domainkey.example.com", "TXT", KEY)
    dns_server.say("_dmarc.example.com", "TXT", "v=DMARC1; p=quarantine")
    findings = found(dns_server, at("smtp.gmail.com"))
    assert {part: finding.state for part, finding in findings.items()} == dict.fromkeys(
        ("MX", "SPF", "DKIM", "DMARC"), GOOD
    )
    assert findings["DKIM"].words == "Keys are published: google."
    assert worst(list(findings.values())) == GOOD


@pytest.mark.parametrize(
    ("records", "state", "publish"),
    [
        (["v=spf1 mx ~all"], WARNING, "v=spf1 mx include:_spf.google.com ~all"),
        (["v=spf1 mx -all"], WARNING, "v=spf1 mx include:_spf.google.com -all"),
        (["v=spf1 +include:_spf.google.com -all"], GOOD, None),
        (["v=spf1 redirect=_spf.google.com"], GOOD, None),
        (["v=spf1 include:_spf.google.com"], WARNING, "v=spf1 include:_spf.google.com ~all"),
        (["v=spf1 include:_spf.google.com +all"], BAD, "v=spf1 include:_spf.google.com ~all"),
        (["v=spf1 a ~all", "v=spf1 mx ~all"], BAD, "v=spf1 a mx ~all"),
        (["v=spf1 " + " ".join(f"include:{n}.test" for n in range(11)) + " ~all"], BAD, None),
        (["v=spf10 mx ~all"], BAD, "v=spf1 include:_spf.google.com ~all"),
    ],
)
def test_an_spf_record_is_mended(dns_server: DnsServer, records: list[str], state: str, publish: str | None) -> None:
    dns_server.say("example.com", "TXT", *records)
    finding = found(dns_server, at("smtp.gmail.com"))["SPF"]
    assert finding.state == state
    assert (finding.publish and finding.publish.value) == publish


def test_a_host_that_nobody_knows_is_not_missed_in_the_record(dns_server: DnsServer) -> None:
    dns_server.say("example.com", "TXT", "v=spf1 mx ~all")
    assert found(dns_server, at("mail.example.com"))["SPF"].state == GOOD


@pytest.mark.parametrize(
    ("records", "state"),
    [
        (["v=DMARC1; p=none"], GOOD),
        (["v=DMARC1;p=reject; rua=mailto:a@b.test"], GOOD),
        (["v=DMARC1; sp=none"], BAD),
        (["v=DMARC1; p=maybe"], BAD),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], BAD),
        (["something else"], BAD),
    ],
)
def test_a_dmarc_record_needs_one_policy(dns_server: DnsServer, records: list[str], state: str) -> None:
    dns_server.say("_dmarc.example.com", "TXT", *records)
    assert found(dns_server)["DMARC"].state == state


def test_a_key_that_was_withdrawn_is_none(dns_server: DnsServer) -> None:
    dns_server.say("default._domainkey.example.com", "TXT", "v=DKIM1; p=")
    assert found(dns_server)["DKIM"].state == WARNING


def test_our_own_key_has_to_be_the_one_that_is_published() -> None:
    own = Record("TXT", "cadenza._domainkey.example.com", KEY)
    published = {"cadenza": KEY.replace("; ", ";")}
    assert judge_dkim(published, own, None, signs=True).state == GOOD
    missing = judge_dkim({"google": KEY}, own, None, signs=True)
    assert (missing.state, missing.publish) == (BAD, own)
    assert "let Cadenza sign now" in judge_dkim(published, own, None, signs=False).words
    assert judge_dkim({}, own, None, signs=False).publish == own


def test_a_domain_that_takes_no_mail_hears_no_answers(dns_server: DnsServer) -> None:
    dns_server.say("example.com", "MX", "0 .")
    assert found(dns_server)["MX"].state == BAD


def test_a_dns_server_that_says_nothing_is_told_and_the_rest_is_judged(dns_server: DnsServer) -> None:
    dns_server.silent.add("_dmarc.example.com")
    dns_server.say("example.com", "MX", "10 mail.example.com.")
    findings = found(dns_server)
    assert "it took too long" in findings["DMARC"].words
    assert findings["MX"].state == GOOD


def test_a_workspace_sends_from_the_domains_of_its_mailboxes(db: Database) -> None:
    with db.sessions.begin() as session:
        ours, theirs = make.workspace(session), make.workspace(session)
        for address in ("a@Two.example", "b@one.example", "c@one.example"):
            make.sender(session, ours, email_address=address)
        make.sender(session, ours, type="linkedin")
        make.sender(session, theirs, email_address="d@three.example")
    with db.reading() as session:
        found = domains(session, ours.id)
    assert [(one.name, len(one.senders)) for one in found] == [("one.example", 2), ("two.example", 1)]
    assert [one.provided for one in found] == [False, False]
