"""A storm: play the plan, then put everything right, wait until nothing is due, and call the auditor."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as numbers
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from campaigns import settings
from tests.faults.audit import Evidence, Findings, audit
from tests.faults.crew import Crew, running_crew
from tests.faults.plan import Event, Size, draw
from tests.faults.sink import Sink, running_sink
from tests.faults.world import World

# CONTRACT section 4: work goes on within this many seconds of a restart.
PROMISED = 30.0
AFTERMATH = {"short": 60.0, "long": 600.0}

Say = Callable[[str], None]


@dataclass
class Report:
    """What came of one storm."""

    database: str
    seed: int
    size: str
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    people: int = 0
    accepted: int = 0
    unknown: int = 0
    restarts: list[float] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    @property
    def killed(self) -> int:
        return sum(self.kills.values())


class Storm:
    """One run of a plan."""

    def __init__(self, kind: str, seed: int, size: Size, crew: Crew, sink: Sink, world: World, say: Say) -> None:
        self.size, self.crew, self.sink, self.world, self.say = size, crew, sink, world, say
        self.seed = seed
        self.report = Report(kind, seed, size.name)

    @property
    def killed(self) -> int:
        return sum(kill.processes for kill in self.crew.kills)

    def rage(self) -> None:
        """Events until there were kills enough, or until the time is over."""
        self.sink.pause = self.size.pause
        began, lulls = time.monotonic(), 0
        plan = draw(self.seed, self.size)
        for number in numbers(1):
            if self.killed >= self.size.kills or time.monotonic() - began > self.size.seconds:
                break
            event = next(plan)
            self.crew.rest(event.after)
            self.happen(event)
            if self.size.lull_every and self.killed // self.size.lull_every > lulls:
                lulls = self.killed // self.size.lull_every
                self.lull()
            if number % 25 == 0:
                self.progress()

    def progress(self) -> None:
        self.say(f"{self.killed} killed, {len(self.sink.accepted)} mails")

    def happen(self, event: Event) -> None:
        """Carry one event out, and count it if there was something for it to happen to."""
        choice = Random(event.choice)
        kind, _, subject = event.kind.partition(" ")
        done: bool | None = True
        if kind == "kill":
            done = self._kill(subject, event, choice)
        elif event.kind == "flush redis":
            done = self.crew.flush_redis()
        elif event.kind == "stall":
            self.sink.stalled_until = time.time() + choice.choice((1, 2, 4, 8))
        elif event.kind in ("drop before", "drop after", "nonsense", "451", "550", "drop at mail"):
            self.sink.trouble(event.kind)
        else:
            self._edit(event.kind, choice)
        if done:
            self.report.events[event.kind] += 1

    def _kill(self, subject: str, event: Event, choice: Random) -> bool:
        crew = self.crew
        if subject == "lane":
            # In the middle of a send, if one comes up in time.
            crew.rest_until(lambda: self.sink.under_way > 0, 0.5)
            return crew.kill_lane(choice)
        if subject == "worker":
            return crew.kill(choice.choice(crew.workers), event.down)
        if subject == "backend":
            return crew.kill_backend(choice)
        if subject == "everything":
            return crew.kill_everything(event.down)
        return subject in crew.parts and crew.kill(subject, event.down)

    def _edit(self, kind: str, choice: Random) -> None:
        world = self.world
        ours = choice.choice(world.ours)
        if kind == "hours":
            world.set_hours(ours, world.any_hours(ours, choice))
        elif kind == "pause":
            world.pause(ours)
        elif kind == "resume":
            world.resume(ours)
        elif kind == "limit":
            world.set_limit(choice.randint(1, self.size.limit))
        else:
            world.add_people(world.large, 20)

    def lull(self) -> None:
        """Everything dies at once; then nothing more happens until mail goes out again, which is timed."""
        world = self.world
        for ours in world.ours:
            world.set_hours(ours, None)
            world.resume(ours)
        self.sink.stalled_until = 0.0
        self.crew.rest(0.5)
        self.crew.kill_everything(0.0)
        self.time_restart()

    def time_restart(self) -> None:
        """How long it takes until mail goes out again, if there is any to go out."""
        self.crew.pump()
        restarted, before = time.monotonic(), len(self.sink.accepted)
        if not self.crew.rest_until(lambda: self.to_do() > 0, 10.0):
            return
        going = self.crew.rest_until(lambda: len(self.sink.accepted) > before, PROMISED + 5)
        took = time.monotonic() - restarted
        self.report.restarts.append(took)
        if not going or took > PROMISED:
            self.report.findings.say("late", f"no mail for {took:.1f} s after everything was started again")

    def to_do(self) -> int:
        """What can be sent now; 0 while the database is away."""
        try:
            with self.world.sessions() as session:
                return self.world.to_do(session)
        except SQLAlchemyError:
            return 0

    def settle(self) -> None:
        """All back, all open, and time for everything that is due."""
        self.sink.calm()
        self.crew.rest_until(self._all_up, 30)
        self.world.open_everything()
        deadline = time.monotonic() + AFTERMATH[self.size.name]
        while not self._quiet():
            if time.monotonic() > deadline:
                words = f"{self.to_do()} people still wait for something to be sent; {self.world.lanes()}; "
                self.report.findings.say("late", words + self.crew.state())
                break
            self.world.hurry()
            self.crew.rest(1.0)

    def _all_up(self) -> bool:
        return all(part.start_at is None for part in self.crew.parts.values())

    def _quiet(self) -> bool:
        with self.world.sessions() as session:
            return not self.world.to_do(session) and not self.world.count(session, "sending")

    def judge(self) -> Report:
        """The auditor's findings, and what happened, in numbers."""
        world, sink, report = self.world, self.sink, self.report
        self.crew.dismiss()
        evidence = Evidence(
            mails=list(sink.accepted), doubts=list(sink.doubts), refused=dict(sink.refused), kills=self.crew.kills,
            ours=world.ours, suppressed=world.suppressed, delay_minutes=self.size.delay_minutes, zone=world.zone,
        )  # fmt: skip
        with world.sessions() as session:
            findings = audit(session, evidence)
            report.unknown = world.count(session, "unknown")
        findings.violations = report.findings.violations + findings.violations
        findings.counts.update(report.findings.counts)
        report.findings = findings
        report.people, report.accepted = world.added, len(sink.accepted)
        for kill in self.crew.kills:
            report.kills[kill.what] += kill.processes
        return report


