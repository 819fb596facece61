"""Templates: what new campaigns of a workspace can start from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base, Json, new_id
from campaigns.rules.refusals import NotFound


class Template(Base):
    """A campaign without its senders and people. `body` is what a client would send to have such a draft: fields of
    the table, the steps without their ids."""

    __tablename__ = "campaign_template"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    type: Mapped[str] = mapped_column(String(16))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(String(320))

    @property
    def step_count(self) -> int:
        """How many steps there are before the end."""
        return len(self.body["sequence_nodes"]) - 1


def templates_of(session: Session, workspace_id: UUID) -> list[Template]:
    """The templates of a workspace, by name."""
    own = select(Template).where(Template.workspace_id == workspace_id)
    return list(session.scalars(own.order_by(func.lower(Template.name), Template.id)))


def find_template(session: Session, workspace_id: UUID, template_id: UUID) -> Template:
    """The template. NotFound for a stranger's."""
    query = select(Template).where(Template.id == template_id, Template.workspace_id == workspace_id)
    template = session.scalar(query)
    if template is None:
        raise NotFound("template")
    return template
