"""A storm: play the plan, then put everything right, wait until nothing is due, and call the auditors. Then do what a
person would do about it, wait until everybody is through, and call the auditors again."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count as numbers
from random import Random
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from campaigns import settings
from campaigns.models import Message
from tests.faults.audit import Books, Evidence, Findings, audit, completed, read_books
from tests.faults.audit_linkedin import audit_linkedin
from tests.faults.crew import VITAL, Crew, running_crew
from tests.faults.deeds import Deed
from tests.faults.plan import Event, Size, draw
from tests.faults.provider import running_provider
from tests.faults.seats import Seats
from tests.faults.settling import Visitor, settle_all
from tests.faults.sink import Sink, running_sink
from tests.faults.timing import Pause, Watch, pauses
from tests.faults.world import LOGIN, PASSWORD, World

# CONTRACT section 4: work goes on within this many seconds of a restart.
PROMISED = 30.0
# After the storm, as long as there is anything to do, mails come in within this: the longest delay, and that.
PATIENCE = 60.0 + PROMISED
# How many of the lanes that are killed are a seat's, if there is one.
AT_LINKEDIN = 0.3
# Once so many events the line of progress is written.
LINE_EVERY = 25

Say = Callable[[str], None]


@dataclass
class Report:
    """What came of one storm: so many mails `accepted`, and LinkedIn `steps` done; `unknown` outcomes of it, of which
    so many were found to have `arrived`."""

    database: str
    seed: int
    size: str
    seconds: float = 0.0
    kills: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    people: int = 0
    accepted: int = 0
    steps: int = 0
    unknown: int = 0
    arrived: int = 0
    restarts: list[Pause] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)

    @property
    def killed(self) -> int:
        return sum(self.kills.values())

    @property
    def other(self) -> Counter[str]:
        """What happened besides kills."""
        return Counter({kind: number for kind, number in self.events.items() if not kind.startswith("kill")})


class Storm:
    """One run of a plan."""

    def __init__(self, kind: str, seed: int, size: Size, crew: Crew, sink: Sink, seats: Seats, say: Say) -> None:
        self.size, self.crew, self.sink, self.seats, self.say = size, crew, sink, seats, say
        self.world, self.provider, self.seed = seats.world, seats.provider, seed
        self.report = Report(kind, seed, size.name)
        self.watch = Watch(self.world)
        self.again: list[UUID] = []

    @property
    def killed(self) -> int:
        return self.crew.killed

    def rage(self) -> None:
        """Events until there were kills enough, or until the time is over."""
        self.sink.pause = self.provider.pause = self.size.pause
        self.watch.begin()
        began, lulls = time.monotonic(), 0
        plan = draw(self.seed, self.size)
        for number in numbers(1):
            if self.killed >= self.size.kills or time.monotonic() - began > self.size.seconds:
                break
            event = next(plan)
            self.crew.rest(event.after)
            self.happen(event)
            if self.killed // self.size.lull_every > lulls:
                lulls = self.killed // self.size.lull_every
                self.lull()
            if number % LINE_EVERY == 0:
                self.progress(time.monotonic() - began)
        self.time_restarts()

    def progress(self, passed: float) -> None:
        """Where we are, and when the last kill will come as things go."""
        left = min(passed * self.size.kills / max(self.killed, 1), self.size.seconds) - passed
        minutes, seconds = divmod(round(max(left, 0)), 60)
        self.say(
            f"{self.killed} of {self.size.kills} killed, {self.so_far()}; the last kill in about {minutes}:{seconds:02}"
        )

    def so_far(self) -> str:
        return f"{len(self.sink.accepted)} mails, {self.seats.count} steps at LinkedIn"

    def happen(self, event: Event) -> None:
        """Carry one event out, and count it if there was something for it to happen to."""
        self.seats.sign_in()
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
        elif kind == "provider:":
            self._trouble_provider(subject, choice)
        else:
            self._edit(event.kind, choice)
        if done:
            self.report.events[event.kind] += 1

    def _trouble_provider(self, what: str, choice: Random) -> None:
        if what == "stall":
            self.provider.stalled_until = time.time() + choice.choice((1, 2, 4, 8))
        elif what == "401":
            self.seats.sign_out(choice)
        else:
            self.provider.trouble(what, choice)

    def _kill(self, subject: str, event: Event, choice: Random) -> bool:
        crew = self.crew
        # In the middle of a send, or of being told something, if one comes up in time.
        if subject == "lane" and choice.random() < AT_LINKEDIN:
            crew.rest_until(lambda: bool(self.provider.under_way), 0.5)
            return crew.kill_lane(choice, self.seats.ids)
        if subject == "lane":
            crew.rest_until(lambda: self.sink.under_way > 0, 0.5)
            return crew.kill_lane(choice)
        if subject == "web":
            crew.rest_until(lambda: self.seats.public.telling, 0.3)
            return crew.kill_part(subject)
        if subject == "worker":
            return crew.kill_worker(choice)
        if subject == "backend":
            return crew.kill_backend(choice)
        if subject in ("supervisor", "everything", "postgres"):
            kill: Callable[[float], bool] = getattr(crew, f"kill_{subject}")
            return kill(event.down)
        return crew.kill_part(subject)

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
        elif kind == "week":
            self.seats.set_week(choice)
        else:
            world.add_people(world.large, 20)

    def lull(self) -> None:
        """The supervisor dies, all else with it; then nothing more happens until mail goes out again."""
        world = self.world
        for ours in world.ours:
            world.set_hours(ours, None)
            world.resume(ours)
        self.sink.stalled_until = self.provider.stalled_until = 0.0
        self.crew.rest(0.5)
        self.crew.kill_supervisor(0.0)
        before = len(self.sink.accepted)
        self.crew.rest_until(lambda: len(self.sink.accepted) > before or not self.to_do(), PROMISED + 5)

    def time_restarts(self) -> None:
        """How long it took after each restart until work went on, if there was any."""
        self.crew.rest_until(self.crew.all_up, PROMISED)
        self.crew.rest(1.0)
        until = self.watch.end()
        begun = [mail.began for mail in self.sink.accepted]
        stops = [kill.at for kill in self.crew.kills if kill.what in VITAL]
        found = pauses(self.crew.starts, begun, self.watch.idle, stops, until)
        self.report.restarts = [pause for pause in found if pause.timed]
        for pause in found:
            if pause.seconds > PROMISED:
                words = f"no mail for {pause.seconds:.1f} s after the restart of {pause.what}, though there was work"
                self.report.findings.say("late", words)

    def to_do(self) -> int:
        """What mails can be sent now or later; 0 while the database is away."""
        try:
            with self.world.sessions() as session:
                return self.world.to_do(session)
        except SQLAlchemyError:
            return 0

    def settle(self) -> None:
        """All back, all open, and time for everything that is due."""
        self.sink.calm()
        self.provider.calm()
        self.crew.rest_until(self.crew.all_up, PROMISED)
        self.seats.sign_in(now=True)
        self.world.open_everything()
        self._await(self._quiet)
        self.judge()

    def finish(self) -> None:
        """A person says what became of every unknown outcome, nothing is limited any more, and all come to the end."""
        visitor = Visitor(f"http://127.0.0.1:{self.crew.port}")
        visitor.sign_in(LOGIN, PASSWORD)
        taken = {deed.name for deed in self.deeds}
        with self.world.sessions() as session:
            books = read_books(session)
        done = settle_all(visitor, {message.id for message in books.messages if books.name(message) in taken})
        self.report.arrived, self.again = len(done["sent"]), done["again"]
        self.world.lift_limits()
        self.seats.lift_limits()
        self._await(self.world.are_completed, self.seats.hurry)
        self.seats.end()
        self.crew.dismiss()
        self.judge(completed)

    def _await(self, what: Callable[[], bool], *hurries: Callable[[], None]) -> None:
        """Return once it is so, or once nothing has gone out for too long, which is a finding."""
        before, deadline = -1, 0.0
        while not what():
            done = len(self.sink.accepted) + self.seats.count
            if done > before:
                before, deadline = done, time.monotonic() + PATIENCE
            elif time.monotonic() > deadline:
                words = f"{self.to_do()} people still wait for something to be sent; {self.world.lanes()}; "
                self.report.findings.say("late", words + self.crew.state())
                break
            for hurry in (self.world.hurry, *hurries):
                hurry()
            self.crew.rest(1.0)

    def _quiet(self) -> bool:
        with self.world.sessions() as session:
            to_do = self.world.to_do(session) + self.seats.to_do(session) + self.world.count(session, "sending")
        return not to_do and self.seats.at_rest

    @property
    def deeds(self) -> list[Deed]:
        """All that left."""
        return [*self.sink.accepted, *self.seats.deeds]

    def judge(self, *further: Callable[[Findings, Books], None]) -> None:
        """The auditors' findings, added to what was found before."""
        world, sink, crew = self.world, self.sink, self.crew
        with world.sessions() as session:
            evidence = Evidence(
                deeds=self.deeds, doubts=[*sink.doubts, *self.provider.doubts], refused=dict(sink.refused),
                kills=crew.kills, ours=world.ours, suppressed=world.suppressed,
                delay_minutes=self.size.delay_minutes, zone=world.zone,
                again=Counter(session.scalars(select(Message.sender_account_id).where(Message.id.in_(self.again)))),
            )  # fmt: skip
            books = read_books(session)
            found = audit(books, evidence)
            found.add(audit_linkedin(books, evidence, self.seats.network))
            for rule in further:
                rule(found, books)
            if not further:
                self.report.unknown = world.count(session, "unknown")
        self.report.findings.add(found)

    def summary(self) -> Report:
        """What happened, in numbers."""
        report, crew = self.report, self.crew
        for orphan in crew.orphans:
            report.findings.say("orphans", orphan)
        if self.seats.hands.failed is not None:
            report.findings.say("tasks", repr(self.seats.hands.failed))
        report.people, report.accepted, report.steps = self.world.added, len(self.sink.accepted), self.seats.count
        for kill in crew.kills:
            report.kills[kill.what] += kill.processes
        report.events["supervisor gave up, and was started again"] = crew.given_up
        return report


