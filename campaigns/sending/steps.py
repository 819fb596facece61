"""The steps of campaigns, as a lane knows them during its slice."""

from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.campaign import Node
from campaigns.models.finding import nodes_of


class Steps:
    """A sequence never changes without its campaign's version, which is read before each message."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[int, list[Node]]] = {}

    def of(self, session: Session, campaign_id: UUID, version: int) -> list[Node]:
        """The steps of a campaign that is at `version`, in their order."""
        known = self._known.get(campaign_id)
        if known is None or known[0] != version:
            known = self._known[campaign_id] = version, nodes_of(session, campaign_id)
        return known[1]
