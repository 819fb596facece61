"""Entity tags of a campaign (RFC 9110, sections 8.8.3, 13.1.1 and 13.1.2).

A tag names the version, which every edit raises, and a digest of what else the answer holds: the sequence is the
version's. An edit is refused by the version alone: that a message left meanwhile makes nobody's edit stale. A reader
is told 304 only while nothing at all is different.
"""

import hashlib
import json
import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from flask import Response, jsonify, request

from campaigns.models.version import SEQUENCE

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def tag_of(whole: dict[str, Any]) -> str:
    """The tag of `GET /api/campaigns/{id}` with this answer, quotes included."""
    text = json.dumps({name: part for name, part in whole.items() if name != SEQUENCE}, sort_keys=True)
    campaign = whole["campaign"]
    return f'"{campaign["id"]}.{campaign["version"]}.{hashlib.sha256(text.encode()).hexdigest()[:12]}"'


def wanted_versions(campaign_id: UUID) -> Collection[int] | None:
    """The versions that `If-Match` allows, None for any. Weak tags match nothing, nor do other campaigns'."""
    values = request.headers.getlist("If-Match")
    if not values or "*" in (value.strip() for value in values):
        return None
    tags = (found[2] for value in values for found in _TAG.finditer(value) if not found[1])
    own = (tag.split(".") for tag in tags if tag.startswith(f"{campaign_id}."))
    return {int(parts[1]) for parts in own if len(parts) == 3 and parts[1].isdecimal() and len(parts[1]) < 12}


def fresh_or_304(whole: dict[str, Any]) -> Response:
    """The answer with its tag; 304 and no body to a reader who has it already (`If-None-Match`)."""
    answer = jsonify(whole)
    answer.headers["ETag"] = tag_of(whole)
    answer.make_conditional(request)
    return answer
