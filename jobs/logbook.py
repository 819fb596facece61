"""The one log of all processes: time, who, and what was said."""

import json
import os
import re
import select
from datetime import UTC, datetime
from typing import Any, TextIO

from jobs.lines import without_addresses

# What programs put before their words: a time and a level; for Valkey its process id and role too.
CLUTTER = re.compile(
    r"^(?:\d+:[A-Z] )?(?:\d{4}-\d\d-\d\d|\d\d? [A-Z][a-z]{2} \d{4})[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"(?: \[ *[A-Z]+ *\]| [.*#-])? "
)
# True, but nothing that somebody who starts Cadenza has to know.
NOISE = re.compile(r"Memory overcommit must be enabled|Received SIGTERM scheduling|is now ready to exit")
NAME_WIDTH = 7
# Bytes that a pipe takes without blocking once it is said to be writable (POSIX: PIPE_BUF is at least 512).
CHUNK = 512
# Seconds to wait for a reader that is slow. One that reads nothing loses lines, so that work goes on.
PATIENCE = 0.2


class Logbook:
    """Writes prefixed lines to `out`, and never lets a reader that has stopped reading hold up the work.

    `form` is that of jobs.lines: text, or json, one object a line. What programs of others say goes through here too,
    and no address gets by.
    """

    def __init__(self, out: TextIO, form: str = "text") -> None:
        self._out = out
        self._json = form == "json"
        self._lost = 0

    def note(self, name: str, text: str) -> None:
        """Write one line, unless it is noise."""
        text = without_addresses(CLUTTER.sub("", text.rstrip()))
        if not text or NOISE.search(text):
            return
        self._write(_object(name, text) if self._json else f"{_clock()} {name:<{NAME_WIDTH}} | {text}\n")

    def say(self, text: str) -> None:
        """Write a line that a person waits for, without a prefix."""
        self._write(_object("supervisor", text) if self._json else f"{text}\n")

    def _write(self, line: str) -> None:
        if self._lost and self._ready(0):
            self._put(f"… {self._lost} lines were lost: nobody read them in time.\n")
            self._lost = 0
        if not self._put(line):
            self._lost += 1

    def _put(self, line: str) -> bool:
        """Whether the whole line was written."""
        rest = line.encode("utf-8", "replace")
        while rest:
            if not self._ready(0 if self._lost else PATIENCE):
                return False
            try:
                rest = rest[os.write(self._out.fileno(), rest[:CHUNK]) :]
            except OSError:  # the reader has gone
                return False
        return True

    def _ready(self, seconds: float) -> bool:
        try:
            return bool(select.select([], [self._out], [], seconds)[1])
        except (OSError, ValueError):
            return False


def _object(name: str, text: str) -> str:
    """A line as an object that names its process: our own processes say objects already."""
    return json.dumps({"process": name, **(_parsed(text) or _plain(text))}, ensure_ascii=False) + "\n"


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _plain(text: str) -> dict[str, Any]:
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": "info", "message": text}


def _clock() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
