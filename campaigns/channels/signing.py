"""Signing mail with a key of its domain (DKIM, RFC 6376: rsa-sha256, relaxed/relaxed)."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

# What receivers can verify (RFC 8301 asks for no less), and the DNS can hold.
BITS = 2048
# Headers that are signed, there or not, and those that may be there but once: whatever is added on the way breaks the
# signature. One-click unsubscribing has to be signed (RFC 8058 section 4).
SIGNED = (
    *("from", "from", "to", "to", "subject", "subject", "date", "message-id", "reply-to", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post"),
)
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = "\r\n "


@dataclass(frozen=True)
class DomainKey:
    """A domain's key: its public half is published under `selector`, `private` is PEM."""

    domain: str
    selector: str
    private: str = field(repr=False)


def make_key() -> tuple[str, str]:
    """A new private key, and the record that its public half is published in."""
    private = generate_private_key(public_exponent=65_537, key_size=BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode(), f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


def sign(mail: bytes, key: DomainKey) -> bytes:
    """The mail, its lines ended by CRLF, with its signature before it. Raises ValueError for a key that is none."""
    private = load_pem_private_key(key.private.encode(), None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("the domain's key is no RSA key")
    head, _, body = mail.partition(b"\r\n\r\n")
    tags = (
        "v=1; a=rsa-sha256; c=relaxed/relaxed",
        f"d={key.domain.encode('idna').decode()}; s={key.selector}",
        f"h={':'.join(SIGNED[:9])}:{_FOLD}{':'.join(SIGNED[9:])}",
        f"bh={_base64(sha256(relax_body(body)).digest())}",
        "b=",
    )
    signature = f"DKIM-Signature: {f';{_FOLD}'.join(tags)}"
    signed = b"".join([*_chosen(head), relax_header(signature.encode())])
    value = _base64(private.sign(signed, PKCS1v15(), SHA256()))
    chunks = _FOLD.join(value[start : start + 72] for start in range(0, len(value), 72))
    return f"{signature}{chunks}\r\n".encode() + mail


def _chosen(head: bytes) -> list[bytes]:
    """The headers that are signed, in the order of SIGNED, as they are signed."""
    fields = {line.partition(b":")[0].strip().lower().decode(): line for line in re.split(rb"\r\n(?![ \t])", head)}
    return [relax_header(fields.pop(name)) + b"\r\n" for name in SIGNED if name in fields]


def relax_header(line: bytes) -> bytes:
    """A header as it is signed, however it is folded and spaced (section 3.4.2)."""
    name, _, value = line.partition(b":")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip()


def relax_body(body: bytes) -> bytes:
    """A body as it is signed: blanks, and empty lines at its end, do not count (section 3.4.4)."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()
