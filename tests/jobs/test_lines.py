"""The log: what it says by ids, and that nobody is named in it, whatever fails."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.models import Prospect
from campaigns.rules.tracing import about
from campaigns.sending import Lane
from jobs.lines import FORMATTERS
from tests import make
from tests.channels.scripted import DATA, END, GREETING, HANG_UP, HELLO, MAIL, RCPT, Script, serving
from tests.databases import Database
from tests.jobs.chores import enqueue
from tests.jobs.processes import wait_until
from tests.servers import SmtpSink
from tests.stack import running_stack
from tests.verbs.playing import Play

# Somebody who would be known at once, and what is said to him.
ADDRESS, FIRST, LAST = "zebediah@hollow-oak.example", "Zebediah", "Quartermaine"
SUBJECT, BODY, PASSWORD = "A velvet offer", "Dear marmalade lover", "sesame-4711"
SECRETS = ("zebediah", "quartermaine", "hollow", "velvet", "marmalade", "sesame")
# What a mail server may answer: everything that it knows.
QUOTE = f"<{ADDRESS}> {FIRST} {LAST} does not want '{SUBJECT}', {BODY}, {PASSWORD}"
STEP = {"type": "email", "subject": SUBJECT, "body": f"{BODY} %first_name%"}
# Log of a process, as a stream: one handler a form.
Log = dict[str, io.StringIO]


@pytest.fixture
def log() -> Iterator[Log]:
    """All that is logged from now on, in each form."""
    streams = {form: io.StringIO() for form in FORMATTERS}
    handlers = {form: logging.StreamHandler(stream) for form, stream in streams.items()}
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    for form, handler in handlers.items():
        handler.setFormatter(FORMATTERS[form]())
        logging.root.addHandler(handler)
    yield streams
    for handler in handlers.values():
        logging.root.removeHandler(handler)
    logging.root.setLevel(level)


def assert_nobody_is_named(said: str) -> None:
    assert said.strip(), "nothing was logged at all"
    assert [secret for secret in SECRETS if secret in said.lower()] == [], said


def objects(log: Log) -> list[dict[str, str]]:
    return [json.loads(line) for line in log["json"].getvalue().splitlines()]


@pytest.fixture
def person(db: Database) -> Prospect:
    """He is next in line."""
    with db.sessions.begin() as session:
        workspace = make.workspace(session)
        campaign = make.launched(
            session,
            workspace,
            1,
            nodes=[STEP, make.END],
            people={"email": ADDRESS, "first_name": FIRST, "last_name": LAST},
        )
        return session.query(Prospect).filter_by(campaign_id=campaign.id).one()


def work(db: Database, person: Prospect, answers: dict[str, str], username: str | None = None) -> None:
    """Have his lane speak to a server that answers so."""
    play = Play(db)
    assert isinstance(person.sender_account_id, UUID)
    with serving(Script(answers=answers)) as port:
        lane: Lane = play.lane(person.sender_account_id)
        lane.open_channel = lambda _: SmtpChannel(Endpoint("127.0.0.1", port, "none", username, PASSWORD))
        lane.run()


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({}, "Sent."),
        ({RCPT: f"550 {QUOTE}"}, "Not sent: the address refuses mail (550)."),
        ({RCPT: f"451 {QUOTE}"}, "Not sent, and tried again later (451)."),
        ({DATA: f"554 {QUOTE}"}, "Not sent, and not tried again (554)."),
        ({END: f"552 {QUOTE}"}, "Not sent, and not tried again (552)."),
        ({END: f"999 {QUOTE}"}, "Nobody knows whether it was sent: a person has to say."),
        ({END: HANG_UP}, "Nobody knows whether it was sent: a person has to say."),
        ({MAIL: f"550 {QUOTE}"}, "Not sent: the account cannot be used (550). Its page says why."),
        ({GREETING: f"421 {QUOTE}"}, "Not sent: the account cannot be used (421). Its page says why."),
    ],
)
def test_nobody_is_named_whatever_a_mail_server_answers(
    db: Database, log: Log, person: Prospect, answers: dict[str, str], told: str
) -> None:
    work(db, person, answers)
    for stream in log.values():
        assert_nobody_is_named(stream.getvalue())
    line = next(one for one in objects(log) if one["message"] == told)
    assert line["sender_id"] == str(person.sender_account_id)
    if "account" not in told or MAIL in answers:
        assert line["prospect_id"] == str(person.id)
        assert line["campaign_id"] == str(person.campaign_id)
        assert f"{told} campaign_id={person.campaign_id} sender_id=" in log["text"].getvalue()
        UUID(line["message_id"])


def test_a_password_that_is_refused_is_not_repeated(db: Database, log: Log, person: Prospect) -> None:
    work(db, person, {HELLO: "250-hello\r\n250 AUTH PLAIN", "AUTH": f"535 {QUOTE}"}, username=ADDRESS)
    assert_nobody_is_named("".join(stream.getvalue() for stream in log.values()))
    assert "(535)" in objects(log)[-1]["message"]


def test_nobody_is_named_when_a_value_is_missing(db: Database, log: Log, person: Prospect) -> None:
    with db.sessions.begin() as session:
        session.get_one(Prospect, person.id).first_name = None
    work(db, person, {})
    logging.getLogger("campaigns").info("The lane is done.")
    assert_nobody_is_named("".join(stream.getvalue() for stream in log.values()))
    with db.sessions() as session:
        assert session.get_one(Prospect, person.id).status == "failed"


def test_nobody_is_named_when_the_database_refuses(db: Database, log: Log, person: Prospect) -> None:
    def twice() -> None:
        with db.sessions.begin() as session:
            known = {"email": ADDRESS, "first_name": FIRST}
            make.prospect(session, session.get_one(make.Campaign, person.campaign_id), **known)

    def nonsense() -> None:
        with db.sessions.begin() as session:
            session.execute(text("SELECT CAST(:value AS INTEGER), nowhere"), {"value": QUOTE})

    for refused in (twice, nonsense):
        try:
            refused()
        except DBAPIError:
            logging.getLogger("campaigns").exception("It was refused.")
    assert [one["message"] for one in objects(log)] == ["It was refused."] * 2
    assert all("test_lines.py" in one["trace"] for one in objects(log))
    assert_nobody_is_named("".join(stream.getvalue() for stream in log.values()))


def test_what_speaks_of_code_alone_is_told(log: Log) -> None:
    for what in ("None.send()", "open('/nowhere')"):
        try:
            eval(what)
        except Exception:
            logging.getLogger("campaigns").exception("Stumbled.")
    assert [one["trace"].splitlines()[-1] for one in objects(log)] == [
        "builtins.AttributeError: 'NoneType' object has no attribute 'send'",
        "builtins.FileNotFoundError: No such file or directory",
    ]


def test_ids_are_known_inside_and_forgotten_outside(log: Log) -> None:
    speak = logging.getLogger("campaigns").info
    with about(campaign_id="c", sender_id=None), about(prospect_id="p"):
        speak("Inside.", extra={"message_id": "m"})
    speak("Outside.")
    assert log["text"].getvalue() == "Inside. campaign_id=c prospect_id=p message_id=m\nOutside.\n"


def test_an_address_is_left_out_whoever_says_it(log: Log) -> None:
    logging.getLogger("some.library").warning("To <%s>, from postgresql://sarah:%s@host/name", ADDRESS, PASSWORD)
    assert log["text"].getvalue() == "To <(an address)>, from postgresql://(an address)/name\n"


# In processes


def test_what_nobody_caught_names_nobody() -> None:
    program = f"from jobs import lines; lines.begin('text'); raise ValueError({QUOTE!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("This is a bug in Cadenza.\n")
    assert done.stderr.endswith("ValueError\n")
    assert_nobody_is_named(done.stderr)


def test_a_bug_in_a_job_is_told_with_the_job_and_what_it_is_about(redis_url: str, tmp_path: Path) -> None:
    environ = {**os.environ, "REDIS_URL": redis_url, "CADENZA_DATA": str(tmp_path), "LOG_FORMAT": "json"}
    said = tmp_path / "log"
    with said.open("w") as out, Redis.from_url(redis_url) as redis:
        job = enqueue(redis, "stumble")
        worker = subprocess.Popen([sys.executable, "-m", "tests.jobs.chores", "lanes"], env=environ, stderr=out)
        wait_until(lambda: "took" in said.read_text())
        worker.terminate()
        assert worker.wait(20) == 0
    line = next(one for one in map(json.loads, said.read_text().splitlines()) if one["level"] == "error")
    assert (line["job_id"], line["sender_id"]) == (job.id, job.args[0])
    assert "stumble" in line["trace"]
    assert_nobody_is_named(said.read_text())


def test_a_whole_stack_names_nobody_and_says_objects(smtp_sink: SmtpSink) -> None:
    smtp_sink.refused[ADDRESS] = f"550 {QUOTE}"
    smtp = {"host": smtp_sink.host, "port": smtp_sink.port, "security": "none", "username": None, "password": None}
    account = {"type": "email", "email_address": "velvet@hollow-oak.example", "display_name": LAST, "smtp": smtp}
    people = [
        {"email": ADDRESS, "first_name": FIRST},
        {"email": f"a.{ADDRESS}", "first_name": FIRST, "last_name": LAST},
        {"email": f"b.{ADDRESS}"},
    ]
    with running_stack(LOG_FORMAT="json", CADENZA_TRAP="off") as stack:
        stack.sign_up(email=ADDRESS, password=PASSWORD * 2)
        sender = stack.api("POST", "/senders", {**account, "min_gap": 0, "max_gap": 0})
        draft = {"type": "email", "name": SUBJECT, "operating_hours": None, "sequence_nodes": [STEP, make.END]}
        made = stack.api("POST", "/campaigns", {**draft, "sender_account_ids": [sender["id"]]})
        campaign = made["campaign"]["id"]
        stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": people})
        stack.api("POST", f"/campaigns/{campaign}/launch")
        wait_until(lambda: stack.api("GET", f"/campaigns/{campaign}")["campaign"]["status"] == "completed", 20)
        stack.stop()
        said = stack.said
        stack.start()
    assert_nobody_is_named(said)
    lines = [json.loads(line) for line in said.splitlines()]
    assert all({"time", "level", "process", "message"} <= set(line) for line in lines)
    about_people = {line["message"] for line in lines if line.get("prospect_id") and line["campaign_id"] == campaign}
    assert {"Sent.", "Not sent: the address refuses mail (550)."} <= about_people
