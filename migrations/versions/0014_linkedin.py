"""LinkedIn: seats and their ways, tasks for people, who is connected"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)
COLUMNS = {
    "sender_account": (
        sa.Column("provider", sa.String(length=16), nullable=True),
        sa.Column("seat", JSON, nullable=True),
        sa.Column("seat_sealed", sa.Text(), nullable=True),
        sa.Column("invitation_days", sa.Integer(), server_default="21", nullable=False),
        sa.Column("limited", JSON, nullable=True),
        sa.Column("invitations_after", INSTANT, nullable=True),
        sa.Column("messages_after", INSTANT, nullable=True),
    ),
    "prospect": (
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("connected_at", INSTANT, nullable=True),
        sa.Column("skipped_for", sa.Uuid(), nullable=True),
    ),
    "message": (sa.Column("withdrawal", sa.String(length=16), nullable=True),),
}
INDICES = {
    "ix_prospect_invited": (["campaign_id", "due_at"], "status = 'connection_sent'"),
    "ix_prospect_provider_id": (["workspace_id", "provider_id"], "provider_id IS NOT NULL"),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column._copy())
    op.execute("UPDATE sender_account SET provider = 'assisted' WHERE type = 'linkedin'")
    for name, (columns, condition) in INDICES.items():
        where = sa.text(condition)
        op.create_index(name, "prospect", columns, sqlite_where=where, postgresql_where=where)
    asked = sa.text("withdrawal = 'asked'")
    op.create_index(
        "ix_message_withdrawal", "message", ["sender_account_id", "id"], sqlite_where=asked, postgresql_where=asked
    )
    op.create_table(
        "task",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("prospect_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("taken_by", sa.String(length=320), nullable=True),
        sa.Column("taken_at", INSTANT, nullable=True),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_task_{column}"), ondelete="CASCADE")
            for column, table in (
                ("message_id", "message"),
                ("workspace_id", "workspace"),
                ("campaign_id", "campaign"),
                ("prospect_id", "prospect"),
                ("sender_id", "sender_account"),
            )
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_workspace_id_due_at", "task", ["workspace_id", "due_at"])
    op.create_index("ix_task_sender_id", "task", ["sender_id", "step"])
    op.create_index("ix_task_campaign_id", "task", ["campaign_id"])
    op.create_index("ix_task_prospect_id", "task", ["prospect_id"])


def downgrade() -> None:
    op.drop_table("task")
    op.drop_index("ix_message_withdrawal", "message")
    for name in INDICES:
        op.drop_index(name, "prospect")
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(table, column.name)
