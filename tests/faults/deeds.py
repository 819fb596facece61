"""What the outside world remembers of a storm: what was done to whom, and what it left its sender in doubt about."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Deed:
    """One mail, invitation or message that was taken. Instants are wall-clock seconds: `began` when it was offered,
    `at` when it was taken.

    `name` tells it from all others: a mail's Message-ID, or `name_of` a LinkedIn step. `subject` is the campaign's name
    and the number of the step; a LinkedIn step says nothing else.
    """

    began: float
    at: float
    sender: str
    recipient: str
    name: str
    subject: str

    @property
    def campaign(self) -> str:
        """The name of its campaign."""
        return self.subject.rpartition(" ")[0]

    @property
    def step(self) -> str:
        """The number of its step."""
        return self.subject.rpartition(" ")[2]


@dataclass(frozen=True)
class Doubt:
    """A deed whose sender was left without a readable answer after handing it over; it may have been taken."""

    at: float
    name: str


def name_of(recipient: str, text: str | None) -> str:
    """What a LinkedIn step to this profile is called."""
    return f"{recipient} {text}"
