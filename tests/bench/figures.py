"""The arithmetic of measuring."""

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("nothing was measured")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


def median(values: Sequence[float]) -> float:
    """The value in the middle; the lower one of two."""
    return percentile(values, 50)


def spread(values: Sequence[float]) -> dict[str, float]:
    """What is kept of many values: `rounds`, `p50`, `p95`, `p99` and the largest."""
    kept = {f"p{percent}": percentile(values, percent) for percent in (50, 95, 99)}
    return {"rounds": len(values), **kept, "max": max(values)}


def seconds(value: float) -> str:
    """A time for people: 0.8 ms, 12 ms, 3.4 s, 12 min, 2.5 h."""
    if value < 0.01:
        return f"{value * 1000:.1f} ms"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 600:
        return f"{value:.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def count(value: float) -> str:
    """A number of people for people: 1,000, 1 M."""
    return f"{value / 1_000_000:g} M" if value >= 1_000_000 else f"{value:,.0f}"
