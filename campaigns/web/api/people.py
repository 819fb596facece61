"""Somebody's data, over all campaigns of the workspace: shown to them, or forgotten."""

from flask.typing import ResponseReturnValue

from campaigns import disclosing, erasing
from campaigns.models import Answer, Letter, Message, Suppression
from campaigns.web.api.blueprint import blueprint, read_object
from campaigns.web.api.describing import describe
from campaigns.web.api.schemas import COUNT, ID, PROSPECT, TEXT, columns, many, maybe, sent, shown
from campaigns.web.house import house, now, person

ADDRESSED = sent("address", address={"type": "string", "minLength": 1})
DISCLOSED = shown(
    address=TEXT,
    people=many(
        shown(
            campaign=TEXT,
            prospect=shown(**{name: PROSPECT.get(name, maybe(TEXT)) for name in disclosing.PROSPECT.split()}),
            label=maybe(TEXT),
            messages=many(shown(**columns(Message, disclosing.MESSAGE))),
            letters=many(shown(**columns(Letter, disclosing.LETTER))),
            answers=many(shown(**columns(Answer, disclosing.ANSWER))),
        )
    ),
    suppressions=many(shown(**columns(Suppression, disclosing.SUPPRESSION))),
    import_lines=many(shown(campaign_id=ID, file_name=TEXT, line=COUNT, cells=many(TEXT))),
)
ERASED = shown(**dict.fromkeys(erasing.Erased.__dataclass_fields__, COUNT))


@blueprint.post("/people/export")
@describe(DISCLOSED, body=ADDRESSED)
def export_person() -> ResponseReturnValue:
    """Everything that is kept about whoever has this `address`, an email address or a LinkedIn profile."""
    body = read_object()
    with house().reading() as db:
        return disclosing.disclose(db, person().workspace_id, body.get("address"))


@blueprint.post("/people/erase")
@describe(ERASED, body=ADDRESSED)
def erase_person() -> ResponseReturnValue:
    """Forget whoever has this `address`, but for a hash that keeps them from being written to again."""
    body, who = read_object(), person()
    with house().sessions.begin() as db:
        return erasing.erase(db, who.workspace_id, body.get("address"), now=now(), by=who.email).to_json()
