"""What comes back: mailboxes, letters, conversations, answers; and what accounts need to be read and to grow"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    return {
        "workspace": (sa.Column("stop_company", sa.Boolean(), server_default=sa.false(), nullable=False),),
        "suppression": (
            sa.Column("source", sa.String(length=16), server_default="hand", nullable=False),
            sa.Column("created_by", sa.String(length=320), nullable=True),
        ),
        "message": (
            sa.Column("opens", sa.Integer(), server_default="0", nullable=False),
            sa.Column("machine_opens", sa.Integer(), server_default="0", nullable=False),
        ),
        "prospect": (sa.Column("not_before", INSTANT, nullable=True),),
        "sender_account": (
            sa.Column("auth", sa.String(length=16), server_default="password", nullable=False),
            sa.Column("oauth", JSON, nullable=True),
            sa.Column("oauth_sealed", sa.Text(), nullable=True),
            sa.Column("reply_to", sa.String(length=320), nullable=True),
            sa.Column("signature", sa.Text(), nullable=True),
            sa.Column("dkim", JSON, nullable=True),
            sa.Column("dkim_sealed", sa.Text(), nullable=True),
            sa.Column("ramp_start", sa.Integer(), nullable=True),
            sa.Column("ramp_step", sa.Integer(), nullable=True),
            sa.Column("ramp_ceiling", sa.Integer(), nullable=True),
            sa.Column("ramp_from", sa.Date(), nullable=True),
        ),
    }


def upgrade() -> None:
    # One statement a column: SQLite's batch would rebuild a table, which loses its triggers.
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    _make_mailbox()
    _make_letter()
    _make_conversation()
    _make_answer()


def _key(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)


def _make_mailbox() -> None:
    op.create_table(
        "mailbox",
        sa.Column("sender_account_id", sa.Uuid(), nullable=False),
        sa.Column("folder", sa.String(length=255), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=True),
        sa.Column("uid_next", sa.BigInteger(), nullable=True),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("try_at", INSTANT, nullable=True),
        sa.Column("lease_token", sa.String(length=36), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("heard_until", INSTANT, nullable=True),
        _key("mailbox", "sender_account_id", "sender_account", "CASCADE"),
        sa.PrimaryKeyConstraint("sender_account_id", name=op.f("pk_mailbox")),
    )


def _make_letter() -> None:
    op.create_table(
        "letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sender_account_id", sa.Uuid(), nullable=True),
        sa.Column("prospect_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("rfc_message_id", sa.String(length=998), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=True),
        sa.Column("from_address", sa.String(length=320), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("fresh", sa.Text(), nullable=False),
        sa.Column("quoted", sa.Text(), nullable=False),
        sa.Column("status_code", sa.String(length=16), nullable=True),
        sa.Column("diagnostic", sa.Text(), nullable=True),
        sa.Column("until", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        _key("letter", "workspace_id", "workspace", "CASCADE"),
        _key("letter", "sender_account_id", "sender_account", "SET NULL"),
        _key("letter", "prospect_id", "prospect", "CASCADE"),
        _key("letter", "message_id", "message", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint(
            "sender_account_id", "rfc_message_id", name=op.f("uq_letter_sender_account_id_rfc_message_id")
        ),
    )
    op.create_index("ix_letter_workspace_id", "letter", ["workspace_id"])
    op.create_index("ix_letter_prospect_id_received_at", "letter", ["prospect_id", "received_at"])
    op.create_index("ix_letter_message_id", "letter", ["message_id"])


def _make_conversation() -> None:
    op.create_table(
        "conversation",
        sa.Column("prospect_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sender_account_id", sa.Uuid(), nullable=True),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("owes", sa.Boolean(), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=True),
        _key("conversation", "prospect_id", "prospect", "CASCADE"),
        _key("conversation", "workspace_id", "workspace", "CASCADE"),
        _key("conversation", "sender_account_id", "sender_account", "SET NULL"),
        sa.PrimaryKeyConstraint("prospect_id", name=op.f("pk_conversation")),
    )
    op.create_index("ix_conversation_workspace_id_last_at", "conversation", ["workspace_id", "last_at"])
    op.create_index("ix_conversation_sender_account_id", "conversation", ["sender_account_id"])


def _make_answer() -> None:
    op.create_table(
        "answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("prospect_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("sender_account_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rfc_message_id", sa.String(length=255), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(length=320), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("claimed_at", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        _key("answer", "workspace_id", "workspace", "CASCADE"),
        _key("answer", "prospect_id", "prospect", "CASCADE"),
        _key("answer", "letter_id", "letter", "SET NULL"),
        _key("answer", "sender_account_id", "sender_account", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
    )
    op.create_index("ix_answer_workspace_id", "answer", ["workspace_id"])
    op.create_index("ix_answer_prospect_id_created_at", "answer", ["prospect_id", "created_at"])
    op.create_index("ix_answer_status", "answer", ["status", "claimed_at"])
    op.create_index("ix_answer_letter_id", "answer", ["letter_id"])
    op.create_index("ix_answer_sender_account_id", "answer", ["sender_account_id"])


def downgrade() -> None:
    for table in ("answer", "conversation", "letter", "mailbox"):
        op.drop_table(table)
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
