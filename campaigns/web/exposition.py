"""Numbers in the text format of Prometheus, version 0.0.4."""

from collections.abc import Iterable, Mapping

from campaigns.metering import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, object]


def _escaped(text: object, *, quotes: bool) -> str:
    plain = str(text).replace("\\", r"\\").replace("\n", r"\n")
    return plain.replace('"', r"\"") if quotes else plain


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(text, quotes=True)}"' for label, text in labels.items())
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


class Exposition:
    """Families of numbers, one after another."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, kind: str, what: str, samples: Iterable[tuple[Labels, float]]) -> None:
        """A family: `kind` is gauge or counter, `what` a sentence about it."""
        self._head(name, kind, what)
        self._lines += [_sample(name, labels, value) for labels, value in samples]

    def gauge(self, name: str, what: str, value: float) -> None:
        """A family of one number."""
        self.add(name, "gauge", what, [({}, value)])

    def histogram(self, name: str, what: str, numbers: Histogram) -> None:
        """A family of numbers that count durations."""
        self._head(name, "histogram", what)
        for upto, count in numbers.upto:
            self._lines.append(_sample(f"{name}_bucket", {"le": "+Inf" if upto is None else upto}, count))
        self._lines += [_sample(f"{name}_sum", {}, numbers.seconds), _sample(f"{name}_count", {}, numbers.count)]

    def _head(self, name: str, kind: str, what: str) -> None:
        self._lines += [f"# HELP {name} {_escaped(what, quotes=False)}", f"# TYPE {name} {kind}"]

    def __str__(self) -> str:
        return "\n".join([*self._lines, ""])
