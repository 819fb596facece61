"""There and back: a campaign leaves by a real Postfix, comes into real mailboxes, and what people and machines answer
comes back into a real Dovecot. What Cadenza then sends, and what it does not."""

import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from campaigns.models import Mailbox, Message, Prospect, connect
from tests.jobs.processes import wait_until
from tests.jobs.test_stack import ALWAYS
from tests.mail_servers import BOUNCING, PASSWORD, MailHouse
from tests.servers import SmtpSink
from tests.stack import Stack, running_stack

SARAH, TOM = "sarah@ours.test", "tom@ours.test"
STEPS = [
    {"type": "email", "subject": "Hello %first_name%", "body": "Dear %first_name%,\n\nhow are you?\n"},
    {"type": "delay", "delay_days": 1},
    {"type": "email", "subject": "", "body": "Any news, %first_name%?", "is_reply": True},
    {"type": "end"},
]
ANSWERS = 25


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as started:
        started.sign_up()
        yield started


@pytest.fixture(scope="module")
def rows(stack: Stack) -> Iterator[Engine]:
    """What the stack has written down."""
    engine = connect(f"sqlite:///{stack.data / 'cadenza.db'}")
    yield engine
    engine.dispose()


def new_account(stack: Stack, rows: Engine, house: MailHouse, address: str, smtp_port: int) -> str:
    """An account of the mail house; somebody listens to its mailbox already."""
    server = {"host": house.host, "security": "none"}
    account = {
        "type": "email",
        "email_address": address,
        "display_name": "Sarah Chen",
        "daily_limit": 500,
        "min_gap": 0,
        "max_gap": 0,
        "smtp": server | {"port": smtp_port, "username": None, "password": None},
        "imap": server | {"port": house.imap_port, "username": address, "password": PASSWORD},
    }
    sender = str(stack.api("POST", "/senders", account)["id"])
    heard = select(Mailbox.heard_until).where(Mailbox.sender_account_id == UUID(sender))
    wait_until(lambda: found(rows, heard) not in ([], [None]), seconds=30)
    return sender


def found(rows: Engine, query: object) -> list[object]:
    with Session(rows) as session:
        return list(session.scalars(query))  # type: ignore[call-overload]


def launch(stack: Stack, name: str, account: str, people: list[str]) -> str:
    body = {"type": "email", "name": name, "sender_account_ids": [account], "operating_hours": ALWAYS}
    made = stack.api("POST", "/campaigns", body | {"daily_limit": 500, "sequence_nodes": STEPS})
    campaign = str((made.get("campaign") or made)["id"])
    prospects = [{"email": one, "first_name": one.partition("@")[0].capitalize()} for one in people]
    stack.api("POST", f"/campaigns/{campaign}/prospects", {"prospects": prospects})
    stack.api("POST", f"/campaigns/{campaign}/launch")
    return campaign


def roster(stack: Stack, campaign: str) -> dict[str, dict[str, str]]:
    """Address -> the person, as the API tells of them."""
    people = stack.api("GET", f"/campaigns/{campaign}/prospects?limit=200")["prospects"]
    return {one["email"]: one for one in people}


def statuses(stack: Stack, campaign: str) -> dict[str, str]:
    return {address: one["status"] for address, one in roster(stack, campaign).items()}


