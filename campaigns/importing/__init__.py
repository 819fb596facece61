"""Adding prospects: from the API, from pasted lines, and from files of up to 100,000 lines.

A few people are added at once, in the request. A file is kept, its columns are given a meaning by a person, and a
job works through it batch by batch: each batch is one transaction that also says how far it came, so an import may
be cut off anywhere, goes on where it was, and adds nobody twice.
"""

from campaigns.importing.adding import Imported, add, add_table
from campaigns.importing.uploading import (
    Foresight,
    cancel,
    find_import,
    foresee,
    guessed,
    left_out,
    listed,
    meaning_of,
    receive,
    samples,
    start,
)
from campaigns.importing.working import work
from campaigns.models.adding import ADDABLE

__all__ = [
    "ADDABLE",
    "Foresight",
    "Imported",
    "add",
    "add_table",
    "cancel",
    "find_import",
    "foresee",
    "guessed",
    "left_out",
    "listed",
    "meaning_of",
    "receive",
    "samples",
    "start",
    "work",
]
