"""People who are paused, each alone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One statement a column: SQLite's batch would rebuild the table, which loses its triggers.
    op.add_column("prospect", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("prospect", sa.Column("held_due_at", sa.DateTime(timezone=True), nullable=True))
    paused = text("paused_at IS NOT NULL")
    op.create_index("ix_prospect_paused", "prospect", ["campaign_id"], sqlite_where=paused, postgresql_where=paused)


def downgrade() -> None:
    op.drop_index("ix_prospect_paused", "prospect")
    op.drop_column("prospect", "held_due_at")
    op.drop_column("prospect", "paused_at")
