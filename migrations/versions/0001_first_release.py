"""Everything of the first release"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "workspace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "operating_hours",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("prospect_timezone", sa.Boolean(), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=True),
        sa.Column("stop_on_reply", sa.Boolean(), nullable=True),
        sa.Column("open_tracking", sa.Boolean(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("skip_other_campaigns", sa.Boolean(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("launching_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_campaign_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_campaign_workspace_id_name")),
    )
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.create_index("ix_campaign_status", ["status"], unique=False)

    op.create_table(
        "sender_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("first_name", sa.String(length=200), nullable=True),
        sa.Column("last_name", sa.String(length=200), nullable=True),
        sa.Column("email_address", sa.String(length=320), nullable=True),
        sa.Column("profile_url", sa.String(length=500), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("is_premium", sa.Boolean(), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=False),
        sa.Column("weekly_connection_limit", sa.Integer(), nullable=True),
        sa.Column("weekly_message_limit", sa.Integer(), nullable=True),
        sa.Column("min_gap", sa.Integer(), nullable=False),
        sa.Column("max_gap", sa.Integer(), nullable=False),
        sa.Column("uses_trap", sa.Boolean(), nullable=False),
        sa.Column(
            "smtp",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("smtp_sealed", sa.Text(), nullable=True),
        sa.Column(
            "imap",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("imap_sealed", sa.Text(), nullable=True),
        sa.Column("next_send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_sender_account_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_account")),
    )
    with op.batch_alter_table("sender_account", schema=None) as batch_op:
        batch_op.create_index("ix_sender_account_workspace_id", ["workspace_id"], unique=False)

    op.create_table(
        "suppression",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_suppression_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
    )
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.create_index("uq_suppression_workspace_id_value", ["workspace_id", "value"], unique=True)

    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_user_account_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_account_workspace_id"), ["workspace_id"], unique=False)

    op.create_table(
        "account_limit",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_account_limit_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender_account.id"], name=op.f("fk_account_limit_sender_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "sender_id", name=op.f("pk_account_limit")),
    )
    with op.batch_alter_table("account_limit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_limit_sender_id"), ["sender_id"], unique=False)

    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_api_key_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_user_id"), ["user_id"], unique=False)

    op.create_table(
        "campaign_day",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_day_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "day", name=op.f("pk_campaign_day")),
    )
    op.create_table(
        "campaign_sender",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("last_turn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_sender_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender_account.id"], name=op.f("fk_campaign_sender_sender_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "sender_id", name=op.f("pk_campaign_sender")),
    )
    with op.batch_alter_table("campaign_sender", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_sender_sender_id"), ["sender_id"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "data",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("by", sa.String(length=320), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_event_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_event_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_campaign_id_id", ["campaign_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_workspace_id"), ["workspace_id"], unique=False)

    op.create_table(
        "gate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.String(length=64), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_gate_campaign_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
        sa.UniqueConstraint("campaign_id", "clock", name=op.f("uq_gate_campaign_id_clock")),
    )
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.create_index("ix_gate_closes_at", ["closes_at"], unique=False)

    op.create_table(
        "sender_day",
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender_account.id"], name=op.f("fk_sender_day_sender_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sender_id", "day", name=op.f("pk_sender_day")),
    )
    op.create_table(
        "sender_use",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["sender_account.id"], name=op.f("fk_sender_use_sender_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_use")),
    )
    with op.batch_alter_table("sender_use", schema=None) as batch_op:
        batch_op.create_index("ix_sender_use_sender_id_step_at", ["sender_id", "step", "at"], unique=False)

    op.create_table(
        "sequence_node",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("is_reply", sa.Boolean(), nullable=True),
        sa.Column("include_message", sa.Boolean(), nullable=True),
        sa.Column("delay_days", sa.Integer(), nullable=True),
        sa.Column("delay_hours", sa.Integer(), nullable=True),
        sa.Column("delay_minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_sequence_node_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequence_node")),
    )
    with op.batch_alter_table("sequence_node", schema=None) as batch_op:
        batch_op.create_index("ix_sequence_node_campaign_id_position", ["campaign_id", "position"], unique=False)

    op.create_table(
        "wake_up",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("requested_by", sa.String(length=320), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("sleeping", sa.Integer(), nullable=True),
        sa.Column("resumed", sa.Integer(), nullable=True),
        sa.Column("slept_again", sa.Integer(), nullable=True),
        sa.Column("next_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "old_operating_hours",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column(
            "new_operating_hours",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_wake_up_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wake_up")),
    )
    with op.batch_alter_table("wake_up", schema=None) as batch_op:
        batch_op.create_index("ix_wake_up_campaign_id_id", ["campaign_id", "id"], unique=False)
        batch_op.create_index("ix_wake_up_finished_at", ["finished_at"], unique=False)

    op.create_table(
        "prospect",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("identity", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("linkedin_url", sa.String(length=500), nullable=True),
        sa.Column("first_name", sa.String(length=200), nullable=True),
        sa.Column("last_name", sa.String(length=200), nullable=True),
        sa.Column("company", sa.String(length=300), nullable=True),
        sa.Column("position", sa.String(length=300), nullable=True),
        sa.Column("headline", sa.String(length=500), nullable=True),
        sa.Column("clock", sa.String(length=64), nullable=False),
        sa.Column(
            "custom_fields",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("sender_account_id", sa.Uuid(), nullable=True),
        sa.Column("current_node_id", sa.Uuid(), nullable=True),
        sa.Column("contacted", sa.Boolean(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_prospect_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["current_node_id"], ["sequence_node.id"], name=op.f("fk_prospect_current_node_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["sender_account_id"],
            ["sender_account.id"],
            name=op.f("fk_prospect_sender_account_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_prospect_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prospect")),
    )
    with op.batch_alter_table("prospect", schema=None) as batch_op:
        batch_op.create_index(
            "ix_prospect_asleep",
            ["campaign_id", "clock", "due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index("ix_prospect_campaign_id_status", ["campaign_id", "status"], unique=False)
        batch_op.create_index(
            "ix_prospect_counted",
            ["campaign_id", "counted_on", "due_at"],
            unique=False,
            sqlite_where=sa.text("counted_on IS NOT NULL"),
            postgresql_where=sa.text("counted_on IS NOT NULL"),
        )
        batch_op.create_index("ix_prospect_current_node_id_due_at", ["current_node_id", "due_at"], unique=False)
        batch_op.create_index(
            "ix_prospect_lane", ["sender_account_id", "contacted", "campaign_id", "clock", "due_at", "id"], unique=False
        )
        batch_op.create_index("ix_prospect_workspace_id_identity", ["workspace_id", "identity"], unique=False)
        batch_op.create_index("uq_prospect_campaign_id_identity", ["campaign_id", "identity"], unique=True)

    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("prospect_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("sender_account_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("rfc_message_id", sa.String(length=255), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_message_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["node_id"], ["sequence_node.id"], name=op.f("fk_message_node_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["prospect_id"], ["prospect.id"], name=op.f("fk_message_prospect_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["sender_account_id"], ["sender_account.id"], name=op.f("fk_message_sender_account_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("prospect_id", "node_id", name=op.f("uq_message_prospect_id_node_id")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_campaign_id_claimed_at", ["campaign_id", "claimed_at"], unique=False)
        batch_op.create_index("ix_message_node_id", ["node_id"], unique=False)
        batch_op.create_index(
            "ix_message_sender_account_id_claimed_at", ["sender_account_id", "claimed_at"], unique=False
        )
        batch_op.create_index("ix_message_status", ["status", "claimed_at"], unique=False)


def downgrade() -> None:

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_status")
        batch_op.drop_index("ix_message_sender_account_id_claimed_at")
        batch_op.drop_index("ix_message_node_id")
        batch_op.drop_index("ix_message_campaign_id_claimed_at")

    op.drop_table("message")
    with op.batch_alter_table("prospect", schema=None) as batch_op:
        batch_op.drop_index("uq_prospect_campaign_id_identity")
        batch_op.drop_index("ix_prospect_workspace_id_identity")
        batch_op.drop_index("ix_prospect_lane")
        batch_op.drop_index("ix_prospect_current_node_id_due_at")
        batch_op.drop_index(
            "ix_prospect_counted",
            sqlite_where=sa.text("counted_on IS NOT NULL"),
            postgresql_where=sa.text("counted_on IS NOT NULL"),
        )
        batch_op.drop_index("ix_prospect_campaign_id_status")
        batch_op.drop_index(
            "ix_prospect_asleep",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )

    op.drop_table("prospect")
    with op.batch_alter_table("wake_up", schema=None) as batch_op:
        batch_op.drop_index("ix_wake_up_finished_at")
        batch_op.drop_index("ix_wake_up_campaign_id_id")

    op.drop_table("wake_up")
    with op.batch_alter_table("sequence_node", schema=None) as batch_op:
        batch_op.drop_index("ix_sequence_node_campaign_id_position")

    op.drop_table("sequence_node")
    with op.batch_alter_table("sender_use", schema=None) as batch_op:
        batch_op.drop_index("ix_sender_use_sender_id_step_at")

    op.drop_table("sender_use")
    op.drop_table("sender_day")
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.drop_index("ix_gate_closes_at")

    op.drop_table("gate")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_workspace_id"))
        batch_op.drop_index("ix_event_campaign_id_id")

    op.drop_table("event")
    with op.batch_alter_table("campaign_sender", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_sender_sender_id"))

    op.drop_table("campaign_sender")
    op.drop_table("campaign_day")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_user_id"))

    op.drop_table("api_key")
    with op.batch_alter_table("account_limit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_limit_sender_id"))

    op.drop_table("account_limit")
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_account_workspace_id"))

    op.drop_table("user_account")
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_index("uq_suppression_workspace_id_value")

    op.drop_table("suppression")
    with op.batch_alter_table("sender_account", schema=None) as batch_op:
        batch_op.drop_index("ix_sender_account_workspace_id")

    op.drop_table("sender_account")
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.drop_index("ix_campaign_status")

    op.drop_table("campaign")
    op.drop_table("workspace")
