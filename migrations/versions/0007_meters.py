"""What became of the messages of each account, and how long wake-ups took, for /metrics"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OUTCOMES = ("sent", "deferred", "refused", "bounced", "failed", "unknown")


def upgrade() -> None:
    for outcome in OUTCOMES:
        column = sa.Column(f"ever_{outcome}", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("sender_account", column)
    op.create_table(
        "wake_up_meter",
        sa.Column("upto_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("total_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("upto_ms", name=op.f("pk_wake_up_meter")),
    )


def downgrade() -> None:
    op.drop_table("wake_up_meter")
    for outcome in OUTCOMES:
        op.drop_column("sender_account", f"ever_{outcome}")