def answer_to(mail: EmailMessage, text: str, **headers: str) -> bytes:
    """What a mail program makes of an answer to `mail`, or a machine for its owner."""
    answer = EmailMessage()
    ours = str(mail["Message-ID"])
    lines = {"From": mail["To"], "To": mail["From"], "Subject": f"Re: {mail['Subject']}"}
    lines |= {"Message-ID": make_msgid(domain="corp.test"), "In-Reply-To": ours, "References": ours}
    for name, value in (lines | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        answer[name] = str(value)
    quoted = "".join(f"> {line}\n" for line in mail.get_content().splitlines())
    answer.set_content(f"{text}\n\nOn Monday Sarah wrote:\n{quoted}")
    return answer.as_bytes()


def press_unsubscribe(mail: EmailMessage) -> None:
    """What a mail program does for its user (RFC 8058)."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = str(mail["List-Unsubscribe"]).strip("<>")
    with urllib.request.urlopen(url, data=b"List-Unsubscribe=One-Click", timeout=10) as taken:
        assert (taken.status, taken.read()) == (200, b"")


def let_a_day_pass(rows: Engine) -> None:
    """As if everything that runs had begun a day before."""
    with Session(rows) as session, session.begin():
        for person in session.scalars(select(Prospect).where(Prospect.due_at.is_not(None))):
            assert person.due_at is not None
            person.due_at -= timedelta(days=1)


def test_a_campaign_and_what_comes_back_from_it(stack: Stack, rows: Engine, mail_house: MailHouse) -> None:
    ann, bob, carla, dan = people = [f"{name}@corp.test" for name in ("ann", "bob", "carla", "dan")]
    gone = [f"nobody@{BOUNCING}"] if mail_house.bounces else []
    account = new_account(stack, rows, mail_house, SARAH, mail_house.smtp_port)
    campaign = launch(stack, "There and back", account, people + gone)
    first = {one: mail_house.wait_for(one, 1)[0] for one in people}

    mail_house.deliver(answer_to(first[ann], "Yes, let us talk."), SARAH)
    words = {"Subject": "Automatic reply: Hello Bob", "Auto_Submitted": "auto-replied"}
    mail_house.deliver(answer_to(first[bob], "I am out of the office.", **words), SARAH)
    press_unsubscribe(first[carla])
    ended = {ann: "replied", carla: "unsubscribed"} | dict.fromkeys(gone, "bounced")
    expected = {bob: "sent", dan: "sent"} | ended
    wait_until(lambda: statuses(stack, campaign) == expected, seconds=30)
    wait_until(lambda: found(rows, select(Prospect.email).where(Prospect.not_before.is_not(None))) == [bob])

    let_a_day_pass(rows)
    follow_up = mail_house.wait_for(dan, 2)[1]
    assert follow_up["Subject"] == "Re: Hello Dan"
    assert follow_up["In-Reply-To"] == follow_up["References"] == first[dan]["Message-ID"]
    wait_until(lambda: statuses(stack, campaign) == ended | {bob: "sent", dan: "completed"}, seconds=30)
    assert [len(mail_house.mails(one)) for one in people] == [1, 1, 1, 2]
    away = stack.api("GET", f"/campaigns/{campaign}/prospects/{roster(stack, campaign)[bob]['id']}/explain")
    assert away["gate"] == "delay"
    reasons = found(rows, select(Message.error).where(Message.status == "bounced"))
    assert ["5.1.1" in str(reason) for reason in reasons] == [True] * len(gone)
    stats = stack.api("GET", f"/campaigns/{campaign}")["campaign"]["stats"]
    assert [stats[name] for name in ("replied", "bounced", "unsubscribed")] == [1, len(gone), 1]


def test_whoever_answers_is_stopped_within_seconds(
    stack: Stack, rows: Engine, mail_house: MailHouse, smtp_sink: SmtpSink, capsys: pytest.CaptureFixture[str]
) -> None:
    account = new_account(stack, rows, mail_house, TOM, smtp_sink.port)
    launch(stack, "Stopped", account, [f"p{number}@stopped.test" for number in range(ANSWERS)])
    sent = smtp_sink.wait_for(ANSWERS, 60)
    took = sorted(_time_to_stop(rows, mail_house, mail.message, mail.rcpt_tos[0]) for mail in sent)
    p95 = took[int(ANSWERS * 0.95)]
    with capsys.disabled():
        print(f"\n{ANSWERS} answers, delivery to stopped: median {took[ANSWERS // 2]:.2f} s, p95 {p95:.2f} s")
    assert p95 <= 5


def _time_to_stop(rows: Engine, house: MailHouse, mail: EmailMessage, address: str) -> float:
    """Seconds from the delivery of an answer until nothing more is due for its writer."""
    began = time.monotonic()
    house.deliver(answer_to(mail, "Yes."), TOM)
    stopped = select(Prospect.id).where(
        Prospect.email == address, Prospect.status == "replied", Prospect.due_at.is_(None)
    )
    wait_until(lambda: found(rows, stopped), seconds=30)
    return time.monotonic() - began
