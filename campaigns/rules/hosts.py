"""Where the well-known mail hosts have their servers, and what signing in there takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GOOGLE, MICROSOFT = "google", "microsoft"


@dataclass(frozen=True)
class Place:
    """A server: `security` is one of rules.accounts.SECURITIES."""

    host: str
    port: int
    security: str


@dataclass(frozen=True)
class Host:
    """A mail host. Addresses at `domains` are there; so are those of a domain whose mail goes to a server that is, or
    is below, one of `mx`. `note` says what people need to know before they sign in; `oauth` by whose sign-in (GOOGLE,
    MICROSOFT) it can be done without a password."""

    key: str
    name: str
    smtp: Place
    imap: Place
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    note: str = ""
    oauth: str | None = None


def _tls(host: str) -> Place:
    return Place(host, 465, "tls")


def _starttls(host: str) -> Place:
    return Place(host, 587, "starttls")


def _imap(host: str) -> Place:
    return Place(host, 993, "tls")


def _app_password(name: str, where: str) -> str:
    return f"{name} takes an app password, not your own: make one under {where}."


HOSTS = (
    Host(
        GOOGLE,
        "Gmail and Google Workspace",
        _starttls("smtp.gmail.com"),
        _imap("imap.gmail.com"),
        ("gmail.com", "googlemail.com"),
        ("google.com", "googlemail.com"),
        _app_password("Google", "myaccount.google.com/apppasswords (two-step verification has to be on)"),
        GOOGLE,
    ),
    Host(
        MICROSOFT,
        "Outlook and Microsoft 365",
        _starttls("smtp.office365.com"),
        _imap("outlook.office365.com"),
        (
            "outlook.com",
            "outlook.de",
            "outlook.fr",
            "outlook.es",
            "outlook.it",
            "hotmail.com",
            "hotmail.co.uk",
            "hotmail.de",
            "hotmail.fr",
            "hotmail.it",
            "hotmail.es",
            "live.com",
            "live.de",
            "live.fr",
            "live.nl",
            "live.co.uk",
            "msn.com",
        ),
        ("mail.protection.outlook.com", "mx.microsoft", "olc.protection.outlook.com"),
        "Microsoft takes no passwords from other programs any more, save where an administrator allows it "
        "(authenticated SMTP): sign in with Microsoft.",
        MICROSOFT,
    ),
    Host(
        "yahoo",
        "Yahoo",
        _tls("smtp.mail.yahoo.com"),
        _imap("imap.mail.yahoo.com"),
        ("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.es", "yahoo.it", "ymail.com", "rocketmail.com"),
        ("yahoodns.net",),
        _app_password("Yahoo", "login.yahoo.com/account/security"),
    ),
    Host(
        "aol",
        "AOL",
        _tls("smtp.aol.com"),
        _imap("imap.aol.com"),
        ("aol.com", "aim.com"),
        note=_app_password("AOL", "login.aol.com/account/security"),
    ),
    Host(
        "icloud",
        "iCloud Mail",
        _starttls("smtp.mail.me.com"),
        _imap("imap.mail.me.com"),
        ("icloud.com", "me.com", "mac.com"),
        ("mail.icloud.com",),
        _app_password("Apple", "account.apple.com, sign-in and security"),
    ),
    Host(
        "gmx",
        "GMX",
        _starttls("mail.gmx.net"),
        _imap("imap.gmx.net"),
        ("gmx.de", "gmx.net", "gmx.at", "gmx.ch"),
        ("gmx.net",),
        "Allow other programs first: GMX settings, POP3/IMAP retrieval.",
    ),
    Host(
        "gmx-com",
        "GMX.com",
        _starttls("mail.gmx.com"),
        _imap("imap.gmx.com"),
        ("gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es"),
        note="Allow other programs first: GMX settings, POP3 and IMAP.",
    ),
    Host(
        "web-de",
        "WEB.DE",
        _starttls("smtp.web.de"),
        _imap("imap.web.de"),
        ("web.de", "email.de"),
        ("web.de",),
        "Allow other programs first: WEB.DE settings, POP3/IMAP retrieval.",
    ),
    Host(
        "mail-com",
        "mail.com",
        _starttls("smtp.mail.com"),
        _imap("imap.mail.com"),
        ("mail.com", "email.com", "usa.com"),
        ("mail.com",),
        "mail.com lets other programs in with its premium service only.",
    ),
    Host(
        "fastmail",
        "Fastmail",
        _tls("smtp.fastmail.com"),
        _imap("imap.fastmail.com"),
        ("fastmail.com", "fastmail.fm", "sent.com"),
        ("messagingengine.com",),
        _app_password("Fastmail", "Settings, Privacy and security"),
    ),
    Host(
        "zoho",
        "Zoho Mail",
        _tls("smtp.zoho.com"),
        _imap("imap.zoho.com"),
        ("zoho.com", "zohomail.com"),
        ("zoho.com",),
        _app_password("Zoho", "accounts.zoho.com, Security") + " IMAP has to be switched on in its settings.",
    ),
    Host(
        "zoho-eu",
        "Zoho Mail (EU)",
        _tls("smtp.zoho.eu"),
        _imap("imap.zoho.eu"),
        ("zohomail.eu",),
        ("zoho.eu",),
        _app_password("Zoho", "accounts.zoho.eu, Security") + " IMAP has to be switched on in its settings.",
    ),
    Host(
        "mailbox-org",
        "mailbox.org",
        _starttls("smtp.mailbox.org"),
        _imap("imap.mailbox.org"),
        ("mailbox.org",),
        ("mailbox.org",),
    ),
    Host("posteo", "Posteo", _starttls("posteo.de"), _imap("posteo.de"), ("posteo.de", "posteo.net"), ("posteo.de",)),
    Host(
        "ionos",
        "IONOS",
        _starttls("smtp.ionos.com"),
        _imap("imap.ionos.com"),
        mx=("ionos.com", "1and1.com"),
    ),
    Host(
        "ionos-de",
        "IONOS (Germany)",
        _starttls("smtp.ionos.de"),
        _imap("imap.ionos.de"),
        ("online.de",),
        ("ionos.de", "kundenserver.de"),
    ),
    Host("strato", "STRATO", _tls("smtp.strato.de"), _imap("imap.strato.de"), mx=("rzone.de",)),
    Host("ovh", "OVHcloud", _tls("ssl0.ovh.net"), _imap("ssl0.ovh.net"), mx=("mail.ovh.net", "ovh.net")),
    Host(
        "infomaniak",
        "Infomaniak",
        _tls("mail.infomaniak.com"),
        _imap("mail.infomaniak.com"),
        ("ik.me", "ikmail.com", "etik.com"),
        ("infomaniak.ch",),
        _app_password("Infomaniak", "manager.infomaniak.com, where two-factor authentication is on"),
    ),
    Host("gandi", "Gandi", _starttls("mail.gandi.net"), _imap("mail.gandi.net"), mx=("gandi.net",)),
    Host(
        "hostpoint",
        "Hostpoint",
        _starttls("asmtp.mail.hostpoint.ch"),
        _imap("imap.mail.hostpoint.ch"),
        mx=("hostpoint.ch",),
    ),
    Host(
        "namecheap",
        "Namecheap Private Email",
        _tls("mail.privateemail.com"),
        _imap("mail.privateemail.com"),
        mx=("privateemail.com",),
    ),
    Host("hostinger", "Hostinger", _tls("smtp.hostinger.com"), _imap("imap.hostinger.com"), mx=("hostinger.com",)),
    Host("rackspace", "Rackspace", _tls("secure.emailsrvr.com"), _imap("secure.emailsrvr.com"), mx=("emailsrvr.com",)),
    Host(
        "t-online",
        "Telekom (T-Online)",
        _tls("securesmtp.t-online.de"),
        _imap("secureimap.t-online.de"),
        ("t-online.de", "magenta.de"),
        note="Telekom takes a password for mail programs, which is set in its customer centre.",
    ),
    Host(
        "yandex",
        "Yandex",
        _tls("smtp.yandex.com"),
        _imap("imap.yandex.com"),
        ("yandex.com", "yandex.ru", "ya.ru"),
        ("yandex.net", "yandex.ru"),
        _app_password("Yandex", "id.yandex.com, Security"),
    ),
    Host(
        "proton",
        "Proton Mail Bridge",
        Place("127.0.0.1", 1025, "none"),
        Place("127.0.0.1", 1143, "none"),
        ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        ("protonmail.ch",),
        "Proton can be reached through its Bridge on this machine only; take the user name and the password that the "
        "Bridge shows.",
    ),
)
BY_KEY = {host.key: host for host in HOSTS}
_BY_DOMAIN = {domain: host for host in HOSTS for domain in host.domains}


def domain_of(address: str) -> str:
    """The part of an address behind the @, in lower case."""
    return address.rpartition("@")[2].strip().lower()


def host_of_domain(domain: str) -> Host | None:
    """The host that everybody at this domain is at."""
    return _BY_DOMAIN.get(domain)


def host_of_mx(names: Iterable[str]) -> Host | None:
    """The host that a domain's mail goes to, by the names of its MX servers, the preferred one first."""
    for name in names:
        for host in HOSTS:
            if _is_below(name.rstrip(".").lower(), host.mx):
                return host
    return None


def host_of_server(name: str) -> Host | None:
    """The host that has this SMTP or IMAP server; a server of this machine may be anybody's."""
    public = (host for host in HOSTS if host.smtp.security != "none")
    return next((host for host in public if name.lower() in (host.smtp.host, host.imap.host)), None)


def _is_below(name: str, domains: Sequence[str]) -> bool:
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
