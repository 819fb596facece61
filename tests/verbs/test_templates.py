"""Templates: what a campaign is made of, kept for new ones, without its senders and people."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from campaigns import editing
from campaigns.models import Campaign, Template
from campaigns.models.finding import limits_of, nodes_of, senders_of
from campaigns.models.template import find_template, templates_of
from campaigns.rules.refusals import Conflict, Invalid, NotFound
from tests import make
from tests.databases import Database, at_once

STEPS = [make.EMAIL_STEP, make.delay(days=2), {**make.FOLLOW_UP, "signature": "S"}, make.END]
LINKEDIN_STEPS = [make.CONNECT, make.delay(days=1), {"type": "message", "body": "Hi"}, make.END]
BY = "alice@example.com"


def running(session: Session, **values: Any) -> Campaign:
    """An email campaign with its own hours, limits, switches and steps, three people and an account."""
    workspace = make.workspace(session)
    account = make.sender(session, workspace)
    fields = {"name": "Spring", "signature": "Yours", "daily_limit": 7, "operating_hours": make.week(zone="Asia/Tokyo")}
    fields |= {"stop_on_reply": False, "open_tracking": True, "prospect_timezone": True}
    return make.launched(
        session, workspace, senders=[account], limits={account: 9}, **({"nodes": STEPS} | fields | values)
    )


def saved(session: Session, campaign: Campaign, name: str = "Founders") -> Template:
    return editing.save_template(session, campaign.workspace_id, campaign.id, name, now=make.NOW, by=BY)


def made(session: Session, template: Template, **body: Any) -> Campaign:
    wanted = {"template_id": str(template.id), "name": "Autumn", **body}
    return editing.create(session, template.workspace_id, wanted, now=make.NOW, by=BY)[0]


def settings(campaign: Campaign) -> dict[str, Any]:
    names = [row.name for row in editing.TEMPLATE_FIELDS if row.name != "sequence_nodes"]
    return {name: getattr(campaign, name) for name in names}


def steps(session: Session, campaign: Campaign) -> list[tuple[Any, ...]]:
    names = ("position", "type", "subject", "body", "signature", "is_reply", "include_message", "delay_days")
    return [tuple(getattr(node, name) for name in names) for node in nodes_of(session, campaign.id)]


@pytest.mark.parametrize(
    "values",
    [{}, {"operating_hours": None, "signature": None}, {"type": "linkedin", "nodes": LINKEDIN_STEPS}],
    ids=["email", "always open", "linkedin"],
)
def test_a_campaign_made_from_a_template_is_like_the_one_that_it_was_saved_from(
    session: Session, values: dict[str, Any]
) -> None:
    if values.get("type") == "linkedin":
        model = make.campaign(session, make.workspace(session), skip_other_campaigns=True, **values)
    else:
        model = running(session, **values)
    new = made(session, saved(session, model))
    assert settings(new) == settings(model)
    assert steps(session, new) == steps(session, model)
    assert (new.type, new.name, new.status, new.version) == (model.type, "Autumn", "draft", 1)


def test_senders_their_limits_and_people_are_left_out(session: Session) -> None:
    model = running(session)
    new = made(session, saved(session, model))
    assert (senders_of(session, new.id), limits_of(session, new.id)) == ([], [])
    assert session.query(make.Prospect).filter_by(campaign_id=new.id).count() == 0


def test_what_is_asked_for_goes_before_what_the_template_holds(session: Session) -> None:
    model = running(session)
    (account,) = senders_of(session, model.id)
    new = made(session, saved(session, model), daily_limit=70, sender_account_ids=[str(account.id)])
    assert (new.daily_limit, new.signature) == (70, "Yours")
    assert senders_of(session, new.id) == [account]


def test_a_template_stays_as_it_was_whatever_becomes_of_the_campaign(session: Session) -> None:
    model = running(session)
    template = saved(session, model)
    model.daily_limit = 70
    nodes_of(session, model.id)[0].subject = "Corrected"
    session.flush()
    session.delete(model)
    session.flush()
    first, second = (made(session, template, name=name) for name in ("One", "Two"))
    assert (first.daily_limit, nodes_of(session, first.id)[0].subject) == (7, make.EMAIL_STEP["subject"])
    assert not {node.id for node in nodes_of(session, first.id)} & {node.id for node in nodes_of(session, second.id)}


def test_the_type_is_the_templates_and_no_other(session: Session) -> None:
    template = saved(session, running(session))
    assert made(session, template, name="Same", type="email").type == "email"
    with pytest.raises(Invalid, match="must be email as in the template"):
        made(session, template, type="linkedin")


@pytest.mark.parametrize("template_id", ["x", 7, "0190b7a4-52c3-7e2f-8a3b-1c2d3e4f5a6b"])
def test_a_template_that_does_not_exist_is_told_as_such(session: Session, template_id: object) -> None:
    workspace = make.workspace(session)
    with pytest.raises(Invalid, match="template_id"):
        editing.create(session, workspace.id, {"template_id": template_id, "name": "A"}, now=make.NOW, by=BY)


def test_no_template_is_a_blank_campaign(session: Session) -> None:
    body = {"template_id": None, "type": "email", "name": "Blank"}
    new, changes = editing.create(session, make.workspace(session).id, body, now=make.NOW, by=BY)
    assert [node.type for node in nodes_of(session, new.id)] == ["email", "end"]
    assert changes.ignored == []


def test_a_name_is_unique_in_the_workspace_and_free_in_another(session: Session) -> None:
    model = running(session)
    first, second = saved(session, model, " Founders "), saved(session, model, "Others")
    assert first.name == "Founders"
    with pytest.raises(Conflict, match="called “Founders” already"):
        saved(session, model)
    with pytest.raises(Conflict):
        editing.rename_template(session, model.workspace_id, second.id, "Founders")
    saved(session, running(session))


@pytest.mark.parametrize("name", ["", "  ", None, 7, "x" * 201, "two\nlines"])
def test_a_name_must_be_one(session: Session, name: Any) -> None:
    model = running(session)
    template = saved(session, model)
    with pytest.raises(Invalid, match="name"):
        saved(session, model, name)
    with pytest.raises(Invalid, match="name"):
        editing.rename_template(session, model.workspace_id, template.id, name)


def test_of_two_who_choose_a_name_at_once_the_second_is_told(db: Database) -> None:
    with db.sessions.begin() as session:
        model = running(session)

    def save() -> UUID:
        with db.sessions.begin() as session:
            return saved(session, model).id

    answers = at_once(save, save)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "UUID"]


def test_templates_are_renamed_listed_by_name_and_deleted(session: Session) -> None:
    model = running(session)
    own = model.workspace_id
    beta, alpha = saved(session, model, "beta"), saved(session, model, "Alpha")
    assert [each.name for each in templates_of(session, own)] == ["Alpha", "beta"]
    assert alpha.step_count == 3
    editing.rename_template(session, own, beta.id, "aardvark")
    editing.rename_template(session, own, beta.id, "aardvark")  # its own name is not taken
    assert [each.name for each in templates_of(session, own)] == ["aardvark", "Alpha"]
    made(session, beta)
    editing.delete_template(session, own, beta.id)
    session.flush()
    assert [each.name for each in templates_of(session, own)] == ["Alpha"]


def test_a_strangers_template_is_not_there(session: Session) -> None:
    template = saved(session, running(session))
    other = make.workspace(session).id
    model = running(session)
    assert templates_of(session, other) == []
    for verb in (
        lambda: find_template(session, other, template.id),
        lambda: editing.rename_template(session, other, template.id, "Mine"),
        lambda: editing.delete_template(session, other, template.id),
        lambda: editing.save_template(session, other, model.id, "Mine", now=make.NOW, by=BY),
    ):
        with pytest.raises(NotFound):
            verb()
    with pytest.raises(Invalid, match="not a template of this workspace"):
        editing.create(session, other, {"template_id": str(template.id), "name": "A"}, now=make.NOW, by=BY)
