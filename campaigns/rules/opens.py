"""Who loaded the picture of a message: its reader, or a machine on the way to them."""

import re
from datetime import timedelta

# Nobody opens a mail this soon: filters that look into it do.
TOO_SOON = timedelta(seconds=10)
# Apple's Mail Privacy Protection loads every picture in advance, and says no more than this about itself.
_APPLE_PRIVACY = "Mozilla/5.0"
# Filters and tools that name themselves. Proxies that load a picture when somebody opens the mail, as Gmail's and
# Yahoo's do, are not among them: only how soon they come tells a prefetch from a reader.
_MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|monitor|curl|wget|python|okhttp|java/|go-http|headless|phantom|libwww|axios|node-fetch"
    r"|barracuda|mimecast|proofpoint|fireeye|forcepoint|ironport|symantec|trend ?micro|sophos|checkpoint|safelinks",
    re.IGNORECASE,
)


def is_machine(agent: str, since_sent: timedelta) -> bool:
    """Whether a request with this User-Agent, so long after the message left, was a machine's own."""
    agent = agent.strip()
    return not agent or agent == _APPLE_PRIVACY or since_sent < TOO_SOON or bool(_MACHINES.search(agent))
