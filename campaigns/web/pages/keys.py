"""API keys: shown once, kept hashed, revocable at once."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from campaigns import admitting
from campaigns.models.workspace import User
from campaigns.rules.refusals import Invalid
from campaigns.web.forms import KeyForm
from campaigns.web.house import house, now, person
from campaigns.web.pages.frame import tell_success

blueprint = Blueprint("keys", __name__, url_prefix="/keys")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The keys that open something, newest first."""
    return _page(KeyForm())


def _page(form: KeyForm, new_key: str | None = None) -> str:
    with house().reading() as db:
        keys = admitting.keys_of(db, person().workspace_id)
    return render_template("keys.html", keys=keys, form=form, new_key=new_key)


@blueprint.post("")
def create() -> ResponseReturnValue:
    """A new key. Its text is in this answer and nowhere else, so there is nothing to redirect to."""
    form = KeyForm()
    try:
        with house().sessions.begin() as db:
            user = db.get_one(User, person().user_id)
            _, text = admitting.create_key(db, user, request.form.get("name", ""), now=now())
    except Invalid as refusal:
        form.tell(refusal)
        return _page(form), 422
    return _page(KeyForm(formdata=None), new_key=text), 201


@blueprint.post("/<uuid:key_id>/revoke")
def revoke(key_id: UUID) -> ResponseReturnValue:
    """It opens nothing from now on."""
    with house().sessions.begin() as db:
        key = admitting.revoke_key(db, person().workspace_id, key_id, now=now())
    tell_success(f"“{key.name}” is revoked.")
    return redirect(url_for("keys.index"), 303)
