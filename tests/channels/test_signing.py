"""Mail that is signed with a key of its domain, verified as a receiver does."""

import re
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from campaigns.channels.mime import write
from campaigns.channels.signing import DomainKey, make_key, relax_body, relax_header, sign
from campaigns.channels.smtp import Endpoint, SmtpChannel
from campaigns.rules.outgoing import Outgoing
from tests.channels.test_smtp import MAILED
from tests.servers import SmtpSink

PRIVATE, RECORD = make_key()
KEY = DomainKey("example.com", "cadenza", PRIVATE)
# What dkimpy 1.1.8 signed, and the key that it is verified with: our verifier has to know it for genuine.
FOREIGN_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAgIUtLcxdS62U8RvYY1Oq8f+A3T4pfQ0sbFXrTKugukdY2DGNNMQP/PpR"
    "Rx7tehcGKh+Cjz8CTjE4cHzyts2akMN2NisEQ6uUWSefOoDYB7JAO1oArePNDfQ1xWqZglgcqQX+CAv29PU/HUKS+n3uyZ3i1Kkn"
    "o0/Js587a8jCtgFmUD8XCYcpGxvOMU0eHkXZySYI1Jxd6rO6JdSQKOUedWUYj7VAf5Df6pTYx1iTz4cZJltCbWfR2gB+WS2P0J9f"
    "vuLwixIgOkq/WTdXnYWQUaUgnq+k0eTEeHARqCaUvhHeQQ6cgUAr/c/MeLWbT9LKmG3YMnlQ/8ZrCGT1uqo5uQIDAQAB"
)
FOREIGN = b"\r\n".join(
    (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;",
        b" i=@example.com; q=dns/txt; s=cadenza; t=1795532335; h=from : to :",
        b" subject : date : message-id : reply-to;",
        b" bh=T+UcHjUgcpdnskcrhBi6pj/qupLGsX35MsTMemIXDGs=;",
        b" b=XG4hfNKgzYtQf6vAjfHXPt6YHnPa6xQ1appoGmKHOf1RKlFH4yBRkQMtXCB4QpFQZcnQq",
        b" su0YV+zAhAxvQ4VNMrNCQCf0QORHizBPb60NzebaEaRDFcfwoVzhzP6sA4LCWAwpH5P0JR1",
        b" FVmEs9PsMgWtWnpurT3eST1/PTtgaYcMQxRZEdRnwvN5X5VVpIKcH83CllCHcUI4E8Dx2xy",
        b" TjCu2MwtNxukeeG4JYq02RwGUCWl3pF6IZLLMs3VnnuFwp96+WMO+jEC9uFFEK9lEDzp/4O",
        b" Xma3FCfO6W4ylMvZCIbo/yxUSPNuHopJ0nj4iH/0pCrYf+lhs+OL1JGLZANw==",
        b"From: =?utf-8?q?J=C3=B6rg?= <jorg@example.com>",
        b"To:  Ann  Lee <ann@corp.example>",
        b"Subject: A long",
        b" subject",
        b"Date: Mon, 02 Mar 2026 10:00:00 +0000",
        b"Message-ID: <1@example.com>",
        b"",
        b"Hi  Ann, ",
        b"",
        b"\tbye",
        b"",
        b"",
        b"",
    )
)


def tags_of(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in parts}


def is_genuine(mail: bytes, record: str = RECORD) -> bool:
    """What a receiver says who finds this record in the DNS (RFC 6376 section 6.1)."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    named = [(field.partition(b":")[0].strip().lower().decode(), field) for field in fields]
    signature = dict(named)["dkim-signature"]
    tags = tags_of(signature.partition(b":")[2].decode())
    assert (tags["v"], tags["a"], tags["c"], tags["d"]) == ("1", "rsa-sha256", "relaxed/relaxed", "example.com")
    signed = b""
    for name in tags["h"].split(":"):
        last = max((place for place, (own, _) in enumerate(named) if own == name), default=None)
        if last is not None:
            signed += relax_header(named.pop(last)[1]) + b"\r\n"
    signed += relax_header(re.sub(rb"(\bb=)[^;]*\Z", rb"\1", signature))
    public = load_der_public_key(b64decode(tags_of(record)["p"]))
    assert isinstance(public, RSAPublicKey)
    try:
        public.verify(b64decode(tags["b"]), signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return b64decode(tags["bh"]) == sha256(relax_body(body)).digest()


def test_the_verifier_knows_what_another_program_signed() -> None:
    record = f"v=DKIM1; p={FOREIGN_KEY}"
    assert is_genuine(FOREIGN, record)
    assert not is_genuine(FOREIGN.replace(b"bye", b"buy"), record)
    assert not is_genuine(FOREIGN.replace(b"Lee", b"Leo"), record)


def test_what_is_signed_is_the_standards_own_example() -> None:
    """RFC 6376 section 3.4.5."""
    assert relax_header(b"A: X") == b"a:X"
    assert relax_header(b"B : Y\t\r\n\tZ  ") == b"b:Y Z"
    assert relax_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"
    assert relax_body(b"\r\n") == relax_body(b"") == b""


LETTERS = [
    MAILED,
    replace(MAILED, subject="Grüße aus Köln", body="Hallo Jörg,\n\nschöne Grüße\n", from_name="Jörg Müller"),
    replace(MAILED, references=("<a@example.com>",), reply_to="team@example.com"),
    replace(MAILED, unsubscribe="https://out.example.com/u/TOKEN", pixel="https://out.example.com/o/T.gif"),
    replace(MAILED, body="x" * 5000 + "\n.\n.."),
]


@pytest.mark.parametrize("outgoing", LETTERS, ids=["plain", "of other letters", "answer", "with links", "long"])
def test_a_receiver_finds_the_signature_genuine(outgoing: Outgoing) -> None:
    signed = sign(write(outgoing), KEY)
    assert is_genuine(signed)
    assert PRIVATE.splitlines()[1].encode() not in signed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: Hello", b"Subject: Buy"),
        (b"Hi Ann!", b"Hi Eve!"),
        (b"\r\nDate:", b"\r\nReply-To: eve@evil.test\r\nDate:"),
        (b"/u/TOKEN>", b"/u/OTHER>"),
    ],
)
def test_whatever_is_changed_on_the_way_is_found_out(old: bytes, new: bytes) -> None:
    signed = sign(write(LETTERS[3] if b"TOKEN" in old else MAILED), KEY)
    assert old in signed
    assert not is_genuine(signed.replace(old, new))


def test_another_key_does_not_verify_it() -> None:
    assert not is_genuine(sign(write(MAILED), KEY), make_key()[1])


def test_a_key_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="PEM"):
        sign(write(MAILED), replace(KEY, private="no key"))


def test_what_arrives_at_the_server_is_signed(smtp_sink: SmtpSink) -> None:
    with SmtpChannel(Endpoint("127.0.0.1", smtp_sink.port, "none", key=KEY)) as channel:
        channel.send(LETTERS[4])
        channel.send(replace(MAILED, message_id="<second@example.com>"))
    for mail in smtp_sink.wait_for(2):
        assert is_genuine(mail.content)
