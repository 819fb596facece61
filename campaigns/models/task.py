"""Tasks: LinkedIn steps that wait for a person to do them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base
from campaigns.models.message import TASK, WAITING, Message
from campaigns.models.prospect import Prospect
from campaigns.rules import lifecycle


class Task(Base):
    """A step that is a person's to do, as long as every gate is open; its message is in the status `task`.

    `due_at` is when the step was due: where the prospect stands in the line, should the task be taken back into it.
    Until somebody lets go of it, `taken_by` has it before them since `taken_at`.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_workspace_id_due_at", "workspace_id", "due_at"),
        Index("ix_task_sender_id", "sender_id", "step"),
    )

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id", ondelete="CASCADE"), index=True)
    prospect_id: Mapped[UUID] = mapped_column(ForeignKey("prospect.id", ondelete="CASCADE"), index=True)
    sender_id: Mapped[UUID] = mapped_column(ForeignKey("sender_account.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime]
    since: Mapped[datetime]
    taken_by: Mapped[str | None] = mapped_column(String(320))
    taken_at: Mapped[datetime | None]


def open_tasks(session: Session, sender_id: UUID) -> dict[str, int]:
    """Kind of step -> how many tasks of this account are open, where any are."""
    query = select(Task.step, func.count()).where(Task.sender_id == sender_id).group_by(Task.step)
    return {row[0]: row[1] for row in session.execute(query)}


def take_back(session: Session, task: Task | None, message: Message, prospect: Prospect) -> None:
    """The step of a task waits in the line as it did before, and was no try of its message; whoever has left waits for
    nothing. All are locked. Nothing happens where it is no task any more."""
    if task is not None:
        session.delete(task)
    if task is None or message.status != TASK:
        return
    message.status = WAITING
    message.attempts -= 1
    if prospect.status not in lifecycle.TERMINAL:
        prospect.wait_until(task.due_at)
