"""Postfix and Dovecot, as a company would run them: mail that is handed over lands in a mailbox, or comes back.

Both run on free ports of 127.0.0.1 with a configuration and folders of their own. Postfix can only be started by root;
for anybody else a sink that delivers into the same mailboxes stands in for it.
"""

import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest

from jobs.tether import tether
from tests.servers import Accepted, free_port, running_sink, short_folder

OURS, THEIRS, BOUNCING = "ours.test", "corp.test", "bounce.test"
PEOPLE = ("ann", "bob", "carla", "dan", "eve", "frank", "gina", "hugo")
ACCOUNTS = ("sarah", "tom")
PASSWORD = "correct horse"
START_SECONDS = 20.0
_delivered = count()


@dataclass
class MailHouse:
    """Mailboxes of our accounts (ACCOUNTS at OURS) and of those they write to (PEOPLE at THEIRS), with the password
    PASSWORD. Mail to BOUNCING is accepted, and comes back as a delivery status notification where it `bounces`."""

    home: Path
    smtp_port: int
    imap_port: int
    host: str = "127.0.0.1"
    passwords: dict[str, str] = field(default_factory=dict)
    bounces: bool = True

    def folder(self, address: str) -> Path:
        """The Maildir of an address."""
        name, _, domain = address.partition("@")
        return self.home / "mail" / domain / name / "Maildir"

    def deliver(self, raw: bytes, address: str) -> None:
        """Put a mail that another program wrote into a mailbox, as an MTA does."""
        box = self.folder(address)
        name = f"{time.time_ns()}.{next(_delivered)}.test"
        (box / "tmp" / name).write_bytes(raw.replace(b"\r\n", b"\n"))
        shutil.chown(box / "tmp" / name, *mailbox_owner())
        (box / "tmp" / name).rename(box / "new" / name)

    def mails(self, address: str) -> list[EmailMessage]:
        """What lies in a mailbox, in the order of delivery."""
        box = self.folder(address)
        files = sorted([*(box / "new").iterdir(), *(box / "cur").iterdir()], key=lambda file: file.name)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def wait_for(self, address: str, number: int, seconds: float = START_SECONDS) -> list[EmailMessage]:
        """What lies in a mailbox once these are `number` mails; an AssertionError if it does not come to that."""
        _wait(lambda: len(self.mails(address)) >= number, f"{number} mails to {address}", seconds)
        return self.mails(address)

    def change_password(self, address: str, password: str) -> None:
        """Somebody gave the account another password."""
        self.passwords[address] = password
        (self.home / "users").write_text(_users(self.passwords))
        # Dovecot looks whether the file changed once a second.
        _wait(lambda: self._signs_in(address), f"The new password of {address}", START_SECONDS)

    def _signs_in(self, address: str) -> bool:
        token = f"\0{address}\0{self.passwords[address]}".encode()
        with imaplib.IMAP4(self.host, self.imap_port) as client, suppress(imaplib.IMAP4.error):
            return client.authenticate("PLAIN", lambda _: token)[0] == "OK"
        return False

    def reset(self) -> None:
        """Every mailbox empty, every password as it was."""
        for address in _addresses():
            shutil.rmtree(self.folder(address), ignore_errors=True)
            _make_box(self.folder(address))
            if self.passwords.get(address) != PASSWORD:
                self.change_password(address, PASSWORD)


def _addresses() -> list[str]:
    return [f"{name}@{OURS}" for name in ACCOUNTS] + [f"{name}@{THEIRS}" for name in PEOPLE]


def _users(passwords: dict[str, str]) -> str:
    return "".join(f"{address}:{{PLAIN}}{password}\n" for address, password in passwords.items())


def mailbox_owner() -> tuple[str, str]:
    """Who mailboxes belong to: neither server delivers as root."""
    me = pwd.getpwuid(os.getuid()).pw_name
    return ("nobody", "nogroup") if os.getuid() == 0 else (me, me)


def _make_box(box: Path) -> None:
    for part in ("tmp", "new", "cur"):
        (box / part).mkdir(parents=True)
    for folder in (box.parent.parent, box.parent, box, *box.iterdir()):
        shutil.chown(folder, *mailbox_owner())


