"""Meters: how long wake-ups took, added up as they end, so that whoever watches reads a few rows and no history."""

from sqlalchemy import BigInteger
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from campaigns.models.base import Base

# Upper bounds in milliseconds: around the promise of CONTRACT section 5, which is 1 s, and the 30 s of others.
BOUNDS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)
# Stands for no bound at all; a key has no infinity.
BEYOND = 2_000_000_000


class WakeUpMeter(Base):
    """How many wake-ups took at most `upto_ms`, and longer than the bound before it; `total_ms` of them together."""

    __tablename__ = "wake_up_meter"

    upto_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(BigInteger)
    total_ms: Mapped[int] = mapped_column(BigInteger)


def count_wake_up(session: Session, duration_ms: int) -> None:
    """One more wake-up that has ended. Its row is the last thing to be locked: nobody waits in a circle."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    bound = next((bound for bound in BOUNDS if duration_ms <= bound), BEYOND)
    one = dialect.insert(WakeUpMeter).values(upto_ms=bound, n=1, total_ms=duration_ms)
    more = {"n": WakeUpMeter.n + 1, "total_ms": WakeUpMeter.total_ms + duration_ms}
    session.execute(one.on_conflict_do_update(index_elements=["upto_ms"], set_=more))
