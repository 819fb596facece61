"""Machine opens: for whom machines loaded a picture, counted from an index"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEX = "ix_message_campaign_id_machine_opens"


def upgrade() -> None:
    loaded = sa.text("machine_opens > 0")
    op.create_index(INDEX, "message", ["campaign_id", "prospect_id"], sqlite_where=loaded, postgresql_where=loaded)


def downgrade() -> None:
    op.drop_index(INDEX, "message")
