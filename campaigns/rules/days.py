"""Calendar days of a zone: what a daily limit counts in (CONTRACT section 4)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def local_day(t: datetime, timezone: str) -> date:
    """The calendar day that `timezone` shows at instant `t`."""
    return t.astimezone(ZoneInfo(timezone)).date()


def day_began(t: datetime, timezone: str) -> datetime:
    """The instant (UTC) at which the calendar day of `timezone` began that `t` lies in."""
    return datetime.combine(local_day(t, timezone), time(), ZoneInfo(timezone)).astimezone(UTC)


def next_day(t: datetime, timezone: str) -> datetime:
    """The instant (UTC) at which the next calendar day of `timezone` begins after `t`.

    Where daylight saving skips midnight, or a whole day, `fold=0` reads the missing time with the offset
    from before the jump, which is the instant of the jump itself: the first one of the new day.
    """
    tomorrow = local_day(t, timezone) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), ZoneInfo(timezone)).astimezone(UTC)


def clock_words(t: datetime, timezone: str) -> str:
    """`Tue 24 Nov 09:12`: what the wall clock of `timezone` shows at `t`."""
    local = t.astimezone(ZoneInfo(timezone))
    return f"{local:%a} {local.day} {local:%b %H:%M}"
