"""Mail that comes back is taken for what it is, and what its writer says is told from what is quoted."""

from datetime import date

import pytest

from campaigns.channels.reading import (
    AUTO_REPLY,
    HARD_BOUNCE,
    KINDS,
    OUT_OF_OFFICE,
    REPLY,
    SOFT_BOUNCE,
    Letter,
    read,
)
from tests.channels import corpus
from tests.channels.corpus import EXPECTED, FOLDER, NOW, US, read_mail


def written(text: str) -> Letter:
    return read(text.encode(), own_addresses={US}, now=NOW)


def test_every_mail_of_the_corpus_has_an_expectation() -> None:
    assert {path.name for path in FOLDER.glob("*.eml")} == EXPECTED.keys()
    assert len(EXPECTED) >= 70
    assert {row["kind"] for row in EXPECTED.values()} == set(KINDS)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_mail_is_taken_for_what_it_is(name: str) -> None:
    expected, found = EXPECTED[name], read_mail(name)
    assert found.kind == expected["kind"]
    for fact in ("recipient", "status"):
        if fact in expected:
            assert getattr(found, fact) == expected[fact]
    assert found.delayed == expected.get("delayed", False)
    assert found.until == expected.get("until")
    answers = expected.get("answers", [])
    assert list(found.answers[: len(answers)]) == answers
    assert found.fresh.startswith(expected.get("fresh", ""))


@pytest.mark.parametrize("name", [name for name, row in EXPECTED.items() if row["kind"] == REPLY])
def test_what_we_wrote_is_folded_away_in_an_answer(name: str) -> None:
    found = read_mail(name)
    assert "month-end take you" not in found.fresh
    assert "Sarah Chen" not in found.fresh


def test_the_page_of_figures_is_fresh() -> None:
    """`make docs` writes it anew."""
    assert corpus.PAGE.read_text(encoding="utf-8") == corpus.page()


def test_a_person_is_never_taken_for_a_machine_for_one_weak_sign() -> None:
    mail = "From: ann@example.com\nTo: sarah.chen@northwind.test\nSubject: Re: hello\n{}\n\nYes, please call me.\n"
    assert written(mail.format("X-Auto-Response-Suppress: All")).kind == REPLY
    assert written(mail.format("Precedence: bulk\nIn-Reply-To: <1@northwind.test>")).kind == REPLY
    assert written(mail.format("Auto-Submitted: no")).kind == REPLY
    both = "X-Auto-Response-Suppress: All\nPrecedence: bulk\nIn-Reply-To: <1@northwind.test>"
    assert written(mail.format(both)).kind == AUTO_REPLY


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "550 5.1.1 User unknown", HARD_BOUNCE),
        ("5.0.0", "550 5.1.1 User unknown", HARD_BOUNCE),
        ("5.1.1", "552 5.2.2 Over quota", SOFT_BOUNCE),
        ("5.1.1", "550 5.7.1 IP address blacklisted by recipient", SOFT_BOUNCE),
        ("5.7.1", "554 5.7.1 Message rejected as spam", SOFT_BOUNCE),
        ("5.7.1", "550 5.7.1 No such user here", HARD_BOUNCE),
        ("5.7.1", "550 5.7.1 Unable to relay", SOFT_BOUNCE),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", HARD_BOUNCE),
        ("5.2.1", "550 5.2.1 The user is receiving mail at a rate that is too high", SOFT_BOUNCE),
        ("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable", HARD_BOUNCE),
        ("5.0.0", "554 Transaction failed", SOFT_BOUNCE),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", SOFT_BOUNCE),
        ("4.1.1", "450 4.1.1 User unknown", SOFT_BOUNCE),
        ("5.4.4", "Host or domain name not found", HARD_BOUNCE),
        ("5.4.6", "554 5.4.6 Hop count exceeded - possible mail loop", SOFT_BOUNCE),
    ],
)
def test_a_bounce_is_hard_only_if_the_address_is_what_is_wrong(status: str, words: str, kind: str) -> None:
    report = (
        "From: mailer-daemon@example.com\nContent-Type: multipart/report; boundary=b\n\n--b\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
        f"Final-Recipient: rfc822; Ann@Example.com\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"
    )
    found = written(report)
    assert (found.kind, found.recipient, found.diagnostic) == (kind, "ann@example.com", words)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("I am away until 4 December.", date(2026, 12, 4)),
        ("I am away until Friday, Dec. 4th, 2026.", date(2026, 12, 4)),
        ("Away from 24 November to 4 December, then back on 7 December.", date(2026, 12, 7)),
        ("Away 30/11 - 04/12.", date(2026, 12, 4)),
        ("Away until 2026-12-04.", date(2026, 12, 4)),
        ("Away until 04/12/2026.", None),
        ("I do not read my mail until 04/12/2026.", None),
        ("Away until 12/25/2026.", date(2026, 12, 25)),
        ("Away until 5 January.", date(2027, 1, 5)),
        ("Away since 4 November.", None),
        ("Away. Our fair opens on 4 December.", None),
        ("Away until 1 March 2030.", None),
        ("Abwesend bis Mo. 7.12.", date(2026, 12, 7)),
        ("Abwesend. Am 7. Dezember bin ich wieder da.", date(2026, 12, 7)),
        ("Je suis absent jusqu'au 4/12/2026.", date(2026, 12, 4)),
        ("Absent du lundi 23 nov. au vendredi 4 déc.", date(2026, 12, 4)),
        ("Ausente hasta el martes 1 de diciembre.", date(2026, 12, 1)),
        ("Sono assente fino al 4 dicembre.", date(2026, 12, 4)),
        ("Afwezig tot en met maandag 7 december.", date(2026, 12, 7)),
        ("Ausente até 4 de dezembro de 2026.", date(2026, 12, 4)),
        ("12月4日まで不在です。", date(2026, 12, 4)),
    ],
)
def test_an_absence_ends_on_the_day_that_it_names_for_certain(text: str, until: date | None) -> None:
    found = written(f"From: ann@example.com\nSubject: absent\nAuto-Submitted: auto-replied\n\nOut of office. {text}\n")
    assert (found.kind, found.until) == (OUT_OF_OFFICE, until)


def test_the_ids_of_a_thread_are_all_found_and_each_once() -> None:
    ids = "In-Reply-To: Your mail of Monday <2@x.test>\nReferences: <1@x.test>\n <2@x.test>"
    found = written(f"From: Ann <ANN@Example.com>\nCc: b@x.test\nTo: A <a@x.test>, b@x.test\n{ids}\n\nYes.\n")
    assert found.answers == ("<2@x.test>", "<1@x.test>")
    assert (found.from_name, found.from_address, found.to) == ("Ann", "ann@example.com", ("a@x.test", "b@x.test"))


def test_a_postmaster_who_answers_is_a_person() -> None:
    mail = (
        "From: postmaster@example.org\nSubject: {}Delivery failures at your company?\n\nSome could not be delivered.\n"
    )
    assert written(mail.format("Re: ")).kind == REPLY
    assert written(mail.format("")).kind == SOFT_BOUNCE
