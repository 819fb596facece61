"""PATCH with 50 nodes against a bare Flask view that runs the same SQL, statement by statement, and nothing else."""

import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Flask, jsonify, request
from sqlalchemy import Engine, event
from werkzeug.test import EnvironBuilder

from app import create_app
from campaigns.models import Base
from campaigns.web.house import House
from tests.bench.figures import spread
from tests.bench.options import Options
from tests.bench.stage import Scene, scene
from tests.servers import short_folder

NODES = 50
WARM_UP = 5
BEGIN = ("BEGIN", "SAVEPOINT")
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) VALUES \((.*?)\)(?: RETURNING.*| ON CONFLICT.*)?$", re.DOTALL)


@dataclass
class Transaction:
    """The statements between a begin and its end, as the driver got them."""

    readonly: bool
    statements: list[tuple[str, Any, bool]] = field(default_factory=list)


class Recorder:
    """Notes the transactions of an engine while it is told to."""

    def __init__(self, engine: Engine) -> None:
        self.transactions: list[Transaction] = []
        self.listening = False
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_cursor_execute", self._statement)

    def _begin(self, connection: Any) -> None:
        if self.listening:
            self.transactions.append(Transaction(bool(connection.get_execution_options().get("readonly"))))

    def _statement(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if self.listening and not statement.startswith(BEGIN):
            self.transactions[-1].statements.append((statement, parameters, many))


def measure(options: Options) -> dict[str, Any]:
    """Rows of seconds, one a database: our PATCH, the bare view, and how many statements both run."""
    return {"nodes": NODES, "rows": [_on(kind, options) for kind in options.databases]}


def _on(kind: str, options: Options) -> dict[str, Any]:
    with scene(kind) as made, short_folder() as folder:
        with made.sessions.begin() as session:
            campaign = made.campaign(session, "Long", [made.sender(session, 25)], status="draft", launched_at=None)
        # No Redis is needed: a draft rings no bell.
        ours = create_app({"DATABASE_URL": made.url, "CADENZA_DATA": str(folder), "REDIS_URL": "redis://127.0.0.1:1"})
        house: House = ours.extensions["cadenza"]
        recorder = Recorder(house.engine)
        path, bodies = f"/api/campaigns/{campaign.id}", _bodies(ours, made, campaign.id)
        bare = _bare(house.engine, recorder, _call(ours, made, path, bodies[0])[1])
        taken: dict[str, list[float]] = {"ours": [], "bare": []}
        for number in range(options.edits + WARM_UP):
            body = bodies[number % 2]
            recorder.transactions, recorder.listening = [], True
            mine = _call(ours, made, path, body)[0]
            recorder.listening = False
            _take_back(house.engine, recorder.transactions)
            theirs = _call(bare, made, path, body)[0]
            if number >= WARM_UP:
                taken["ours"].append(mine)
                taken["bare"].append(theirs)
        statements = sum(len(one.statements) for one in recorder.transactions)
        house.engine.dispose()
        return {"database": kind, "statements": statements, **{name: spread(times) for name, times in taken.items()}}


def _bodies(ours: Flask, made: Scene, campaign_id: UUID) -> list[bytes]:
    """Two bodies for the same 50 nodes, each of which changes every text."""
    path = f"/api/campaigns/{campaign_id}"
    node = {"type": "email", "subject": "Hello %first_name|there%", "body": "Hi %first_name|there%, how are you?"}
    nodes: list[dict[str, Any]] = [node | {"body": f"{node['body']} {n}"} for n in range(NODES - 1)] + [{"type": "end"}]
    made_nodes = json.loads(_call(ours, made, path, json.dumps({"sequence_nodes": nodes}).encode())[1])[
        "sequence_nodes"
    ]
    for own, one in zip(made_nodes, nodes, strict=True):
        one["id"] = own["id"]
    other = [one | {"body": f"{one['body']}!"} if "body" in one else one for one in nodes]
    return [json.dumps({"sequence_nodes": these}).encode() for these in (nodes, other)]


def _call(app: Flask, made: Scene, path: str, body: bytes) -> tuple[float, bytes]:
    """Seconds inside of the app, from the request as a WSGI server hands it over to the last byte of the answer."""
    headers = {"Authorization": f"Bearer {made.key}"}
    environ = EnvironBuilder(path, method="PATCH", headers=headers, content_type="application/json").get_environ()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    said: list[str] = []

    def start_response(status: str, *_: Any) -> Callable[[bytes], object]:
        said.append(status)
        return io.BytesIO().write

    began = time.perf_counter()
    answer = b"".join(app.wsgi_app(environ, start_response))
    taken = time.perf_counter() - began
    assert said[0].startswith("200"), (said, answer)
    return taken, answer


def _bare(engine: Engine, recorder: Recorder, answer: bytes) -> Flask:
    """The least that such a view could do: read the body, run the SQL, answer with as much JSON as ours."""
    app = Flask("bare")
    content = json.loads(answer)

    @app.patch("/api/campaigns/<uuid:campaign_id>")
    def edit(campaign_id: UUID) -> Any:
        request.get_json()
        for transaction in recorder.transactions:
            bound = engine.execution_options(readonly=True) if transaction.readonly else engine
            with bound.begin() as connection:
                for statement, parameters, many in transaction.statements:
                    _run(connection.connection.cursor(), statement, parameters, many)
        return jsonify(content)

    return app


def _run(cursor: Any, statement: str, parameters: Any, many: bool) -> None:
    """Straight to the driver; whatever comes back is read."""
    (cursor.executemany if many else cursor.execute)(statement, parameters)
    if cursor.description:
        cursor.fetchall()
    cursor.close()


def _take_back(engine: Engine, transactions: list[Transaction]) -> None:
    """The rows that our PATCH has added have ids of their own, with which the replay adds them once more."""
    added = [one for transaction in transactions for one in transaction.statements if one[0].startswith("INSERT")]
    with engine.begin() as connection:
        for statement, parameters, _ in reversed(added):
            table, columns, marks = _INSERT.match(statement).groups()  # type: ignore[union-attr]
            key = [column.name for column in Base.metadata.tables[table].primary_key]
            names, values = columns.split(", "), marks.split(", ")
            where = " AND ".join(f"{name} = {values[names.index(name)]}" for name in key)
            own = parameters if isinstance(parameters, dict) else tuple(parameters[names.index(name)] for name in key)
            _run(connection.connection.cursor(), f"DELETE FROM {table} WHERE {where}", own, False)
