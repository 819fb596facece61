"""Tracing: which campaign, account, person and message the running piece of work is about, for the lines of its log.

A log names things by their ids alone. Whatever a person typed or a server answered (addresses, names, subjects, texts,
secrets) stays in the database, where those ids find it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

FIELDS = ("campaign_id", "sender_id", "prospect_id", "message_id", "answer_id", "wake_up_id", "import_id", "job_id")

_known: ContextVar[Mapping[str, str]] = ContextVar("known")


def known() -> Mapping[str, str]:
    """Field -> id, as far as they are known here."""
    return _known.get({})


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """What is logged inside is about these: names of FIELDS, whose values may be None. A new thread begins anew."""
    token = _known.set({**known(), **{name: str(one) for name, one in ids.items() if one is not None}})
    try:
        yield
    finally:
        _known.reset(token)
