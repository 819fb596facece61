"""Handing LinkedIn steps over to Unipile, with the one distinction that matters kept: not sent, or not known."""

from dataclasses import dataclass
from typing import Self

from campaigns.channels.outgoing import Already, Approach, Doubtful, Limited, Receipt, Unsent
from campaigns.channels.unipile.client import Profile, Unipile
from campaigns.channels.unipile.meanings import DOUBTFUL, LIMIT, PERSON, UNCLEAR, Fault
from campaigns.rules.lifecycle import CONNECTED, CONNECTION_SENT
from campaigns.rules.people import profile_of
from campaigns.rules.sequence import CONNECTION_REQUEST


@dataclass(frozen=True)
class Seat:
    """An account at Unipile, and the key that opens it."""

    address: str
    api_key: str
    account_id: str


class UnipileChannel:
    """One account's way out. Each step is a request of its own: no connection is kept that could be lost unnoticed."""

    def __init__(self, seat: Seat) -> None:
        try:
            self._unipile = Unipile(seat.address, seat.api_key)
        except Fault as fault:
            raise _outcome(fault) from fault
        self._account_id = seat.account_id

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def ready(self) -> None:
        """Nothing to connect."""

    def send(self, approach: Approach) -> Receipt:
        """Hand one step over. Raises Unsent, Limited, Already or Doubtful."""
        try:
            return self._invite(approach) if approach.step == CONNECTION_REQUEST else self._write(approach)
        except Fault as fault:
            raise _outcome(fault) from fault

    def withdraw(self, invitation: str | None, person_id: str | None, profile_url: str) -> None:
        """Take an invitation back, known by its receipt or else by the person. One that was declined or taken back
        meanwhile is as good as withdrawn. Raises Unsent, also if it was accepted, Limited or Doubtful."""
        try:
            if invitation is None or not self._take_back(invitation):
                self._take_back_from(person_id or _slug(profile_url))
        except Fault as fault:
            raise _outcome(fault) from fault

    def _take_back(self, invitation: str) -> bool:
        """False if it is not pending any more."""
        try:
            self._unipile.withdraw(self._account_id, invitation)
        except Fault as fault:
            if fault.status == 404 and fault.blame == PERSON:
                return False
            raise
        return True

    def _take_back_from(self, who: str) -> None:
        person = self._unipile.profile(self._account_id, who)
        if person.connected:
            raise Unsent("They have accepted it.", lasting=True)
        for sent in self._unipile.invitations(self._account_id) if person.invited else ():
            if sent.person_id == person.person_id:
                self._take_back(sent.id)

    def _invite(self, approach: Approach) -> Receipt:
        person = self._look(approach)
        try:
            invitation = self._unipile.invite(self._account_id, person.person_id, approach.text)
        except Fault as fault:
            if fault.blame == UNCLEAR:
                self._look(approach)
            raise
        return Receipt(invitation, person.person_id)

    def _look(self, approach: Approach) -> Profile:
        """The person who is to be invited. Raises Already if there is no need to."""
        person = self._profile(approach)
        if person.connected:
            raise Already("They are connected with the account already.", CONNECTED, person.person_id)
        if person.invited:
            raise Already("An invitation from the account is pending already.", CONNECTION_SENT, person.person_id)
        return person

    def _write(self, approach: Approach) -> Receipt:
        person_id = approach.person_id or self._relation(approach)
        return Receipt(self._unipile.message(self._account_id, person_id, approach.text or ""), person_id)

    def _relation(self, approach: Approach) -> str:
        person = self._profile(approach)
        if not person.connected:
            raise Unsent("They are not connected with the account.", lasting=True)
        return person.person_id

    def _profile(self, approach: Approach) -> Profile:
        return self._unipile.profile(self._account_id, approach.person_id or _slug(approach.profile_url))


def _slug(profile_url: str) -> str:
    """What comes behind /in/ in a profile's address."""
    slug = (profile_of(profile_url) or "").partition("/in/")[2]
    if not slug:
        raise Unsent("Their link is not that of a LinkedIn profile: linkedin.com/in/…", lasting=True)
    return slug


def _outcome(fault: Fault) -> Unsent | Doubtful:
    """What a lane is told."""
    if fault.blame == DOUBTFUL:
        return Doubtful(fault.reason)
    if fault.blame == LIMIT or fault.limited:
        return Limited(fault.reason, fault.pause)
    return Unsent(fault.reason, lasting=fault.lasting, account=fault.account)
