"""`make bench`: measures, prints, and writes docs/benchmarks.md. ARGS="--help" says what can be chosen."""

import sys
import time
from collections.abc import Callable
from typing import Any

from tests.bench import document, edit, lane, memory, pages, tick, wake_up
from tests.bench.options import Options, read
from tests.bench.results import PUBLISHED, TRIAL, keep

BENCHMARKS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "wake_up": wake_up.measure,
    "edit": edit.measure,
    "lane": lane.measure,
    "tick": tick.measure,
    "pages": pages.measure,
    "memory": memory.measure,
}


def main(arguments: list[str]) -> None:
    """Measure one after the other, and publish what was measured in full."""
    names, options = read(arguments, list(BENCHMARKS))
    path = TRIAL if options.narrowed else PUBLISHED
    if options.narrowed:
        path.unlink(missing_ok=True)
    for name in names:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        results = keep(path, name, BENCHMARKS[name](options))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if options.narrowed:
        print(document.page(results))
        print("A narrowed run: docs/benchmarks.md is left as it was.")
    else:
        document.write(results)
        print(document.goals(results))
        print(f"Written: {document.PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