def run(kind: str, seed: int, size: Size, say: Say = lambda _: None) -> Report:
    """One storm on `kind` of database, from an empty folder to the verdict."""
    began = time.monotonic()
    with (
        running_sink(Random(seed)) as sink,
        running_provider(Random(seed)) as provider,
        running_crew(kind, sink.whose) as crew,
    ):
        provider.notice = crew.notice
        world = World(crew, size, sink.port, settings.load(crew.environ).database_url)
        seats = Seats(world, provider)
        storm = Storm(kind, seed, size, crew, sink, seats, say)
        try:
            world.settle_down()
            seats.settle_down()
            crew.rest_until(lambda: len(sink.accepted) > 0 and seats.count > 0, 30)
            storm.rage()
            say(f"{storm.killed} killed, {storm.so_far()}; putting everything right")
            storm.settle()
            say(f"{storm.report.unknown} unknown outcomes, {storm.so_far()}; settling them by hand")
            storm.finish()
        finally:
            seats.end()
            world.engine.dispose()
    report = storm.summary()
    report.seconds = time.monotonic() - began
    return report


def run_aloud(kind: str, seed: int, size: Size) -> Report:
    """The same with a line of progress now and then, on standard error."""
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {kind}, seed {seed}: {words}", file=sys.stderr, flush=True)

    say(f"begins; again with --seed {seed} --database {kind}")
    report = run(kind, seed, size, say)
    say(f"done, {sum(report.findings.counts.values())} violations")
    say(f"the latest begin after closing: {report.findings.latest:.2f} s")
    return report
