"""Receiving: what comes back to an account, whom it is about, and what follows from it.

A mail and the mark of how far the mailbox was read are written in one transaction, so a reader that dies anywhere goes
on where it stopped, and nothing is acted on twice.
"""

from campaigns.receiving.listening import audible, listen, unread
from campaigns.receiving.mailbox import Reader
from campaigns.receiving.opening import imap_endpoint, open_mailbox

__all__ = ["Reader", "audible", "imap_endpoint", "listen", "open_mailbox", "unread"]
