"""Lines of the log, as every process writes them: what was said, and the ids of what it is about.

No line holds an address, a name, a subject, a text or a secret. So an exception is told by its kind and by where it
happened: its words may quote a mail server, which likes to quote an address, or a row of the database.
"""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from campaigns.rules import tracing

# Exceptions whose words speak of code alone. Of these kinds exactly: others derive from them and quote what they met.
OF_CODE = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, RecursionError)
# The last net, for what a library may say: whatever looks like an address, or like user:password@host.
ADDRESS = re.compile(r"""[^\s<>"'()\[\]{},;=/]+@[^\s<>"'()\[\]{},;=/]+""")
ANYBODY = "(an address)"
# Libraries that tell at INFO what nobody has to know.
CHATTER = ("alembic", "rq.worker")


def without_addresses(text: str) -> str:
    """The same text, with every address in it left out."""
    return ADDRESS.sub(ANYBODY, text) if "@" in text else text


def trace(error: BaseException | None) -> str:
    """Where an exception and its causes came from and of what kind they are, in the order that Python has them."""
    return "\n".join("".join(_told(one)) for one in reversed(list(_chain(error))))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _told(error: BaseException) -> Iterator[str]:
    yield from traceback.format_tb(error.__traceback__)
    words = _words(error)
    yield f"{type(error).__module__}.{type(error).__qualname__}{f': {words}' if words else ''}"


def _words(error: BaseException) -> str:
    """What of an exception's words can hold nothing of anybody's."""
    if isinstance(error, DBAPIError):
        # SQLite speaks of its schema; PostgreSQL quotes values.
        words = str(error.orig) if "sqlite" in type(error.orig).__module__ else getattr(error.orig, "sqlstate", None)
        return f"{type(error.orig).__name__} {words or ''}".strip()
    if type(error) in OF_CODE:
        return without_addresses(str(error))
    # Not of smtplib's exceptions, which are OSErrors too: these have a server's answer where others have an errno.
    return error.strerror or "" if isinstance(error, OSError) and isinstance(error.errno, int) else ""


def _ids(record: logging.LogRecord) -> dict[str, str]:
    own = {name: str(getattr(record, name)) for name in tracing.FIELDS if getattr(record, name, None)}
    return {**tracing.known(), **own}


def _said(record: logging.LogRecord) -> str:
    return without_addresses(record.getMessage())


class Text(logging.Formatter):
    """For people: the sentence, then `name=id` of what it is about; a trace on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join([_said(record), *(f"{name}={one}" for name, one in _ids(record).items())])
        return f"{line}\n{trace(record.exc_info[1])}" if record.exc_info else line


class Json(logging.Formatter):
    """For machines: one object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _said(record),
            **_ids(record),
        }
        if record.exc_info:
            line["trace"] = trace(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


FORMATTERS = {"text": Text, "json": Json}


def begin(form: str) -> None:
    """Have this process log in one of FORMATTERS, what nobody caught too; unless whoever runs it has seen to that."""
    if logging.root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATTERS[form]())
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    for name in CHATTER:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, place: _uncaught(error)
    threading.excepthook = lambda thread: _uncaught(thread.exc_value)


def _uncaught(error: BaseException | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    logging.getLogger(__name__).critical("This is a bug in Cadenza.", exc_info=error)
