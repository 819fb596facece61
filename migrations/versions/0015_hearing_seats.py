"""Hearing seats: when relations were looked at, and where a conversation goes on"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailbox", sa.Column("relations_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("letter", sa.Column("link", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("letter", "link")
    op.drop_column("mailbox", "relations_at")
