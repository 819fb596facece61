"""Opening the channel of a sender account: where it connects to, and as whom."""

from pathlib import Path

from campaigns.channels.outgoing import Channel, Unsent
from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.channels.trap import read_trap
from campaigns.models.sealing import Unsealable, unseal
from campaigns.models.sender import Sender

TRAP_HOST = "127.0.0.1"


def open_channel(sender: Sender, *, sealing_key: str, trap_file: Path) -> Channel:
    """The account's channel, not connected yet. Raises Unsent with `account` set if it cannot be made."""
    if sender.uses_trap:
        trap = read_trap(trap_file)
        if trap is None:
            raise Unsent("The local mail trap is not running.", lasting=False, account=True)
        return SmtpChannel(Endpoint(TRAP_HOST, trap.smtp_port, "none"))
    if sender.smtp is None:
        raise Unsent("The account has no mail server: enter one.", lasting=True, account=True)
    try:
        password = unseal(sealing_key, sender.smtp_sealed)
    except Unsealable as wrong:
        raise Unsent(str(wrong), lasting=True, account=True) from wrong
    smtp = sender.smtp
    return SmtpChannel(Endpoint(smtp["host"], smtp["port"], smtp["security"], smtp.get("username"), password))
