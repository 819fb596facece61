"""Pages of docs/ that are made from the code. `make docs` writes them; a test fails when they are stale."""

from collections.abc import Callable, Iterable
from pathlib import Path

from campaigns.rules.fields import FIELDS, node_locked_because
from campaigns.rules.gates import GATES
from campaigns.rules.lifecycle import CAMPAIGN_STATUSES, DRAFT, MOVES
from campaigns.rules.placeholders import NAMES
from campaigns.rules.sequence import NODE_FIELDS
from campaigns.settings import SETTINGS

FOLDER = Path(__file__).resolve().parents[2] / "docs"
MADE = "*Made from the code by `make docs`; do not edit.*"


def _table(*rows: Iterable[str]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    width = lines[0].count(" | ") + 1
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def fields() -> str:
    """Which fields can be edited when, and what a node holds."""
    later = ", ".join(status for status in CAMPAIGN_STATUSES if status != DRAFT)
    rows = [("field", "type", "value", DRAFT, later, "what it is")]
    for row in FIELDS:
        after = "editable" if row.always else "ignored"
        if row.wakes:
            after += "; wakes sleepers of an active campaign"
        rows.append((f"`{row.name}`", ", ".join(row.types), row.kind.describe(), "editable", after, row.help))
    nodes = [("field", "on", "value", DRAFT, later, "what it is")]
    for name, node in NODE_FIELDS.items():
        nodes.append((f"`{name}`", ", ".join(node.types), node.kind, "editable", _node_later(name), node.help))
    moves = [("verb", "from", "to"), *((f"`{move.verb}`", move.origin, move.target) for move in MOVES)]
    return "\n\n".join(
        [
            "# Fields of a campaign",
            MADE,
            "A field of the other channel is ignored, whatever the status. So is an unknown one; the answer says so.",
            _table(*rows),
            "## Fields of a sequence node",
            _table(*nodes),
            "## Statuses",
            _table(*moves),
            "## Gates",
            "Asked in this order before every send; `explain` names the first that is closed.",
            "\n".join(f"1. `{name}`" for name, _ in GATES),
        ]
    )


def _node_later(name: str) -> str:
    """Where one field of a step can be edited after the draft."""
    open_in = [status for status in CAMPAIGN_STATUSES if status != DRAFT and not node_locked_because(name, status)]
    return f"{', '.join(open_in)}: editable by `PUT …/nodes/{{id}}`" if open_in else "locked"


def settings() -> str:
    """What the environment may say."""
    rows = [("name", "if it is not set", "what it is")]
    rows += [(f"`{setting.name}`", setting.default, setting.help) for setting in SETTINGS]
    return "\n\n".join(["# Settings", MADE, "All of them are variables of the environment.", _table(*rows)])


def placeholders() -> str:
    """What a text may name."""
    rows = [("placeholder", "stands for"), *((f"`%{name}%`", help_text) for name, help_text in NAMES.items())]
    return "\n\n".join(
        [
            "# Placeholders",
            MADE,
            "In subjects, bodies and signatures. A fallback is `%first_name|there%`. A value that a person lacks, "
            "without a fallback, holds that person back as `failed`: no message leaves with a hole in it.",
            _table(*rows),
            "They are shorthand for Liquid, which may be written too: "
            '`{{ first_name | default: "there" }}`, `{% if company %}…{% endif %}`. There are no loops.',
        ]
    )


PAGES: dict[str, Callable[[], str]] = {
    "fields.md": fields,
    "settings.md": settings,
    "placeholders.md": placeholders,
}


def write() -> list[Path]:
    """Write every page; which ones."""
    paths = []
    for name, page in PAGES.items():
        path = FOLDER / name
        path.write_text(page() + "\n", encoding="utf-8")
        paths.append(path)
    return paths
