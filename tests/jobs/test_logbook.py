"""The one log: what programs put before their words is taken off."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from jobs.logbook import Logbook


def written(tmp_path: Path, *lines: str) -> list[str]:
    with (tmp_path / "log").open("w") as out:
        log = Logbook(out)
        for line in lines:
            log.note("redis", line)
    return [line.partition(" ")[2] for line in (tmp_path / "log").read_text().splitlines()]


@pytest.mark.parametrize(
    "clutter",
    [
        "6526:M 24 Nov 2026 06:33:51.334 * ",
        "6526:C 04 Jan 2026 06:33:51.334 # ",
        "2026-11-24 06:37:54,715 [  INFO  ] ",
        "2026-11-24 06:37:54 ",
        "",
    ],
)
def test_a_line_has_one_time_and_one_name(tmp_path: Path, clutter: str) -> None:
    assert written(tmp_path, f"{clutter}Ready to accept connections\n") == ["redis   | Ready to accept connections"]


def test_a_date_in_the_middle_is_left_alone(tmp_path: Path) -> None:
    assert written(tmp_path, "due 2026-11-24 06:37:54 UTC") == ["redis   | due 2026-11-24 06:37:54 UTC"]


def test_what_worries_people_for_nothing_is_left_out(tmp_path: Path) -> None:
    assert written(tmp_path, "1:M 24 Nov 2026 06:33:51.334 # WARNING Memory overcommit must be enabled! ", "") == []


def objects(tmp_path: Path, *lines: str) -> list[dict[str, str]]:
    with (tmp_path / "log").open("w") as out:
        log = Logbook(out, "json")
        for line in lines:
            log.note("send-1", line)
        log.say("Cadenza is ready.")
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_every_line_of_a_json_log_is_an_object_that_names_its_process(tmp_path: Path) -> None:
    own = '{"time": "2026-11-24T06:37:54.000+00:00", "level": "warning", "message": "Not sent.", "sender_id": "1"}'
    ours, plain, broken, number, ready = objects(tmp_path, own, "Ready to accept connections", '{"half', "[1]")
    assert ours == {"process": "send-1", **json.loads(own)}
    assert (plain["process"], plain["level"]) == ("send-1", "info")
    assert [one["message"] for one in (plain, broken, number)] == ["Ready to accept connections", '{"half', "[1]"]
    assert (ready["process"], ready["message"]) == ("supervisor", "Cadenza is ready.")
    assert datetime.fromisoformat(plain["time"]).tzinfo is not None


def test_no_address_gets_by_whoever_says_it(tmp_path: Path) -> None:
    assert written(tmp_path, "mail to <ann@corp.example> is late") == ["redis   | mail to <(an address)> is late"]
