"""Foreseeing: what will be sent and when, and what an edit would change about it, before it is saved."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.models.ahead import Scene, read_courses, read_scene
from campaigns.models.campaign import Campaign
from campaigns.rules.days import local_day
from campaigns.rules.forecast import Departure, bottleneck


@dataclass(frozen=True)
class Span:
    """The first and last send that a forecast holds, None without any. With `estimated` the last is reckoned from
    the rate, since there are more people than were played."""

    first: datetime | None
    last: datetime | None
    estimated: bool
    bottleneck: tuple[UUID, str] | None


def scene(session: Session, campaign: Campaign, now: datetime) -> Scene:
    """What the campaign's future depends on, as it stands."""
    return read_scene(session, campaign, now)


def edited_scene(session: Session, before: Scene, campaign: Campaign) -> Scene:
    """The same people with the campaign's settings as this session has them, saved or not."""
    courses, accounts = read_courses(session, campaign, before.now)
    return replace(before, courses=courses, accounts=accounts)


def _reckoned_end(departures: list[Departure], scene: Scene) -> datetime:
    played = len({departure.prospect_id for departure in departures})
    length = departures[-1].at - departures[0].at
    return departures[0].at + length * ((played + scene.left_out) / played)


@dataclass(frozen=True)
class Calendar:
    """A campaign's future by days of the workspace: day -> position of the step -> messages. It has no end that can be
    told where somebody has, or gets, an invitation."""

    days: dict[date, Counter[int]]
    span: Span
    ends_at: datetime | None

    @property
    def total(self) -> int:
        """All messages that were played."""
        return sum(steps.total() for steps in self.days.values())


def calendar(scene: Scene) -> Calendar:
    """Play a scene and count its campaign's messages by day and step."""
    forecast = scene.play()
    departures = forecast.of(scene.campaign_id)
    if not departures:
        return Calendar({}, Span(None, None, False, None), None)
    days: dict[date, Counter[int]] = {}
    for departure in departures:
        day = local_day(departure.at, scene.timezone)
        days.setdefault(day, Counter())[departure.position] += 1
    estimated = forecast.cut_off or scene.left_out > 0
    last = _reckoned_end(departures, scene) if estimated else departures[-1].at
    span = Span(departures[0].at, last, estimated, bottleneck(forecast, departures))
    endless = estimated or scene.invited or forecast.invited
    return Calendar(days, span, None if endless else forecast.ends_at)