def _wait(done: Callable[[], bool], what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, f"The tests of mail need {name}; on Debian: sudo apt-get install postfix dovecot-imapd"
    return found


# Dovecot -----------------------------------------------------------------------------------------

DOVECOT = """
base_dir = {home}/run
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {internal}
first_valid_uid = 1
mail_location = maildir:{home}/mail/%d/%n/Maildir
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail/%d/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@contextmanager
def _dovecot(home: Path) -> Iterator[int]:
    port = free_port()
    user, group = mailbox_owner()
    internal = ("dovecot", "dovecot") if os.getuid() == 0 else (user, group)
    config = home / "dovecot.conf"
    config.write_text(
        DOVECOT.format(home=home, port=port, user=user, group=group, internal=internal[0], internal_group=internal[1])
    )
    process = subprocess.Popen([_command("dovecot"), "-F", "-c", config], preexec_fn=tether(SIGTERM))
    try:
        _wait(lambda: _answers(port), f"Dovecot, see {home}/dovecot.log", START_SECONDS)
        yield port
    finally:
        process.terminate()
        process.wait()


# Postfix -----------------------------------------------------------------------------------------

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/postfix-data
maillog_file = {home}/postfix.log
maillog_file_prefixes = /tmp, {home}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.test
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {ours}, {theirs}
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = texthash:{home}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = texthash:{home}/transport
relay_domains = {bouncing}
smtpd_delay_reject = no
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
"""
MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60  1 pickup
cleanup   unix n - n -   0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def _configure_postfix(home: Path, port: int, refusing: int) -> Path:
    nobody = pwd.getpwnam("nobody")
    etc = home / "etc"
    for folder in (etc, home / "queue", home / "postfix-data"):
        folder.mkdir()
    shutil.chown(home / "postfix-data", "postfix", "postfix")
    values = {"home": home, "ours": OURS, "theirs": THEIRS, "bouncing": BOUNCING}
    (etc / "main.cf").write_text(MAIN_CF.format(**values, uid=nobody.pw_uid, gid=nobody.pw_gid))
    (etc / "master.cf").write_text(MASTER_CF.format(port=port))
    boxes = (address.partition("@") for address in _addresses())
    (home / "boxes").write_text("".join(f"{name}@{domain} {domain}/{name}/Maildir/\n" for name, _, domain in boxes))
    (home / "transport").write_text(f"{BOUNCING} smtp:[127.0.0.1]:{refusing}\n")
    return etc


_SAID: dict[str, Any] = {"check": True, "capture_output": True, "text": True}


@contextmanager
def _postfix(home: Path) -> Iterator[int]:
    port = free_port()
    with running_sink() as refusing:
        refusing.answer_rcpt = "550 5.1.1 The email account that you tried to reach does not exist"
        etc = _configure_postfix(home, port, refusing.port)
        subprocess.run([_command("postfix"), "-c", etc, "check"], check=True)  # makes the queue's folders
        # Its master itself: whatever `postfix start-fg` leaves behind when it is ended outlives the tests.
        daemons = subprocess.run([_command("postconf"), "-c", etc, "-h", "daemon_directory"], **_SAID)
        process = subprocess.Popen([f"{daemons.stdout.strip()}/master", "-c", etc, "-d"], preexec_fn=tether(SIGTERM))
        try:
            _wait(lambda: _answers(port), f"Postfix, see {home}/postfix.log", START_SECONDS)
            yield port
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _stand_in(home: Path) -> Iterator[int]:
    """For whoever may not start Postfix: a sink that delivers. Nothing comes back from it."""
    house = MailHouse(home, 0, 0)

    def deliver(mail: Accepted) -> None:
        for address in mail.rcpt_tos:
            if house.folder(address).exists():
                house.deliver(mail.content, address)

    with running_sink() as sink:
        sink.on_accept = deliver
        yield sink.port


@contextmanager
def running_mail_house() -> Iterator[MailHouse]:
    """Both servers, with an empty mailbox for everybody."""
    with short_folder() as home:
        home.chmod(0o755)  # both servers work as users of their own
        (home / "mail").mkdir()
        passwords = dict.fromkeys(_addresses(), PASSWORD)
        (home / "users").write_text(_users(passwords))
        serving = _postfix if os.getuid() == 0 else _stand_in
        with _dovecot(home) as imap_port, serving(home) as smtp_port:
            house = MailHouse(home, smtp_port, imap_port, passwords=passwords, bounces=serving is _postfix)
            house.reset()
            yield house


@pytest.fixture(scope="session")
def mail_house_server() -> Iterator[MailHouse]:
    """The mail servers that all tests of this process share."""
    with running_mail_house() as house:
        yield house


@pytest.fixture
def mail_house(mail_house_server: MailHouse) -> MailHouse:
    """Postfix and Dovecot, every mailbox empty."""
    mail_house_server.reset()
    return mail_house_server
