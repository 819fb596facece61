"""Finding the servers of an address, at a DNS server of our own."""

import time

import pytest

from campaigns.channels.lookup import Lookup, Service, Unanswered
from campaigns.locating import Located, locate
from campaigns.rules.accounts import SECURITIES, is_loopback
from campaigns.rules.hosts import HOSTS, Place, host_of_domain, host_of_mx, host_of_server
from tests.servers import DnsServer


def found(server: DnsServer, address: str, preset: str | None = None) -> Located:
    return locate(address, Lookup(server.address, patience=0.4), preset)


def test_an_address_at_a_well_known_host_needs_no_question(dns_server: DnsServer) -> None:
    located = found(dns_server, " Sarah@GMAIL.com ")
    assert (located.smtp, located.imap) == (
        Place("smtp.gmail.com", 587, "starttls"),
        Place("imap.gmail.com", 993, "tls"),
    )
    assert "app password" in located.words
    assert dns_server.asked == []


@pytest.mark.parametrize(
    ("mx", "key"),
    [
        ("1 smtp.google.com.", "google"),
        ("10 aspmx.l.google.com.", "google"),
        ("0 example-com.mail.protection.outlook.com.", "microsoft"),
        ("10 mx00.ionos.de.", "ionos-de"),
        ("5 smtpin.rzone.de.", "strato"),
        ("10 in1-smtp.messagingengine.com.", "fastmail"),
    ],
)
def test_a_domain_is_at_the_host_that_its_mail_goes_to(dns_server: DnsServer, mx: str, key: str) -> None:
    dns_server.say("example.com", "MX", mx, "99 backup.elsewhere.test.")
    located = found(dns_server, "sarah@example.com")
    assert located.host is not None
    assert located.host.key == key
    assert located.words.startswith("Mail for example.com goes to ")


def test_a_name_that_only_ends_like_a_host_is_not_at_it() -> None:
    assert host_of_mx(["mx.notgoogle.com"]) is None
    assert host_of_mx(["google.com.evil.test"]) is None
    assert host_of_domain("mygmail.com") is None


def test_a_domain_may_say_itself_where_its_servers_are(dns_server: DnsServer) -> None:
    dns_server.say("example.com", "MX", "10 mail.example.com.")
    dns_server.say("_submissions._tcp.example.com", "SRV", "0 0 0 .")
    dns_server.say("_submission._tcp.example.com", "SRV", "20 1 588 b.example.com.", "10 1 587 a.example.com.")
    dns_server.say("_imaps._tcp.example.com", "SRV", "0 1 993 imap.example.com.")
    located = found(dns_server, "sarah@example.com")
    assert located.smtp == Place("a.example.com", 587, "starttls"), "a dot means: not offered (RFC 6186)"
    assert located.imap == Place("imap.example.com", 993, "tls")


@pytest.mark.parametrize(
    ("mx", "words"),
    [(["10 mail.example.com."], "goes to mail.example.com"), ([], "takes no mail"), (["0 ."], "takes no")],
)
def test_where_nothing_says_where_the_servers_are_that_is_told(
    dns_server: DnsServer, mx: list[str], words: str
) -> None:
    dns_server.say("example.com", "MX", *mx)
    located = found(dns_server, "sarah@example.com")
    assert (located.smtp, located.imap) == (None, None)
    assert words in located.words


def test_a_dns_server_that_says_nothing_is_not_waited_for(dns_server: DnsServer) -> None:
    dns_server.silent.add("example.com")
    began = time.monotonic()
    located = found(dns_server, "sarah@example.com")
    assert time.monotonic() - began < 3
    assert located.words == (
        "The DNS gave no answer about example.com: it took too long. Choose the mail host, or enter the servers."
    )


@pytest.mark.parametrize("address", ["", "sarah", "sarah@", f"sarah@{'x' * 300}.com"])
def test_without_an_address_nobody_is_asked(dns_server: DnsServer, address: str) -> None:
    assert found(dns_server, address).words == "Enter the email address first."
    assert dns_server.asked == []


def test_a_host_that_was_chosen_goes_before_the_address(dns_server: DnsServer) -> None:
    located = found(dns_server, "", "posteo")
    assert located.smtp == Place("posteo.de", 587, "starttls")


def test_the_table_of_hosts_is_sound() -> None:
    assert len({host.key for host in HOSTS}) == len(HOSTS)
    domains = [domain for host in HOSTS for domain in host.domains]
    assert len(set(domains)) == len(domains)
    for host in HOSTS:
        assert host.domains or host.mx, host.key
        for place in (host.smtp, host.imap):
            assert place.security in SECURITIES
            assert (place.security == "none") == is_loopback(place.host), "nobody's password goes over a wire in clear"
        assert host_of_server(host.smtp.host.upper()) is not None or is_loopback(host.smtp.host)
    assert host_of_server("127.0.0.1") is None


def test_what_the_dns_says_is_read(dns_server: DnsServer) -> None:
    lookup = Lookup(dns_server.address)
    dns_server.records["example.com", "TXT"] = ['"v=spf1 " "mx ~all"', '"other"']
    dns_server.say("example.com", "MX", "20 b.example.com.", "10 A.example.com.")
    dns_server.say("_imap._tcp.example.com", "SRV", "0 1 143 imap.example.com.")
    assert lookup.texts("example.com") == ["other", "v=spf1 mx ~all"]
    assert lookup.mx("example.com") == ["a.example.com", "b.example.com"]
    assert lookup.services("_imap._tcp", "example.com") == [Service("imap.example.com", 143)]
    assert lookup.texts("nobody.example.com") == []
    assert lookup.mx("_imap._tcp.example.com") == [], "there, but without such a record"


def test_a_dns_server_that_is_not_there_has_no_answer() -> None:
    with pytest.raises(Unanswered, match=r"about example\.com"):
        Lookup("127.0.0.1:1", patience=0.3).mx("example.com")
    with pytest.raises(Unanswered):
        Lookup("127.0.0.1:1", patience=0.3).mx(f"{'x' * 70}.com")
