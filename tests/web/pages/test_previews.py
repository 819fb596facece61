"""What the settings say before they are saved, at their door: the impact, the openings, and the wake-up afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns import waking
from campaigns.models.wake_up import WakeUp
from campaigns.rules.hours import MOST_WINDOWS, parse_hours
from campaigns.web.pages.previews import shift
from campaigns.web.week import change_week, likely_zones, openings, show_week, span_text, zone_choices
from tests import make
from tests.databases import Database
from tests.web.pages.conftest import Visitor
from tests.web.pages.reading import Form, Page, squeezed

CLOSED = make.week("01:00", "02:00")


def launched(db: Database, alice: Visitor, people: int = 5, **values: Any) -> str:
    """The id of a campaign that runs and whose people sleep."""
    with db.sessions.begin() as session:
        workspace = session.get_one(make.Workspace, alice.workspace_id)
        values = {"operating_hours": CLOSED, "daily_limit": 50, **values}
        return str(make.launched(session, workspace, people, **values).id)


def form_of(alice: Visitor, campaign: str) -> Form:
    return alice.visit(f"/campaigns/{campaign}/settings").form("/settings")


def previewed(alice: Visitor, campaign: str, wish: str = "impact", **changes: str) -> Page:
    """The part that htmx gets while the form is typed in."""
    answer = alice.send(form_of(alice, campaign), htmx=True, extra=[("preview", wish)], **changes)
    return alice.see_fragment(answer)


def test_new_hours_are_told_in_words_and_nothing_is_saved(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice)
    before = db.dump()
    part = previewed(alice, campaign, **{"hours-mode": "always"})
    text = squeezed(part.text)
    assert part.root is not None
    assert part.root["id"] == "impact"
    assert "5 people are asleep: 5 go on at once." in text
    assert "First send" in text
    assert "Last send" in text
    assert "15 h earlier" in text
    assert "Sarah Chen" in text
    assert db.dump() == before
    assert db.rung == []


def test_whoever_would_sleep_on_is_told_until_when(alice: Visitor, db: Database) -> None:
    text = squeezed(
        previewed(alice, launched(db, alice), **{"hours-monday-0-start": "20:00", "hours-monday-0-end": "21:00"}).text
    )
    assert "5 people are asleep: 5 sleep on until Mon 2 Mar, 21:00 CET." in text


def test_some_go_on_and_some_sleep_on_with_clocks_of_their_own(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice, 0, prospect_timezone=True)
    with db.sessions.begin() as session:
        row = session.get_one(make.Campaign, UUID(campaign))
        for zone in ("UTC", "UTC", "Asia/Tokyo"):
            make.prospect(session, row, clock=zone)
        make.place(session, row)
    text = squeezed(previewed(alice, campaign, **{"hours-monday-0-start": "09:00", "hours-monday-0-end": "17:00"}).text)
    assert "3 people are asleep: 2 go on at once, 1 sleeps on until Mon 2 Mar, 17:00 CET." in text


def test_the_limit_that_holds_most_is_named_with_its_number(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice, operating_hours=None)
    text = squeezed(previewed(alice, campaign, daily_limit="2").text)
    assert "Saving this wakes nobody." in text
    assert "held most by the campaign's daily limit of 2" in text
    assert "2 days later" in text
    (limit,) = [name for name in form_of(alice, campaign).inputs if name.startswith("limit-")]
    assert "held most by its daily limit of 1" in squeezed(previewed(alice, campaign, **{limit: "1"}).text)


def test_what_changes_nobodys_place_says_so(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice)
    assert "Change something" in previewed(alice, campaign).text
    assert "as before" in squeezed(previewed(alice, campaign, name="Another").text)


@pytest.mark.parametrize("htmx", [True, False])
def test_what_cannot_be_saved_yet_says_why_without_a_fuss(alice: Visitor, db: Database, htmx: bool) -> None:
    campaign = launched(db, alice)
    changes = {"daily_limit": "0", "hours-monday-0-end": "00:30"}
    answer = alice.send(form_of(alice, campaign), htmx=htmx, extra=[("preview", "impact")], **changes)
    page = alice.see_fragment(answer) if htmx else alice.see(answer)
    text = squeezed(page.text)
    assert "This cannot be saved yet." in text
    assert "Daily limit: Must be from 1 to 500, not 0." in text
    assert "Operating hours: Must be after the start, 01:00." in text


@pytest.mark.parametrize(("status", "words"), [("draft", ""), ("paused", "nobody goes on until it is resumed")])
def test_nobody_sleeps_where_nothing_runs(alice: Visitor, db: Database, status: str, words: str) -> None:
    campaign = launched(db, alice, status=status)
    text = squeezed(previewed(alice, campaign, **{"hours-mode": "always"}).text)
    assert "asleep" not in text
    assert words in text


def test_without_a_script_the_page_comes_back_with_all_that_was_typed(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice)
    form = form_of(alice, campaign)
    before = db.dump()
    (button,) = [button for button in form.buttons if button.value == "impact"]
    page = alice.see(alice.send(form, button, **{"name": "Typed", "hours-mode": "always"}))
    assert "5 go on at once" in squeezed(page.text)
    assert page.form("/settings").value("name") == "Typed"
    assert page.form("/settings").value("hours-mode") == "always"
    assert db.dump() == before


def test_openings_are_told_on_both_clocks(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice)
    text = squeezed(previewed(alice, campaign, "openings", **{"viewer-zone": "America/New_York"}).text)
    assert "On the clock of UTC, and on yours in America/New York." in text
    assert "Tue 3 Mar, 01:00–02:00 UTC" in text
    assert "Mon 2 Mar, 20:00–21:00 EST" in text
    unknown = squeezed(previewed(alice, campaign, "openings", **{"viewer-zone": "Mars/Olympus"}).text)
    assert "yours in Europe/Berlin" in unknown
    wrong = squeezed(previewed(alice, campaign, "openings", **{"hours-timezone": "new york"}).text)
    assert "Did you mean America/New_York?" in wrong


def test_the_wake_up_is_shown_under_way_and_then_with_its_record(alice: Visitor, db: Database) -> None:
    campaign = launched(db, alice)
    answer = alice.send(form_of(alice, campaign), **{"hours-mode": "always"})
    place = answer.headers["Location"]
    page = alice.follow(answer)
    assert "Looking at 5 sleepers…" in page.text
    assert f'hx-get="{place}"' in alice.fragment(place).html
    with db.sessions.begin() as session:
        (wake_up,) = session.query(WakeUp).filter(WakeUp.finished_at.is_(None))
        waking.finish(waking.wake(session, wake_up.id, now=make.NOW, job_id=None), now=make.NOW)
    part = alice.fragment(place)
    assert "5 sleeping: 5 resumed, 0 slept again" in squeezed(part.text)
    assert "hx-get" not in part.html


def test_the_wake_up_of_another_campaign_is_not_shown(alice: Visitor, db: Database) -> None:
    campaign, other = launched(db, alice), launched(db, alice)
    place = alice.send(form_of(alice, campaign), **{"hours-mode": "always"}).headers["Location"]
    part = alice.fragment(place.replace(campaign, other))
    assert "Looking at" not in part.text
    for odd in ("", "x", campaign):
        assert "Looking at" not in alice.visit(f"/campaigns/{other}/settings?wake_up={odd}").text


# The week alone


def test_presets_and_copies_change_the_week_that_is_shown() -> None:
    week = show_week(CLOSED, "UTC")
    assert change_week(week, "preset:evenings") == "preset:evenings"
    assert week["days"]["friday"] == [{"start": "18:00", "end": "21:00"}]
    assert week["days"]["sunday"] == []
    week["copy"] = {"source": "friday", "targets": ("sunday", "someday")}
    assert change_week(week, "copy-chosen") == "copy-chosen"
    assert week["days"]["sunday"] == week["days"]["friday"]
    assert "someday" not in week["days"]
    assert change_week(week, "preset:always") == "preset:always"
    assert week["mode"] == "always"


@pytest.mark.parametrize("wish", ["", "preset:", "preset:nights", "burn:monday", "remove:monday:99", "add:someday"])
def test_a_wish_that_is_none_changes_no_day(wish: str) -> None:
    week = show_week(CLOSED, "UTC")
    days = {day: list(windows) for day, windows in week["days"].items()}
    assert change_week(week, wish) is None
    assert week["days"] == days


def test_a_full_day_takes_no_more() -> None:
    week = show_week(CLOSED, "UTC")
    for _ in range(MOST_WINDOWS + 1):
        change_week(week, "add:monday")
    assert len(week["days"]["monday"]) == MOST_WINDOWS


def spans(hours: dict[str, Any] | None, now: datetime, zone: str = "UTC") -> list[str]:
    return [span_text(each, zone) for each in openings(parse_hours(hours, default_timezone="UTC"), now)]


def test_openings_begin_with_the_one_that_lasts_now() -> None:
    assert spans(make.week("09:00", "24:00"), make.NOW) == [
        "until Tue 3 Mar, 00:00 UTC",
        "Tue 3 Mar, 09:00–24:00 UTC",
        "Wed 4 Mar, 09:00–24:00 UTC",
    ]


def test_an_opening_over_midnight_is_one() -> None:
    night = {
        "timezone": "UTC",
        "friday": [{"start": "20:00", "end": "24:00"}],
        "saturday": [{"start": "00:00", "end": "02:00"}],
    }
    assert spans(night, make.NOW)[0] == "Fri 6 Mar, 20:00 to Sat 7 Mar, 02:00 UTC"


def test_a_night_in_which_the_clocks_change_is_told_as_the_clocks_say() -> None:
    hours = {"timezone": "Europe/Berlin", "sunday": [{"start": "01:00", "end": "04:00"}]}
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert spans(hours, before, "Europe/Berlin")[0] == "Sun 29 Mar, 01:00–04:00 CEST"
    assert spans(hours, before)[0] == "Sun 29 Mar, 00:00–02:00 UTC"


def test_hours_that_never_end_have_one_opening() -> None:
    assert spans(None, make.NOW) == ["without end"]


def test_zones_are_found_by_what_people_type() -> None:
    choices = dict(zone_choices(make.NOW))
    assert choices["America/New_York"] == "New York -05:00"
    assert choices["Europe/Berlin"] == "+01:00"
    assert next(iter(choices)) == "UTC"
    assert not any(name.startswith("Etc/") for name in choices)
    assert likely_zones("Berlin") == ["Europe/Berlin"]
    assert likely_zones("be") == []


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(0), "no change"),
        (timedelta(seconds=59), "no change"),
        (timedelta(minutes=-5), "5 min earlier"),
        (timedelta(hours=3), "3 h later"),
        (timedelta(days=1), "1 day later"),
        (timedelta(days=-1234), "1,234 days earlier"),
    ],
)
def test_how_far_a_send_moves_is_told_in_its_largest_unit(later: timedelta, words: str) -> None:
    assert shift(make.NOW, make.NOW + later) == words


def test_where_nothing_was_sent_nothing_moves() -> None:
    assert shift(None, make.NOW) is None
