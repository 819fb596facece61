"""Words that machines use, as expressions to search for. One line or two for each language."""

import re


def any_of(*expressions: str) -> re.Pattern[str]:
    """Finds any of them, in capitals or not."""
    return re.compile("|".join(expressions), re.IGNORECASE)
