"""Speaking to the provider of a LinkedIn seat, for the page and the API. No transaction is open meanwhile."""

from contextlib import suppress
from datetime import timedelta

from campaigns.channels.probing import Step
from campaigns.channels.unipile import Account, Fault, Unipile
from campaigns.hearing import TROUBLES, open_seat
from campaigns.models.sender import Sender
from campaigns.rules.provider import RUNNING, can_reach
from campaigns.web.house import house, now

API, ACCOUNT, MESSAGES, EVENTS = STEPS = ("api", "account", "messages", "events")
# How far back messages are asked for, to see that they can be.
LATELY = timedelta(hours=1)
ADVICE = "Address and key stand on Unipile's dashboard."
RECONNECT = "Reconnect it: sign in at LinkedIn again."


def api_of(sender: Sender) -> Unipile:
    """The API that the seat's key opens. Raises Fault."""
    return open_seat(sender, sealing_key=house().settings.sealing_key)


def account_of(sender: Sender) -> str | None:
    """The account that the seat is connected with."""
    return (sender.seat or {}).get("account_id")


def accounts_of(sender: Sender) -> list[Account]:
    """The LinkedIn accounts that the seat's key sees. Raises Fault."""
    return api_of(sender).accounts()


def unhook(sender: Sender) -> None:
    """Have the provider tell no more of a seat, whose key is forgotten now. It is only polite: nobody would listen."""
    webhook = (sender.seat or {}).get("webhook") or {}
    with suppress(Fault):
        if "id" in webhook:
            api_of(sender).remove_webhook(webhook["id"])


def check_seat(sender: Sender) -> list[Step]:
    """The steps to where the seat sends and hears, as far as they go. Nothing is sent."""
    steps: list[Step] = []
    try:
        _walk(sender, steps)
    except Fault as fault:
        failed = STEPS[len(steps)]
        steps.append(Step(failed, False, fault.reason, ADVICE if failed == API else None))
    return steps


def _walk(sender: Sender, steps: list[Step]) -> None:
    seen = accounts_of(sender)
    count = f"{len(seen)} LinkedIn {'account' if len(seen) == 1 else 'accounts'}"
    steps.append(Step(API, True, f"The key opens the API, and sees {count}."))
    account_id = account_of(sender)
    if account_id is None:
        steps.append(Step(ACCOUNT, False, "No account is connected yet.", "Sign in at LinkedIn, or choose one."))
        return
    account = api_of(sender).account(account_id)
    if account.status != RUNNING:
        steps.append(Step(ACCOUNT, False, TROUBLES[account.status], RECONNECT))
        return
    steps.append(Step(ACCOUNT, True, f"{account.name} is signed in at LinkedIn."))
    api_of(sender).messages(account_id, now() - LATELY)
    steps.append(Step(MESSAGES, True, "What people write can be read."))
    steps.append(_events(sender))


def _events(sender: Sender) -> Step:
    webhook = (sender.seat or {}).get("webhook") or {}
    if "error" in webhook:
        return Step(EVENTS, False, f"No webhook could be registered: {webhook['error']}", "Cadenza asks all the same.")
    if "id" in webhook:
        return Step(EVENTS, True, "Unipile tells by webhook what happens.")
    if can_reach(house().settings.public_url):
        return Step(EVENTS, True, "The webhook is registered at the next look.")
    return Step(EVENTS, True, "PUBLIC_URL cannot be reached from outside, so no webhook is registered: Cadenza asks.")