def run(kind: str, seed: int, size: Size, say: Say = lambda _: None) -> Report:
    """One storm on `kind` of database, from an empty folder to the verdict."""
    began = time.monotonic()
    with running_sink(Random(seed)) as sink, running_crew(kind) as crew:
        url = settings.load(crew.environ).database_url
        world = World(crew, size, sink.port, url)
        storm = Storm(kind, seed, size, crew, sink, world, say)
        try:
            world.settle_down()
            crew.rest_until(lambda: len(sink.accepted) > 0, 30)
            storm.rage()
            say(f"{storm.killed} killed, {len(sink.accepted)} mails; putting everything right")
            storm.settle()
            report = storm.judge()
        finally:
            world.engine.dispose()
    report.seconds = time.monotonic() - began
    return report


def run_aloud(kind: str, seed: int, size: Size) -> Report:
    """The same with a line of progress now and then, on standard error."""
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {kind}, seed {seed}: {words}", file=sys.stderr, flush=True)

    say(f"begins; again with --seed {seed} --database {kind}")
    report = run(kind, seed, size, say)
    restarts = ", ".join(f"{seconds:.1f}" for seconds in report.restarts) or "not timed"
    say(f"done, {sum(report.findings.counts.values())} violations")
    say(f"seconds from a restart of everything to the next mail: {restarts}")
    say(f"the latest begin after closing: {report.findings.latest:.2f} s")
    return report
