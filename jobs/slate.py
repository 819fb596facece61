"""A slate that a worker and the jobs it forks can both write on and read."""

import mmap

SLATE_BYTES = 2048


class Slate:
    """Two short texts at most: a sentence and its detail. Memory that a fork shares instead of copying it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLATE_BYTES)

    def write(self, sentence: str, detail: str) -> None:
        """Leave word for the other process; what does not fit is cut off."""
        text = f"{sentence}\n{' '.join(detail.split())}".encode()[: SLATE_BYTES - 1]
        self._memory[: len(text) + 1] = text + b"\0"

    def read(self) -> tuple[str, str] | None:
        """What was written since the last `wipe`."""
        text = self._memory[:].partition(b"\0")[0].decode("utf-8", "ignore")
        sentence, _, detail = text.partition("\n")
        return (sentence, detail) if sentence else None

    def wipe(self) -> None:
        """Nothing is on it any more."""
        self._memory[:1] = b"\0"
