"""A plot with logarithmic axes as SVG, readable on a light and on a dark page."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from tests.bench.figures import count

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 84, 210, 48, 60
# Text that is nearer to each other than this cannot be read.
LINE = 17
# Told apart by people who see colours differently; each in a shade for light and one for dark.
COLOURS = (
    ("#0062a3", "#5cb3f2"), ("#b3470d", "#ff9d5c"), ("#6f7378", "#a6abb2"), ("#8a2f86", "#e08cdc"),
    ("#1d7a4b", "#5fcf94"), ("#a3142e", "#ff8095"), ("#7a6400", "#e0c34d"), ("#3f4fb5", "#a3aef5"),
)  # fmt: skip

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points of one thing; with `dashed`, some of them were scaled and not measured."""

    name: str
    points: Sequence[Point]
    dashed: bool = False


def svg(title: str, x_title: str, y_title: str, series: Sequence[Series]) -> str:
    """The picture. Sleepers to the right, seconds upwards, both by powers of ten."""
    axes = _Axes([point for one in series for point in one.points])
    drawn = [_line(axes, number, one) for number, one in enumerate(series)]
    labels = _labels(axes, series)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        _style(len(series)),
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>',
        *axes.grid(),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 16}" text-anchor="middle">{escape(x_title)}</text>',
        f'<text x="20" y="{middle}" text-anchor="middle" transform="rotate(-90 20 {middle})">{escape(y_title)}</text>',
        *drawn,
        *labels,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axes:
    """Where a point lies in the picture."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._x = _decades([x for x, _ in points])
        self._y = _decades([y for _, y in points])

    def place(self, point: Point) -> Point:
        """Pixels from the left and from the top."""
        x = LEFT + (log10(point[0]) - self._x[0]) / (self._x[1] - self._x[0]) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (log10(point[1]) - self._y[0]) / (self._y[1] - self._y[0]) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    def grid(self) -> list[str]:
        """A line for each power of ten."""
        found = []
        for power in range(self._x[0], self._x[1] + 1):
            x, _ = self.place((10.0**power, 10.0 ** self._y[0]))
            found.append(f'<path class="grid" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
            words = f'text-anchor="middle">{count(10.0**power)}</text>'
            found.append(f'<text class="tick" x="{x}" y="{HEIGHT - BOTTOM + 18}" {words}')
        for power in range(self._y[0], self._y[1] + 1):
            _, y = self.place((10.0 ** self._x[0], 10.0**power))
            found.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
            found.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{_tidy(10.0**power)}</text>')
        return found


def _tidy(value: float) -> str:
    return f"{value:,.0f} s" if value >= 1 else f"{value * 1000:g} ms"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    least, most = floor(log10(min(values)) + 1e-9), ceil(log10(max(values)) - 1e-9)
    return least, max(most, least + 1)


def _line(axes: _Axes, number: int, one: Series) -> str:
    places = [axes.place(point) for point in one.points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dash = ' stroke-dasharray="6 5"' if one.dashed else ""
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="4"/>' for x, y in places)
    return f'<g class="s{number}"><path class="line" d="{path}"{dash}/>{dots}</g>'


def _labels(axes: _Axes, series: Sequence[Series]) -> list[str]:
    """The names to the right of the picture, in the order of their last points, each joined to its own."""
    # Of those at one height the nearest comes first, so that the joining lines do not cross.
    ends = sorted(
        (round(y / LINE), -x, y, number) for number, one in enumerate(series) for x, y in [axes.place(one.points[-1])]
    )
    x, found, last = WIDTH - RIGHT + 22, [], 0.0
    room = HEIGHT - BOTTOM - LINE * (len(ends) - 1)
    for order, (_, _, wanted, number) in enumerate(ends):
        y = max(min(wanted, room + LINE * order), last + LINE)
        last, (from_x, from_y) = y, axes.place(series[number].points[-1])
        found.append(f'<path class="leader" d="M{from_x + 6} {from_y}L{x - 4} {y}"/>')
        found.append(f'<text class="name s{number}" x="{x}" y="{y + 4}">{escape(series[number].name)}</text>')
    return found


def _style(count_: int) -> str:
    light = "".join(f".s{n}{{--ink:{COLOURS[n % len(COLOURS)][0]}}}" for n in range(count_))
    dark = "".join(f".s{n}{{--ink:{COLOURS[n % len(COLOURS)][1]}}}" for n in range(count_))
    return (
        "<style>"
        "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}"
        ".title{font-size:15px;font-weight:600}.tick{font-size:12px;fill:#59636e}.page{fill:#fff}"
        ".grid{stroke:#d1d9e0;fill:none}.leader{stroke:#9aa4ae;fill:none;stroke-width:.8}"
        ".line{stroke:var(--ink);fill:none;stroke-width:2}circle{fill:var(--ink)}.name{fill:var(--ink)}"
        f"{light}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.tick{fill:#9198a1}.page{fill:#0d1117}"
        f".grid{{stroke:#30363d}}.leader{{stroke:#656c76}}.name{{fill:var(--ink)}}{dark}}}"
        "</style>"
    )
