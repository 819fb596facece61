"""A mail server that follows a script: what it answers at each phase, and where it goes silent or hangs up."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HANG_UP = "hang up"
SILENCE = "silence"
GREETING, HELLO, MAIL, RCPT, DATA, END = "greeting", "EHLO", "MAIL", "RCPT", "DATA", "end of data"

DEFAULTS = {
    GREETING: "220 ready",
    HELLO: "250 scripted",
    MAIL: "250 OK",
    RCPT: "250 OK",
    DATA: "354 go on",
    END: "250 taken as 7",
    "AUTH": "235 welcome",
    "RSET": "250 OK",
    "QUIT": "221 bye",
    "STARTTLS": "220 go on",
}


@dataclass
class Script:
    """`answers` overrides DEFAULTS by phase: a line, HANG_UP or SILENCE. `heard` are the lines that came.

    `letter_pause`: seconds between two letters of what is said by `answers`. `most_content`: bytes of a message after
    which the server does what `then` says.
    """

    answers: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None
    letter_pause: float = 0.0
    most_content: int | None = None
    then: str = HANG_UP

    def answer(self, phase: str) -> str:
        return self.answers.get(phase, DEFAULTS.get(phase, "502 what?"))

    def verbs(self) -> list[str]:
        return [line.split()[0].upper() for line in self.heard if line]


class _Gone(Exception):
    """The script says to hang up."""


class _Conversation:
    def __init__(self, script: Script, connection: socket.socket, released: threading.Event) -> None:
        self.script, self.connection, self.released = script, connection, released
        self.lines = connection.makefile("rb")

    def run(self) -> None:
        with suppress(_Gone, OSError):
            self.say(GREETING)
            while line := self.lines.readline():
                self.follow(line.decode("utf-8", "replace").strip())

    def follow(self, line: str) -> None:
        self.script.heard.append(line)
        verb = line.split()[0].upper() if line else ""
        verb = HELLO if verb == "HELO" else verb
        self.say(verb)
        if verb == DATA and self.script.answer(DATA).startswith("354"):
            self.script.messages.append(self.content())
            self.say(END)
        if verb == "STARTTLS" and self.script.tls:
            self.connection = self.script.tls.wrap_socket(self.connection, server_side=True)
            self.lines = self.connection.makefile("rb")
        if verb == "QUIT":
            raise _Gone

    def content(self) -> bytes:
        if self.script.most_content is not None:
            self.lines.read(self.script.most_content)
            self.obey(self.script.then)
        lines: list[bytes] = []
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                raise _Gone
            lines.append(line)
        return b"".join(lines)

    def say(self, phase: str) -> None:
        answer = self.script.answer(phase)
        self.obey(answer)
        # Lone surrogates stand for bytes that are no UTF-8.
        text = answer.encode("utf-8", "surrogateescape") + b"\r\n"
        if self.script.letter_pause and phase in self.script.answers:
            for letter in text:
                self.connection.sendall(bytes([letter]))
                self.released.wait(self.script.letter_pause)
        else:
            self.connection.sendall(text)

    def obey(self, order: str) -> None:
        """Hang up or be silent, if that is the order."""
        if order == HANG_UP:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            raise _Gone
        if order == SILENCE:
            self.released.wait(10)
            raise _Gone


@contextmanager
def serving(script: Script) -> Iterator[int]:
    """Follow `script` for every connection; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    released = threading.Event()
    conversations: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                script.connections += 1
                talk = threading.Thread(target=_talk, args=(script, connection, released), daemon=True)
                conversations.append(talk)
                talk.start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        released.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        for talk in conversations:
            talk.join(10)


def _talk(script: Script, connection: socket.socket, released: threading.Event) -> None:
    conversation = _Conversation(script, connection, released)
    try:
        conversation.run()
    finally:
        conversation.lines.close()
        conversation.connection.close()


Serving = Callable[[Script], Iterator[int]]
