"""The corpus of mail that comes back: its files, what each must be taken for, and how many are.

`python -m tests.channels.corpus` writes the figures to docs/mail.md.
"""

import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from campaigns.channels.reading import KINDS, MOST_BYTES, Letter, read

FOLDER = Path(__file__).parent / "mail"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "mail.md"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
US = "sarah.chen@northwind.test"


def read_mail(name: str) -> Letter:
    return read((FOLDER / name).read_bytes(), own_addresses={US}, now=NOW)


def page() -> str:
    """What a mail can be, and the figures of the corpus."""
    mails = Counter(row["kind"] for row in EXPECTED.values())
    found = {name: read_mail(name).kind for name in EXPECTED}
    right = Counter(kind for name, kind in found.items() if kind == EXPECTED[name]["kind"])
    rows = [
        f"| `{kind}` | {meaning} | {mails[kind]} | {right[kind]} | {mails[kind] - right[kind]} |"
        for kind, meaning in KINDS.items()
    ]
    wrong = [f"- `{name}`: {kind}" for name, kind in found.items() if kind != EXPECTED[name]["kind"]]
    return "\n".join([TOP, *rows, "", *(["Wrong:", "", *wrong, ""] if wrong else []), BOTTOM])


TOP = f"""# Mail that comes back

*Made from the code by `make docs`; do not edit.*

Every mail in an account's inbox is taken for one of these kinds, from its bytes alone. Nothing in it makes that fail:
malformed, nested or enormous ones are read as far as they go, at most {MOST_BYTES // 1024} kB of each.

The last three columns are the figures of the corpus in `tests/channels/mail`: {len(EXPECTED)} mails in the shapes that
Postfix, Exim, qmail, sendmail, Exchange, Office 365, Gmail, Yahoo, Amazon SES, GMX, iCloud, Domino, ticket systems and
the mail programs of people write, in 11 languages and 9 character sets.

| kind | what it is | mails | right | wrong |
|---|---|---|---|---|"""

BOTTOM = """The corpus was written for this project, so it measures what was thought of; at the first reading 6 of its
mails were mistaken. Of 606 bounces that others collected (Sisimai's set-of-emails, not part of this repository) 569
were known for bounces at the first reading, and 589 after what that taught. Of those whose reason Sisimai's tests name,
130 of 140 unknown addresses are hard, and 226 of 236 refusals that may pass are soft.

- A refusal is hard only if it says that the address or its domain is not there (5.1.1, 5.1.10, 5.4.1, 5.4.4 and their
  like, or the server's own words where the code is generic). A server's own answer wins over the code that its
  neighbour put above it. Delays are soft, and no failure yet.
- One certain sign makes an answer a machine's (`Auto-Submitted` other than `no`, `X-Autoreply` and its like,
  `Precedence: auto_reply`, an empty `Return-Path`); of weak ones (`X-Auto-Response-Suppress`, `Precedence: bulk`, a
  subject such as "Automatic reply", "this is an automated message") it takes two. When in doubt, a person wrote it.
- The end of an absence is a date beside a word such as "until" or "back", or the end of a range, if it can be read in
  one way only: `12/04/2026` in English cannot, `23/11/2026 to 04/12/2026` can.
"""

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
