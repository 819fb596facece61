"""A clean database for each test, on SQLite and on PostgreSQL in turn, and what tests look at in it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session, sessionmaker

from campaigns.models import Base, Bell, connect, session_factory
from tests.servers import Postgres

# Every row of every table, as values that can be compared: what "leaves no trace" means.
Dump = dict[str, list[tuple[Any, ...]]]


@dataclass
class Database:
    """One database; `rung` are the bells of all its commits, in order."""

    url: str
    engine: Engine
    rung: list[Bell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions: sessionmaker[Session] = session_factory(self.engine, self._ring)
        self.reading: sessionmaker[Session] = session_factory(self.engine, self._ring, readonly=True)

    def _ring(self, bells: Sequence[Bell]) -> None:
        self.rung.extend(bells)

    @property
    def kind(self) -> str:
        """sqlite or postgresql."""
        return self.engine.dialect.name

    def dump(self) -> Dump:
        """Everything that is stored."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in Base.metadata.sorted_tables
            }

    def counting(self) -> "Statements":
        """The statements that are sent from now on."""
        return Statements(self.engine)


class Statements(list[str]):
    """Statements sent while the block runs."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "PRAGMA")):
            self.append(statement)

    def __enter__(self) -> "Statements":
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)


def run_together(work: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> None:
    """Run `work` in a process of its own for each of `arguments`; an AssertionError if one of them fails."""
    spawn = get_context("spawn")
    processes = [spawn.Process(target=work, args=args) for args in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run the tasks in threads that start together; results or exceptions in their order."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return task()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def hurried(engine: Engine) -> Engine:
    """SQLite that does not wait for the disk: no test pulls the plug of the machine."""

    @event.listens_for(engine, "connect")
    def hurry(raw: Any, _record: Any) -> None:
        raw.execute("PRAGMA synchronous=OFF")

    return engine


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with the newest schema and no rows."""
    shutil.copyfile(sqlite_template, tmp_path / "cadenza.db")
    url = f"sqlite:///{tmp_path / 'cadenza.db'}"
    engine = hurried(connect(url))
    yield Database(url, engine)
    engine.dispose()


@pytest.fixture(scope="session")
def kept_postgres(postgres: Postgres, postgres_template: str) -> Iterator[tuple[str, Engine]]:
    """One PostgreSQL database for all tests of this process: cloning takes a hundred times as long as emptying."""
    url = postgres.create("kept", postgres_template)
    engine = connect(url)
    yield url, engine
    engine.dispose()
    postgres.drop("kept")


@pytest.fixture
def postgres_db(kept_postgres: tuple[str, Engine]) -> Iterator[Database]:
    """A PostgreSQL database with the newest schema and no rows."""
    url, engine = kept_postgres
    yield Database(url, engine)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        for own in ("clock", "wake_up_meter"):  # of another play
            connection.execute(text(f"DELETE FROM {own}"))
        connection.execute(text("DELETE FROM workspace"))  # everything else belongs to one, and goes with it


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest) -> Database:
    """A clean database, on each kind in turn."""
    database: Database = request.getfixturevalue(f"{request.param}_db")
    return database


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """One open session of `db`; nothing is committed unless the test does it."""
    with db.sessions() as opened:
        yield opened
