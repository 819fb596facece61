"""Opening the channel of a sender account: where it connects to, and as whom."""

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from campaigns.channels.oauth import renew
from campaigns.channels.outgoing import Channel, Nobody, Unsent
from campaigns.channels.signing import DomainKey
from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.channels.trap import read_trap
from campaigns.channels.unipile import Seat, UnipileChannel
from campaigns.models.grant import access_token
from campaigns.models.sealing import Unsealable, unseal
from campaigns.models.seat import read_keys
from campaigns.models.sender import Sender
from campaigns.rules.hosts import domain_of
from campaigns.rules.lifecycle import LINKEDIN
from campaigns.rules.oauth import Denied

TRAP_HOST = "127.0.0.1"


def open_channel(
    sender: Sender, *, sealing_key: str, trap_file: Path, sessions: sessionmaker[Session] | None = None
) -> Channel:
    """The account's channel, not connected yet. Raises Unsent with `account` set if it cannot be made."""
    if sender.assisted:
        return Nobody()
    if sender.type == LINKEDIN:
        return UnipileChannel(_seat(sender, sealing_key))
    return SmtpChannel(smtp_endpoint(sender, sealing_key=sealing_key, trap_file=trap_file, sessions=sessions))


def _seat(sender: Sender, sealing_key: str) -> Seat:
    if sender.seat is None or sender.seat["account_id"] is None:
        raise Unsent("No LinkedIn account is connected: connect one on the account's page.", lasting=True, account=True)
    try:
        keys = read_keys(sender, sealing_key)
    except Unsealable as wrong:
        raise Unsent(str(wrong), lasting=True, account=True) from wrong
    return Seat(sender.seat["base_url"], keys.api_key, sender.seat["account_id"])


def smtp_endpoint(
    sender: Sender, *, sealing_key: str, trap_file: Path, sessions: sessionmaker[Session] | None = None
) -> Endpoint:
    """Where its messages are handed over. Raises Unsent as above."""
    if sender.uses_trap:
        trap = read_trap(trap_file)
        if trap is None:
            raise Unsent("The local mail trap is not running.", lasting=False, account=True)
        return Endpoint(TRAP_HOST, trap.smtp_port, "none")
    if sender.smtp is None:
        raise Unsent("The account has no mail server: enter one.", lasting=True, account=True)
    try:
        password = unseal(sealing_key, sender.smtp_sealed)
        token = access_token(sender, sealing_key, renew, sessions)
        key = _domain_key(sender, sealing_key)
    except Unsealable as wrong:
        raise Unsent(str(wrong), lasting=True, account=True) from wrong
    except Denied as denied:
        raise Unsent(denied.reason, lasting=denied.lasting, account=True) from denied
    smtp = sender.smtp
    username = smtp.get("username") or (sender.email_address if token else None)
    return Endpoint(smtp["host"], smtp["port"], smtp["security"], username, password, token, key)


def _domain_key(sender: Sender, sealing_key: str) -> DomainKey | None:
    domain = domain_of(sender.email_address or "")
    if not sender.signs_for(domain) or sender.dkim is None or not sender.dkim["on"]:
        return None
    private = unseal(sealing_key, sender.dkim_sealed)
    return DomainKey(domain, sender.dkim["selector"], private or "")
