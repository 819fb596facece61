"""What pages share: the frame around them, fragments instead of pages for htmx, page numbers, sizes of forms."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

from flask import Flask, current_app, flash, g, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns import corresponding, tasking, watching
from campaigns.models import counts
from campaigns.models.finding import find_campaign, senders_of
from campaigns.models.sender import Sender
from campaigns.rules.kinds import parse_uuid
from campaigns.rules.lifecycle import COMPLETED, IN_FLIGHT, LINKEDIN, PENDING, REPLIED
from campaigns.rules.problems import Problems
from campaigns.rules.tables import MOST_BYTES
from campaigns.web.house import house, now, person

# Most bytes of a form; a CSV file may have more, and the form around it takes a little too.
MOST_FORM_BYTES = 2 * 1024 * 1024
MOST_UPLOAD_BYTES = MOST_BYTES + 64 * 1024
UPLOADS = ("imports.upload", "suppressions.add")
MOST_PAGE = 1_000_000
# Entry of the navigation -> blueprints that it stands for; the first one's index is where it leads.
NAV: Mapping[str, tuple[str, ...]] = {
    "Campaigns": ("campaigns", "sequences", "letters", "prospects", "people", "imports", "wake_ups", "templates"),
    "Tasks": ("tasks",),
    "Inbox": ("inbox",),
    "Senders": ("senders",),
    "Suppressions": ("suppressions", "rights"),
    "What is stuck": ("stuck",),
    "Mail trap": ("trap",),
    "Workers": ("workers",),
    "API keys": ("keys",),
}


def register(app: Flask) -> None:
    """Put the frame around every page, and a bound on every form before anything reads it."""
    app.context_processor(frame)
    app.url_value_preprocessor(bound)


def frame() -> dict[str, Any]:
    """The context of page.html."""
    who = g.get("person")
    return {
        "nav": nav() if who else [],
        "stuck_count": stuck_count,
        "unread_count": unread_count,
        "task_count": task_count,
        "current_instant": now,
        "signed_in_email": who.email if who else None,
    }


def stuck_count() -> int:
    """How many things wait for a person; asked by whole pages alone, and once for each. An error page has it as 0
    when the database is in trouble."""
    if "stuck_count" not in g:
        g.stuck_count = 0
        with suppress(SQLAlchemyError), house().reading() as db:
            g.stuck_count = watching.waiting_count(db, person().workspace_id)
    return cast(int, g.stuck_count)


def unread_count() -> int:
    """How many conversations nobody has read, asked as the other count is."""
    if "unread_count" not in g:
        g.unread_count = 0
        with suppress(SQLAlchemyError), house().reading() as db:
            g.unread_count = corresponding.unread_count(db, person().workspace_id)
    return cast(int, g.unread_count)


def task_count() -> int | None:
    """How many tasks are open; None, and the page of tasks is not in the navigation, where there can be none."""
    if "task_count" not in g:
        g.task_count = None
        with suppress(SQLAlchemyError), house().reading() as db:
            g.task_count = tasking.open_count(db, person().workspace_id, now())
    return cast(int | None, g.task_count)


def nav() -> list[dict[str, Any]]:
    """The entries for whoever is signed in; the trap's where one runs."""
    return [
        {"label": label, "href": url_for(f"{rooms[0]}.index"), "current": request.blueprint in rooms}
        for label, rooms in NAV.items()
        if label != "Mail trap" or house().settings.trap
    ]


def bound(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """How much a browser may post. This runs before the CSRF check, which reads the form."""
    if endpoint and endpoint.partition(".")[0] in current_app.blueprints and not endpoint.startswith("api."):
        request.max_content_length = MOST_UPLOAD_BYTES if endpoint in UPLOADS else MOST_FORM_BYTES
        request.max_form_memory_size = MOST_FORM_BYTES


def is_fragment() -> bool:
    """Whether htmx asks, and so wants a fragment; when it goes back in history it wants the page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render(page: str, fragment: str, /, **context: Any) -> str:
    """The fragment for htmx, else the page that includes it."""
    return render_template(fragment if is_fragment() else page, **context)


def page_number() -> int:
    """`page` of the address; the first for anything that is no page number."""
    text = request.args.get("page", "")
    return min(max(int(text), 1), MOST_PAGE) if text.isascii() and text.isdigit() and len(text) < 12 else 1


def read_ids(texts: Iterable[str]) -> list[UUID]:
    """The ids among what a form posted; what is none is left out."""
    ids = []
    for text in texts:
        with suppress(Problems):
            ids.append(parse_uuid(text, "id"))
    return ids


def head(db: Session, campaign_id: UUID, tab: str) -> dict[str, Any]:
    """The context of _campaign_head.html. Raises NotFound."""
    campaign = find_campaign(db, person().workspace_id, campaign_id)
    seats = senders_of(db, campaign.id) if campaign.type == LINKEDIN and campaign.status != COMPLETED else []
    ill = [account for account in map(show_account, seats) if account["reconnect"]]
    return {"campaign": campaign, "tab": tab, "people": counts.total(db, campaign.id), "ill_seats": ill}


def sum_up(stats: Mapping[str, int]) -> dict[str, int]:
    """The stats of a campaign with two sums: who is `under_way`, and who has `stopped`, removed or held back too."""
    under_way = sum(stats[status] for status in IN_FLIGHT)
    on = under_way + stats[PENDING] + stats[COMPLETED] + stats[REPLIED]
    return {**stats, "under_way": under_way, "stopped": stats["total"] - on}


def show_account(sender: Sender) -> dict[str, Any]:
    """What pages tell of a sender account; `next_send_at` while it has to wait; `reconnect`: its account at a provider
    needs a person."""
    waits = sender.next_send_at is not None and sender.next_send_at > now()
    return {
        "id": str(sender.id),
        "label": sender.label,
        "type": sender.type,
        "status": sender.status,
        "status_reason": sender.status_reason,
        "account_id": (sender.seat or {}).get("account_id"),
        "reconnect": sender.seat is not None and sender.status == "needs_attention",
        "limit": sender.daily_limit,
        "next_send_at": sender.next_send_at if waits else None,
    }


def tell_success(message: str) -> None:
    """A notice on the next page: done."""
    flash(message, "success")


def tell_warning(message: str) -> None:
    """A notice on the next page: done, but."""
    flash(message, "warning")


def tell_error(message: str) -> None:
    """A notice on the next page: not done."""
    flash(message, "error")
