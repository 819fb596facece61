"""An index of people's words, which triggers keep, and one of people by their step

The tables are the databases' own full text search, so they are made here and not by the models. The triggers sit on
`prospect`: a later migration that rebuilds the table in batch mode on SQLite has to make them again.
"""

# ruff: noqa: S608 (the pieces of these statements are constants of this file)

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORDS = ("identity", "first_name", "last_name", "company")
# What separates words, and the marks that letters wear once they are taken apart.
BETWEEN = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f]+"
MARKS = r"[\u0300-\u036f]+"
# More of a word is not looked at; a lexeme has an end.
MOST_LETTERS = 100
EVENTS = {"insert": "", "delete": "", "update": f" OF {', '.join(WORDS)}"}


def upgrade() -> None:
    op.create_index("ix_prospect_current_node_id_status_id", "prospect", ["current_node_id", "status", "id"])
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
    else:
        _upgrade_postgresql()


def _upgrade_sqlite() -> None:
    # A number for each person: rows of the index have no other name, and those of `prospect` change with VACUUM.
    op.execute("CREATE TABLE prospect_search_key (number INTEGER PRIMARY KEY, prospect_id CHAR(32) NOT NULL UNIQUE)")
    op.execute(
        "CREATE VIRTUAL TABLE prospect_search USING fts5"
        " (owner, words, content='', prefix='1 2 3 4 5', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute("INSERT INTO prospect_search_key (prospect_id) SELECT id FROM prospect ORDER BY id")
    op.execute(
        f"INSERT INTO prospect_search (rowid, owner, words) SELECT number, {_sqlite_row('p')}"
        " FROM prospect_search_key JOIN prospect p ON p.id = prospect_id ORDER BY number"
    )
    number = "(SELECT number FROM prospect_search_key WHERE prospect_id = {row}.id)"
    new = (
        f"INSERT INTO prospect_search (rowid, owner, words) VALUES ({number.format(row='NEW')}, {_sqlite_row('NEW')});"
    )
    old = (
        "INSERT INTO prospect_search (prospect_search, rowid, owner, words)"
        f" VALUES ('delete', {number.format(row='OLD')}, {_sqlite_row('OLD')});"
    )
    steps = {
        "insert": f"INSERT INTO prospect_search_key (prospect_id) VALUES (NEW.id); {new}",
        "delete": f"{old} DELETE FROM prospect_search_key WHERE prospect_id = OLD.id;",
        "update": f"{old} {new}",
    }
    for event, of in EVENTS.items():
        op.execute(
            f"CREATE TRIGGER tr_prospect_search_{event} AFTER {event.upper()}{of} ON prospect BEGIN {steps[event]} END"
        )


def _sqlite_row(row: str) -> str:
    words = " || ' ' || ".join(f"coalesce({row}.{name}, '')" for name in WORDS)
    return f"{row}.workspace_id || ' ' || {row}.campaign_id, {words}"


def _upgrade_postgresql() -> None:
    # PostgreSQL 17 has the first of these, most older ones the second. With neither, a database whose locale is C knows
    # the two cases of ASCII letters alone.
    query = "SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY collname LIMIT 1"
    collation = op.get_bind().scalar(sa.text(query))
    lower = f'lower($1 COLLATE "{collation}")' if collation else "lower($1)"
    op.execute(
        "CREATE FUNCTION search_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS"
        f" $$ SELECT regexp_replace(normalize({lower}, NFD), '{MARKS}', '', 'g') $$"
    )
    op.execute(
        "CREATE FUNCTION search_words(text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS"
        f" $$ SELECT array(SELECT left(word, {MOST_LETTERS})"
        f" FROM regexp_split_to_table(search_folded($1), '{BETWEEN}') word WHERE word <> '') $$"
    )
    key = "prospect_id uuid CONSTRAINT pk_prospect_search PRIMARY KEY"
    op.execute(f"CREATE TABLE prospect_search ({key}, words tsvector NOT NULL)")
    op.execute(f"INSERT INTO prospect_search SELECT p.id, {_postgresql_words('p')} FROM prospect p")
    op.execute("CREATE INDEX ix_prospect_search_words ON prospect_search USING gin (words)")
    steps = {
        "insert": f"INSERT INTO prospect_search SELECT now.id, {_postgresql_words('now')} FROM now;",
        "delete": "DELETE FROM prospect_search USING before WHERE prospect_id = before.id;",
        "update": f"UPDATE prospect_search SET words = {_postgresql_words('NEW')} WHERE prospect_id = NEW.id;",
    }
    each = {
        "insert": "REFERENCING NEW TABLE AS now FOR EACH STATEMENT",
        "delete": "REFERENCING OLD TABLE AS before FOR EACH STATEMENT",
        "update": "FOR EACH ROW",
    }
    for event, of in EVENTS.items():
        op.execute(
            f"CREATE FUNCTION search_prospect_{event}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {steps[event]} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER tr_prospect_search_{event} AFTER {event.upper()}{of} ON prospect {each[event]}"
            f" EXECUTE FUNCTION search_prospect_{event}()"
        )


def _postgresql_words(row: str) -> str:
    """The words, and whose they are: # stands before no word that anybody types."""
    owners = ", ".join(f"'#' || replace({row}.{name}::text, '-', '')" for name in ("workspace_id", "campaign_id"))
    words = ", ".join(f"{row}.{name}" for name in WORDS)
    return f"array_to_tsvector(ARRAY[{owners}] || search_words(concat_ws(' ', {words})))"


def downgrade() -> None:
    op.drop_index("ix_prospect_current_node_id_status_id", "prospect")
    sqlite = op.get_bind().dialect.name == "sqlite"
    for event in EVENTS:
        op.execute(f"DROP TRIGGER tr_prospect_search_{event}" + ("" if sqlite else " ON prospect"))
        if not sqlite:
            op.execute(f"DROP FUNCTION search_prospect_{event}()")
    op.execute("DROP TABLE prospect_search")
    if sqlite:
        op.execute("DROP TABLE prospect_search_key")
    else:
        op.execute("DROP FUNCTION search_words(text)")
        op.execute("DROP FUNCTION search_folded(text)")
