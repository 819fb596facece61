"""Finding people by words, in an index that triggers keep (docs/decisions/0017).

A person is found by the words of name, company and address, each from its first letter on, whatever the case and the
accents. The index is the full text search that each database brings; it knows, too, whose the people are.
"""

import re
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import Uuid, text
from sqlalchemy.orm import Session

# People who are found at most: some letters are everybody's, and nobody reads on so far.
MOST_FOUND = 1000
# More words than these, and more letters of one, are not looked for.
MOST_WORDS, MOST_LETTERS = 10, 60
_WORD = re.compile(r"[^\W_]+")
# In the order of being added, so that two pages are of the same people.
_STATEMENTS = {
    "sqlite": "SELECT prospect_id FROM prospect_search JOIN prospect_search_key ON number = prospect_search.rowid"
    " WHERE prospect_search MATCH :query ORDER BY prospect_search.rowid",
    "postgresql": "SELECT prospect_id FROM prospect_search"
    " WHERE words @@ CAST(search_folded(:query) AS tsquery) ORDER BY prospect_id",
}


def people_with(
    session: Session, owner_id: UUID, words: str, *, most: int = MOST_FOUND, latest: bool = False
) -> list[UUID]:
    """Those of a campaign, or of a workspace, who have words that begin so: every one of `words`, in any order. The
    `most` who were added first in that order, or those added last in the order from there."""
    asked = [word[:MOST_LETTERS] for word in _WORD.findall(normalize("NFC", words))[:MOST_WORDS]]
    if not asked:
        return []
    dialect = session.get_bind().dialect.name
    if dialect == "sqlite":
        query = " AND ".join([f'owner:"{owner_id.hex}"', *(f'words:"{word}"*' for word in asked)])
    else:
        query = " & ".join([f"'#{owner_id.hex}'", *(f"'{word}':*" for word in asked)])
    statement = text(f"{_STATEMENTS[dialect]} {'DESC' if latest else 'ASC'} LIMIT :most").columns(prospect_id=Uuid())
    return list(session.scalars(statement, {"query": query, "most": most}))
