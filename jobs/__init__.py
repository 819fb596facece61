"""The worker door: processes that translate and call a verb, and `make run`, which keeps them alive."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (said here, before anything newer is parsed)
    raise SystemExit("Cadenza needs Python 3.11 or newer; this one is " + sys.version.split()[0] + ".")
