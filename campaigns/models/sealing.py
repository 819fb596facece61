"""Secrets at rest: sealed with a key that is not in the database."""

from cryptography.fernet import Fernet, InvalidToken


class Unsealable(Exception):
    """The sealing key is not the one that the secret was sealed with."""


def seal(key: str, secret: str | None) -> str | None:
    """The secret as it is stored; None for none."""
    return Fernet(key).encrypt(secret.encode()).decode() if secret else None


def unseal(key: str, sealed: str | None) -> str | None:
    """The secret itself. Raises Unsealable."""
    if sealed is None:
        return None
    try:
        return Fernet(key).decrypt(sealed.encode()).decode()
    except InvalidToken as wrong:
        raise Unsealable("The stored password cannot be read: enter it again.") from wrong
