"""What a message carries beside its text: where to say no, where answers go, the picture that tells of an open."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from random import Random

import pytest

from campaigns.channels import mime
from campaigns.channels.mime import write
from campaigns.rules.outgoing import Outgoing
from tests.make import NOW

PLAIN = Outgoing(
    "Sarah Chen", "sarah@ours.example", "Ann", "ann@corp.example", "Hello", "Hi Ann\n", "<1@ours.example>", NOW
)
NO = "https://mail.example/u/abc-_123"
PIXEL = "https://mail.example/o/abc.gif"


def read(outgoing: Outgoing) -> EmailMessage:
    return message_from_bytes(write(outgoing), policy=policy.default)


def html_of(outgoing: Outgoing) -> str:
    part = read(outgoing).get_body(("html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_mail_program_can_say_no_with_one_click() -> None:
    mail = read(replace(PLAIN, unsubscribe=NO))
    assert mail["List-Unsubscribe"] == f"<{NO}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "List-Unsubscribe" not in read(PLAIN)


def test_answers_go_where_the_account_wants_them() -> None:
    assert read(replace(PLAIN, reply_to="office@ours.example"))["Reply-To"] == "office@ours.example"
    assert "Reply-To" not in read(PLAIN)


def test_without_a_picture_there_is_nothing_but_text() -> None:
    assert read(PLAIN).get_content_type() == "text/plain"


def test_with_a_picture_the_same_text_comes_twice() -> None:
    mail = read(replace(PLAIN, body="Hi Ann,\n\ngrüße\n", pixel=PIXEL))
    assert mail.get_content_type() == "multipart/alternative"
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == ["Hi Ann,", "", "grüße"]
    html = html_of(replace(PLAIN, body="Hi Ann,\n\ngrüße\n", pixel=PIXEL))
    assert "<div>Hi Ann,<br>\n<br>\ngrüße</div>" in html
    assert f'<img src="{PIXEL}"' in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>bold</b> & more", "&lt;b&gt;bold&lt;/b&gt; &amp; more"),
        ('"><script>alert(1)</script>', "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
        (
            "see https://a.example/x?a=1&b=2.",
            'see <a href="https://a.example/x?a=1&amp;b=2">https://a.example/x?a=1&amp;b=2</a>.',
        ),
        ('"https://a.example/x"', '&quot;<a href="https://a.example/x">https://a.example/x</a>&quot;'),
        ("(http://a.example/)", '(<a href="http://a.example/">http://a.example/</a>)'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://a.example/'onclick='x", '<a href="https://a.example/&#x27;onclick=&#x27;x">'),
        ("  indented", "&nbsp; indented"),
    ],
)
def test_text_stays_text_and_links_can_be_followed(text: str, shown: str) -> None:
    assert shown in html_of(replace(PLAIN, body=text, pixel=PIXEL))


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://x.example/ y", "https://x.example/>\r\nBcc: a@b.example", ""]
)
def test_no_link_ends_a_header_early(link: str) -> None:
    if link:
        with pytest.raises(ValueError, match="not a link"):
            write(replace(PLAIN, unsubscribe=link))
    with pytest.raises(ValueError, match="is not an address"):
        write(replace(PLAIN, reply_to=f"a@b.example\r\nBcc: c@d.example{link}"))


PIECES = ("a", "b", " ", "\n", "\n\n", "\t", "x" * 70, "x" * 78, "From ", ".", "\r", "\x0c", "é", "=")


@pytest.mark.parametrize("seed", range(3))
def test_a_plain_text_goes_out_as_the_standard_library_would_send_it(seed: int) -> None:
    """Most texts take a short way there."""
    chance = Random(seed)
    for _ in range(300):
        body = "".join(chance.choices(PIECES, k=chance.randrange(10))) + chance.choice(["", "\n"])
        outgoing = replace(PLAIN, body=body)
        assert write(outgoing).endswith(b"\r\n" + mime._content(outgoing).as_bytes())
