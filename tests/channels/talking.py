"""A server that says the same to whoever asks, as fast or slowly as it likes."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def _hear_out(line: socket.socket) -> None:
    """The whole request: whoever hangs up on what was not read makes the other lose the answer."""
    heard = b""
    while b"\r\n\r\n" not in heard and (more := line.recv(65_536)):
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    length = int(found[1]) if (found := _LENGTH.search(head)) else 0
    while len(body) < length and (more := line.recv(65_536)):
        body += more


@contextmanager
def talking(said: bytes, *, pause: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Its address. `pause`: seconds between two of its letters."""
    released = threading.Event()

    def talk(connection: socket.socket) -> None:
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as line:
            _hear_out(line)
            if not pause:
                line.sendall(said)
                return
            for letter in said:
                line.sendall(bytes([letter]))
                if released.wait(pause):
                    return

    def serve() -> None:
        talks = []
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                talks.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                talks[-1].start()
        for one in talks:
            one.join(10)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            released.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
