"""The inbox: each of its filters read from an index of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LATEST = ["last_at", "prospect_id"]
FILTERS = {
    "workspace_id": ["workspace_id"],
    "label": ["workspace_id", "label"],
    "campaign_id": ["campaign_id"],
    "sender_account_id": ["sender_account_id"],
}
FLAGS = ("unread", "owes")


def upgrade() -> None:
    op.drop_index("ix_conversation_workspace_id_last_at", "conversation")
    op.drop_index("ix_conversation_sender_account_id", "conversation")
    op.add_column("conversation", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE conversation SET campaign_id ="
        " (SELECT campaign_id FROM prospect WHERE prospect.id = conversation.prospect_id)"
    )
    with op.batch_alter_table("conversation") as batch:
        batch.alter_column("campaign_id", existing_type=sa.Uuid(), nullable=False)
        name = op.f("fk_conversation_campaign_id_campaign")
        batch.create_foreign_key(name, "campaign", ["campaign_id"], ["id"], ondelete="CASCADE")
    for name, columns in FILTERS.items():
        op.create_index(f"ix_conversation_{name}", "conversation", columns + LATEST)
    for flag in FLAGS:
        where = {"sqlite_where": sa.text(f"{flag} = 1"), "postgresql_where": sa.text(flag)}
        op.create_index(f"ix_conversation_{flag}", "conversation", ["workspace_id", *LATEST], **where)


def downgrade() -> None:
    for name in (*FILTERS, *FLAGS):
        op.drop_index(f"ix_conversation_{name}", "conversation")
    with op.batch_alter_table("conversation") as batch:
        batch.drop_constraint(op.f("fk_conversation_campaign_id_campaign"), type_="foreignkey")
        batch.drop_column("campaign_id")
    op.create_index("ix_conversation_workspace_id_last_at", "conversation", ["workspace_id", "last_at"])
    op.create_index("ix_conversation_sender_account_id", "conversation", ["sender_account_id"])
