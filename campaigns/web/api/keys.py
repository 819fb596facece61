"""API keys: shown once, kept hashed, revocable at once."""

from typing import Any
from uuid import UUID

from flask.typing import ResponseReturnValue

from campaigns import admitting
from campaigns.models.workspace import ApiKey, User
from campaigns.reporting import instant
from campaigns.web.api import schemas
from campaigns.web.api.blueprint import blueprint, page_json, paging, read_object
from campaigns.web.api.describing import PAGING, describe
from campaigns.web.house import house, now, person


def key_json(key: ApiKey) -> dict[str, Any]:
    """A key without the key."""
    return {
        "id": str(key.id),
        "name": key.name,
        "hint": key.hint,
        "created_at": instant(key.created_at),
        "last_used_at": instant(key.last_used_at),
    }


@blueprint.get("/keys")
@describe(schemas.page("keys", schemas.ref("Key")), *PAGING)
def list_keys() -> ResponseReturnValue:
    """The keys that open something, newest first."""
    page, limit = paging()
    with house().reading() as db:
        keys = admitting.keys_of(db, person().workspace_id)
    shown = keys[(page - 1) * limit : page * limit]
    return page_json("keys", [key_json(key) for key in shown], len(keys), page, limit)


@blueprint.post("/keys")
@describe(schemas.NEW_KEY, status=201, body=schemas.NAME_KEY)
def create_key() -> ResponseReturnValue:
    """A new key; its text is in this answer and nowhere else."""
    body = read_object()
    with house().sessions.begin() as db:
        user = db.get_one(User, person().user_id)
        key, text = admitting.create_key(db, user, body.get("name", "API key"), now=now())
        return {**key_json(key), "key": text}, 201


@blueprint.delete("/keys/<uuid:key_id>")
@describe(None, status=204)
def revoke_key(key_id: UUID) -> ResponseReturnValue:
    """It opens nothing from now on."""
    with house().sessions.begin() as db:
        admitting.revoke_key(db, person().workspace_id, key_id, now=now())
    return "", 204
