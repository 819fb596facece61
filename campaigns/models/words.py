"""Finding people by words, in an index that triggers keep (docs/decisions/0015).

A person is found by the words of name, company and address, each from its first letter on, whatever the case and the
accents. The index is the full text search that each database brings; it knows, too, whose the people are.
"""

# ruff: noqa: S608 (the pieces of these statements are constants of this file)

import re
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import String, TextualSelect, Uuid, bindparam, text
from sqlalchemy.orm import Session

# People who are found at most: some letters are everybody's, and nobody reads on so far.
MOST_FOUND = 1000
# More words than these, and more letters of one, are not looked for.
MOST_WORDS, MOST_LETTERS = 10, 60
_WORD = re.compile(r"[^\W_]+")
_ANSWERED = "prospect_id IN (SELECT prospect_id FROM conversation)"


def _sqlite(more: str = "") -> TextualSelect:
    return text(
        "SELECT prospect_id FROM prospect_search JOIN prospect_search_key ON number = prospect_search.rowid"
        f" WHERE prospect_search MATCH :query{more} LIMIT :most"
    ).columns(prospect_id=Uuid())


def _postgresql(more: str = "") -> TextualSelect:
    return (
        text(
            "SELECT prospect_id FROM prospect_search"
            f" WHERE words @@ CAST(search_folded(:query) AS tsquery){more} LIMIT :most"
        )
        # Asked by its value, so that the planner knows how many there are.
        .bindparams(bindparam("query", type_=String(), literal_execute=True))
        .columns(prospect_id=Uuid())
    )


# For everybody, and for those who have answered; the plus keeps SQLite from asking the words anew for each of them.
_SQLITE = {False: _sqlite(), True: _sqlite(f" AND +{_ANSWERED}")}
_POSTGRESQL = {False: _postgresql(), True: _postgresql(f" AND {_ANSWERED}")}


def people_with(session: Session, owner_id: UUID, words: str, *, who_answered: bool = False) -> list[UUID]:
    """Those of a campaign, or of a workspace, who have words that begin so: every one of `words`, in any order. At most
    MOST_FOUND, the same each time, in the order they were added; of those `who_answered` alone, if asked.

    The databases are not asked for that order: PostgreSQL would go through everybody in it until it has enough.
    """
    asked = [word[:MOST_LETTERS] for word in _WORD.findall(normalize("NFC", words))[:MOST_WORDS]]
    if not asked:
        return []
    if session.get_bind().dialect.name == "sqlite":
        query = " AND ".join([f'owner:"{owner_id.hex}"', *(f'words:"{word}"*' for word in asked)])
        statement = _SQLITE[who_answered]
    else:
        query = " & ".join([f"'#{owner_id.hex}'", *(f"'{word}':*" for word in asked)])
        statement = _POSTGRESQL[who_answered]
    return sorted(session.scalars(statement, {"query": query, "most": MOST_FOUND}))
