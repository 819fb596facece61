"""Whatever bytes a mailbox holds, reading them raises nothing and ends soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.channels.reading import KINDS, MOST_BYTES, OUT_OF_OFFICE, REPLY, Letter, read
from tests.channels.corpus import EXPECTED, FOLDER, NOW, US

MAILS = [(FOLDER / name).read_bytes() for name in EXPECTED]
HEAD = b"From: Ann <ann@example.com>\r\nTo: sarah.chen@northwind.test\r\nSubject: Re: hello\r\n"
DAEMON = b"From: mailer-daemon@example.com\r\nReturn-Path: <>\r\nSubject: failure notice\r\n"
HTML = HEAD + b"Content-Type: text/html\r\n\r\n"
# Seconds within which even a hostile mail is read; the worst that was found takes a third of it on a quiet machine.
PATIENCE = 5
SPLINTERS = [
    b"\0",
    b"\r\n\r\n",
    b"\xff\xfe",
    b"=?utf-8?b?=====?=",
    b"=?idna?q?x?= =?",
    b"<<<@>>>",
    b"\r\nContent-Type: message/rfc822\r\n\r\n",
    b"; name*=a; name*0=b",
    b"\r\nContent-Type: multipart/report; boundary=\r\n\r\n--",
    b"\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n",
    b'; charset="punycode"',
    b"\r\nDate: Mon, 99 Foo 99999 99:99:99 +999999\r\n",
    b"-2147483648",
    b"9999-99-99",
    b"\\ud800",
]


def nested(levels: int, kind: bytes) -> bytes:
    return HEAD + b"".join(
        b"Content-Type: %s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, level, level) for level in range(levels)
    )


BOMBS = {
    "parts within parts, as many as are followed": nested(24, b"multipart/mixed") + b"a\n" * 120_000,
    "parts within parts, far more": nested(4_000, b"multipart/mixed"),
    "messages within messages": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 8_000,
    "parts side by side": HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\n\n" * 50_000,
    "parameters without an end": HEAD + b"Content-Type: text/plain" + b";" * 250_000 + b"\r\n\r\nx",
    "a header of 1 MB": HEAD + b"References: " + b"<a@b> " * 180_000 + b"\r\n\r\nx",
    "very many headers": HEAD + b"a:\n" * 80_000,
    "encoded words that never end": HEAD + b"X: y\r\nSubject: " + b"=?utf-8?q?" * 25_000 + b"\r\n\r\n",
    "comments within comments": b"From: " + b"(" * 200_000 + b"\r\n\r\n",
    "addresses without an end": b"From: " + b"a@" * 100_000 + b"\r\n\r\n",
    "50 MB": HEAD + b"\r\n" + b"x" * 50_000_000,
    "nothing but NUL": b"\0" * 1_000_000,
    "tags that never end": HTML + b"<a " * 85_000,
    "comments that never end": HTML + b"<!--" * 60_000,
    "declarations that are none": HTML + b"<![" * 80_000,
    "quotations within quotations": HTML + b"<blockquote>" * 20_000 + b"x",
    "quotation marks": HEAD + b"\r\n" + b">" * 250_000,
    "lines about who wrote": HEAD + b"\r\n" + b"12:00 <a@b.c> wrote :\n" * 11_000,
    "punycode": HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"b" * 250_000,
    "reply codes": DAEMON + b"\r\n" + b"550 5.1." * 30_000,
    "words of refusal": DAEMON + b"\r\n" + b"user mailbox. unknown address " * 8_000,
    "addresses that failed": DAEMON + b"\r\n" + b"Final-Recipient: rfc822; a@b.c\n\n" * 7_000,
    "blocks of a report": DAEMON
    + b"Content-Type: multipart/report; boundary=a\r\n\r\n--a\nContent-Type: message/delivery-status\n\n"
    + b"a:b\n\n" * 50_000,
    "dates": HEAD + b"Auto-Submitted: auto-replied\r\n\r\nout of office until " + b"until 4.12. 1/2 " * 15_000,
}


def read_any(raw: bytes) -> Letter:
    letter = read(raw, own_addresses={US}, now=NOW)
    assert letter.kind in KINDS
    for text in (
        letter.text,
        letter.subject,
        letter.from_name,
        letter.from_address,
        letter.recipient or "",
        *letter.answers,
    ):
        assert "\0" not in text
        text.encode()  # halves of characters cannot be kept in a database
    assert len(letter.answers) <= 300
    return letter


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_soon(name: str) -> None:
    began = time.monotonic()
    read_any(BOMBS[name])
    assert time.monotonic() - began < PATIENCE


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mail_that_was_garbled_on_its_way_raises_nothing(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(MAILS))
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
        what = data.draw(st.sampled_from(["cut", "again", "splinter", "bytes"]))
        middle = {
            "cut": b"",
            "again": raw[start:end] * 2,
            "splinter": data.draw(st.sampled_from(SPLINTERS)),
            "bytes": data.draw(st.binary(max_size=20)),
        }[what]
        raw = raw[:start] + middle + raw[end if what == "cut" else start :]
    read_any(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_mail_raise_nothing(raw: bytes) -> None:
    read_any(raw)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type", "Content-Disposition"]
    ),
    st.one_of(st.binary(max_size=200), st.text(alphabet="=?-_*;\"'<>()@,:\\ abQ08\u00e9", max_size=80).map(str.encode)),
)
def test_nonsense_in_a_header_raises_nothing(name: str, value: bytes) -> None:
    read_any(name.encode() + b": " + value + b"\r\nAuto-Submitted: auto-replied\r\n\r\nout of office until 99.99.")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_mail_that_was_cut_off_is_still_read(name: str) -> None:
    raw = (FOLDER / name).read_bytes()
    for part in range(8):
        read_any(raw[: len(raw) * part // 8])


def test_an_answer_is_read_before_an_attachment_of_50_mb_and_nothing_after_it() -> None:
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nSee the film.\r\n"
        + b"--a\r\nContent-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJD" * 12_500_000
        + b"\r\n--a\r\n\r\nAnd tell me.\r\n--a--\r\n"
    )
    whole = read_any(raw)
    assert whole == read_any(raw[:MOST_BYTES])
    assert (whole.kind, whole.text) == (REPLY, "See the film.")


def test_an_absence_with_an_impossible_date_has_no_end() -> None:
    letter = read_any(HEAD + b"Auto-Submitted: auto-replied\r\n\r\nI am out of the office until 31 February.")
    assert (letter.kind, letter.until) == (OUT_OF_OFFICE, None)
