"""The main job, end to end: `make run`'s supervisor with real servers, over HTTP."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.channels.trap import list_messages, read_trap
from tests.jobs.processes import descendants_of, is_alive, memory_of, wait_until
from tests.servers import SmtpSink
from tests.stack import Stack, running_stack

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALWAYS = {"timezone": "UTC", **{day: [{"start": "00:00", "end": "24:00"}] for day in DAYS}}


def closed_now() -> dict[str, Any]:
    """Hours that open in two or three days."""
    day = DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    return {"timezone": "UTC", day: [{"start": "00:00", "end": "24:00"}]}


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    with running_stack() as stack:
        stack.sign_up()
        yield stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    """One that a test may kill."""
    with running_stack() as stack:
        yield stack


def new_sender(stack: Stack, **fields: object) -> str:
    account = {"type": "email", "display_name": "Sarah Chen", "daily_limit": 500, "min_gap": 0, "max_gap": 0, **fields}
    return str(stack.api("POST", "/senders", account)["id"])


def sink_sender(stack: Stack, sink: SmtpSink, address: str = "sarah@example.com") -> str:
    smtp = {"host": sink.host, "port": sink.port, "security": "none", "username": None, "password": None}
    return new_sender(stack, email_address=address, smtp=smtp, imap=None)


def new_campaign(stack: Stack, name: str, sender: str, hours: dict[str, Any], people: int) -> str:
    nodes = [
        {"type": "email", "subject": "Hello %first_name%", "body": "Dear %first_name%,\n\nhow are you?\n"},
        {"type": "end"},
    ]
    made = stack.api(
        "POST",
        "/campaigns",
        {
            "type": "email",
            "name": name,
            "sender_account_ids": [sender],
            "operating_hours": hours,
            "daily_limit": 500,
            "sequence_nodes": nodes,
        },
    )
    campaign = str((made.get("campaign") or made)["id"])
    prospects = [{"email": f"p{n}@{name}.test", "first_name": f"Person {n}"} for n in range(people)]
    assert stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": prospects})["imported"] == people
    return campaign


def stats(stack: Stack, campaign: str) -> dict[str, int]:
    return dict(stack.api("GET", f"/campaigns/{campaign}")["campaign"]["stats"])


def test_mail_goes_out_to_everybody_by_name(shared: Stack, smtp_sink: SmtpSink) -> None:
    campaign = new_campaign(shared, "open", sink_sender(shared, smtp_sink), ALWAYS, people=20)
    shared.api("POST", f"/campaigns/{campaign}/launch")
    mails = smtp_sink.wait_for(20)
    assert sorted(smtp_sink.recipients) == sorted(f"p{n}@open.test" for n in range(20))
    for mail in mails:
        name = "Person " + mail.rcpt_tos[0].partition("@")[0][1:]
        assert mail.message["Subject"] == f"Hello {name}"
        assert mail.text.startswith(f"Dear {name},")


def test_new_hours_wake_who_sleeps_within_a_second(shared: Stack, smtp_sink: SmtpSink) -> None:
    sender = sink_sender(shared, smtp_sink, "wake@example.com")
    campaign = new_campaign(shared, "closed", sender, closed_now(), people=30)
    shared.api("POST", f"/campaigns/{campaign}/launch")
    wait_until(lambda: stats(shared, campaign)["sleeping"] == 30)
    assert smtp_sink.accepted == []

    changed = time.monotonic()
    shared.api("PATCH", f"/campaigns/{campaign}", {"operating_hours": ALWAYS})
    assert smtp_sink.wait_for(1)[0].at - changed < 3.0  # a second is promised; the build machine may be busy
    smtp_sink.wait_for(30)

    wait_until(lambda: shared.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]["finished_at"])
    record = shared.api("GET", f"/campaigns/{campaign}/wake-ups")["wake_ups"][0]
    assert record["cause"] == "operating_hours"
    assert record["new_operating_hours"]["monday"] == ALWAYS["monday"]
    assert record["sleeping"] == 30
    assert (record["resumed"], record["slept_again"]) == (record["sleeping"], 0)
    assert record["job_id"]


def test_the_mail_trap_is_a_sender_like_any_other(shared: Stack) -> None:
    sender = new_sender(shared, email_address="trapped@example.com", uses_trap=True)
    campaign = new_campaign(shared, "trapped", sender, ALWAYS, people=3)
    shared.api("POST", f"/campaigns/{campaign}/launch")
    trap = read_trap(shared.data / "trap.json")
    assert trap is not None
    wait_until(lambda: len(list_messages(trap)) == 3)
    assert {mail.subject for mail in list_messages(trap)} == {f"Hello Person {n}" for n in range(3)}


@pytest.mark.parametrize(
    "part",
    ["redis.sock", "jobs.worker wake asked lanes", "jobs.worker inbox", "jobs.ticker", "trap.json", "jobs.serve"],
)
def test_what_is_killed_comes_back(shared: Stack, part: str) -> None:
    before = shared.child(part)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: shared.child(part) not in (None, before), seconds=5)
    wait_until(lambda: shared.health().get("status") == "ok", seconds=20)


def test_nothing_is_lost_and_nothing_sent_twice_when_everything_is_killed(stack: Stack, smtp_sink: SmtpSink) -> None:
    people = 120
    stack.sign_up()
    campaign = new_campaign(stack, "killed", sink_sender(stack, smtp_sink), ALWAYS, people)
    smtp_sink.pause = 0.02
    stack.api("POST", f"/campaigns/{campaign}/launch")
    smtp_sink.wait_for(10, seconds=30)
    stack.kill()
    smtp_sink.pause = 0.0
    at_kill = len(smtp_sink.accepted)
    assert at_kill < people

    stack.start()
    started = time.monotonic()
    smtp_sink.wait_for(at_kill + 1, seconds=30)
    assert time.monotonic() - started < 30
    # The one in hand when the kill came may have left or not: it is shown, and no machine repeats it.
    smtp_sink.wait_for(people - 1, seconds=60)
    assert len(set(smtp_sink.recipients)) == len(smtp_sink.recipients)
    assert stats(stack, campaign)["total"] == people


def test_ctrl_c_ends_all_and_a_second_start_finds_all_again(stack: Stack, smtp_sink: SmtpSink) -> None:
    stack.sign_up()
    campaign = new_campaign(stack, "kept", sink_sender(stack, smtp_sink), closed_now(), people=5)
    stack.api("POST", f"/campaigns/{campaign}/launch")
    wait_until(lambda: stats(stack, campaign)["sleeping"] == 5)
    pids = descendants_of(stack.pid)
    assert len(pids) >= 7
    assert stack.stop(signal.SIGINT) == 0
    assert not any(map(is_alive, pids))
    assert stack.said.endswith("Cadenza has stopped.\n")

    stack.start()
    assert stats(stack, campaign)["sleeping"] == 5
    stack.api("PATCH", f"/campaigns/{campaign}", {"operating_hours": ALWAYS})
    assert len(smtp_sink.wait_for(5)) == 5


def test_a_stack_with_nothing_to_do_takes_at_most_250_megabytes(stack: Stack) -> None:
    wait_until(lambda: stack.health().get("status") == "ok", seconds=20)
    processes = [stack.pid, *descendants_of(stack.pid)]
    assert sum(memory_of(pid)["pss"] for pid in processes) < 250e6


def test_make_run_ends_with_ctrl_c_and_without_an_error() -> None:
    with running_stack(("make", "run")) as stack:
        pids = descendants_of(stack.pid)
        stack.press_ctrl_c()
        assert not any(map(is_alive, pids))
        assert stack.said.endswith("Cadenza has stopped.\n")
        assert "***" not in stack.said


def test_nothing_outlives_a_make_that_is_killed() -> None:
    with running_stack(("make", "run")) as stack:
        stack.kill()


def test_the_log_is_tidy(shared: Stack) -> None:
    lines = [line for line in shared.said.splitlines() if not line.startswith("Cadenza is ready")]
    assert lines
    for line in lines:
        time_and_name, bar, _ = line.partition(" | ")
        assert bar, line
        assert len(time_and_name) == len("12:00:00 migrate"), line
