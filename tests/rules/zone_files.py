"""The time zone data itself, read without zoneinfo: what tests of hours compare with."""

import struct
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH


def changes(name: str) -> list[int]:
    """The seconds since 1970 at which a zone's offset changes, from its file (RFC 8536, 64-bit part)."""
    data = _zone_file(name)
    start = _second_part(data)
    times, types = struct.unpack_from(">2l", data, start - 12)
    instants = struct.unpack_from(f">{times}q", data, start)
    kinds = struct.unpack_from(f">{times}B", data, start + times * 8)
    offsets = [struct.unpack_from(">l", data, start + times * 9 + kind * 6)[0] for kind in range(types)]
    seen = [offsets[0], *(offsets[kind] for kind in kinds)]
    return [instant for instant, (old, new) in zip(instants, pairwise(seen), strict=True) if old != new]


def _second_part(data: bytes) -> int:
    """Where the 64-bit body begins: behind two headers of 44 bytes and the 32-bit body."""
    isutc, isstd, leaps, times, types, chars = struct.unpack_from(">6l", data, 20)
    return 44 + times * 5 + types * 6 + chars + leaps * 8 + isstd + isutc + 44


def _zone_file(name: str) -> bytes:
    for folder in TZPATH:
        if (path := Path(folder, name)).is_file():
            return path.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
