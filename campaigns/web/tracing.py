"""What a request is about, by the ids in its address, for whatever is logged while it is answered."""

from flask import Flask, g, request

from campaigns.rules.tracing import FIELDS, about


def register(app: Flask) -> None:
    """From before the first guard until the answer is made, however that ends."""
    app.before_request(begin)
    app.teardown_request(end)


def begin() -> None:
    """Views name the parts of their addresses as the log names its fields."""
    ids = {name: one for name, one in (request.view_args or {}).items() if name in FIELDS}
    g.tracing = about(**ids)
    g.tracing.__enter__()


def end(_error: BaseException | None) -> None:
    """The thread answers somebody else next."""
    if "tracing" in g:
        g.pop("tracing").__exit__(None, None, None)
