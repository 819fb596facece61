"""Editing a campaign, derived from THE TABLE (CONTRACT section 2).

Everything is read and checked before anything is written, so a refused edit leaves no trace.
"""

from campaigns.editing.copying import copy, copy_held_back
from campaigns.editing.creating import create
from campaigns.editing.patch import Changes, edit
from campaigns.editing.templating import TEMPLATE_FIELDS, delete_template, rename_template, save_template
from campaigns.editing.undoing import differs_in_words_only, last_edit, roll_back, undo
from campaigns.editing.values import raw_value
from campaigns.models.campaign import Campaign
from campaigns.rules.fields import FIELDS, Field, locked_because

__all__ = [
    "TEMPLATE_FIELDS",
    "Changes",
    "copy",
    "copy_held_back",
    "create",
    "delete_template",
    "differs_in_words_only",
    "edit",
    "editable_fields",
    "last_edit",
    "locked_fields",
    "raw_value",
    "rename_template",
    "roll_back",
    "save_template",
    "undo",
]


def locked_fields(campaign: Campaign) -> dict[str, str]:
    """Name -> reason for every field that cannot be edited on this campaign now."""
    return {row.name: reason for row in FIELDS if (reason := locked_because(row, campaign.type, campaign.status))}


def editable_fields(campaign: Campaign) -> list[Field]:
    """The rows of the table that can be edited on this campaign now."""
    locked = locked_fields(campaign)
    return [row for row in FIELDS if row.name not in locked]
