"""The dispatcher: gives queued runs to free slots, notices workers that died or hang, and enforces a cancel.

What is to be done is in the store, so it can be killed and started again, and several may run at once. It keeps only how long it
has watched a worker: a clock of the wall may jump, two machines may disagree about the time, and a machine may sleep.
"""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kdui.core.errors import KduiError, LauncherAway, StateConflict
from kdui.core.logs import logger
from kdui.core.run import SILENT_SECONDS, Run, RunFacts, RunState
from kdui.launch import processes
from kdui.launch.attempts import got_further
from kdui.launch.launcher import Seen, load_launcher
from kdui.machine import device_of
from kdui.store.runs import HOST, now
from kdui.store.store import Store

TICK_SECONDS = 0.5
AWAY_SECONDS = 5.0  # until a cluster that took no run is asked again
START_SECONDS = 60.0  # a worker must have written its process id by then
MOST_ATTEMPTS = 3  # a run that was interrupted this often in a row, without getting further, waits for a person
OBEY_SECONDS = 3.5  # from a cancel until the worker is ended from outside: with two ticks under the promised 5 s
STILL_SECONDS = 5.0  # without a heartbeat, or as long as three of them, after which a worker is looked at from outside
WORKING_SHARE = 0.05  # of one core: whoever uses more is at work
HEARTLESS_FACTOR = 12  # processor time alone counts as work for this many limits


@dataclass
class Watch:
    """What the dispatcher has seen of one attempt at a run."""

    attempt: tuple[int, int | None]
    looked: float  # monotonic, s
    beat: datetime | None = None  # the last heartbeat, by whichever clock wrote it
    quiet: float = 0.0  # s that were watched since another heartbeat was seen
    sign: datetime | None = None
    still: float = 0.0  # s that were watched since the last sign of work
    cancelling: float = 0.0  # s since the wish to cancel was seen
    cpu: float | None = None  # s of processor time at the last look
    spinning: float = 0.0  # s that it has used the processor without a heartbeat


class Dispatcher:
    """Call ``tick`` regularly, or ``start`` a thread that does."""

    def __init__(self, store: Store):
        self.store = store
        self.launcher = load_launcher(store.settings.launcher)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched: dict[str, Watch] = {}
        self._away_until = 0.0  # monotonic, s
        self._still = max(STILL_SECONDS, 3 * store.settings.beat_seconds)  # s
        self.trouble = ""  # why the last round was not finished, in words

    def start(self) -> None:
        """Tick in a thread until ``stop``."""
        self._thread = threading.Thread(target=self._loop, daemon=True, name="dispatcher")
        self._thread.start()

    def stop(self) -> None:
        """End the thread; workers continue."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_workers(self) -> bool:
        """Whether a worker of this host was running at the last look."""
        return bool(self._watched)

    @property
    def thread_id(self) -> int | None:
        """How the system names the thread."""
        return self._thread.native_id if self._thread else None

    def tick(self) -> None:
        """One round: reap, notice the dead and the hung, put interrupted runs back, start what fits.

        What goes wrong with one run keeps none of the others waiting; the first such fault is raised at the end.
        """
        running = self.store.runs.in_state(RunState.RUNNING)
        self._watched = {run.id: self._watched[run.id] for run in running if run.id in self._watched}
        faults = self._each(self.look_after, running)
        faults += self._each(self._put_back, self.store.runs.in_state(RunState.INTERRUPTED))
        faults += self._each(self._fill, self._free_slots())
        if faults:
            raise faults[0]

    @staticmethod
    def _each(work: Callable[[Any], None], items: list[Any]) -> list[Exception]:
        faults = []
        for item in items:
            try:
                work(item)
            except Exception as fault:
                faults.append(fault)
        return faults

    def _loop(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                self.tick()
                self.trouble = ""
            except Exception as fault:
                # A locked database or a full disk now, or a fault of ours: the queue must continue once that is over.
                self._tell(fault)

    def _tell(self, fault: Exception) -> None:
        """Say it once, and again only when it is another one."""
        words = str(fault) if isinstance(fault, KduiError) else f"{type(fault).__name__}: {fault}"
        if words == self.trouble:
            return
        self.trouble = words
        logger("launch").error("dispatcher: %s", words)
        if not isinstance(fault, KduiError):
            traceback.print_exception(fault)

    def _fill(self, slot: str) -> None:
        if time.monotonic() < self._away_until:
            return
        auto = device_of(slot) != "cpu" or all(device_of(other) == "cpu" for other in self._slots())
        if claimed := self.store.runs.claim(slot, auto=auto, device=device_of(slot), host=self.launcher.HOST):
            self._launch(claimed)

    def _free_slots(self) -> list[str]:
        """Slots without a running run. ``cpu`` is offered beside GPUs too, for runs that ask for it by name."""
        if not self.store.runs.counts().get(RunState.QUEUED):
            return []
        taken = self.store.runs.taken_slots(self.launcher.HOST)
        return [slot for slot in self._slots() if slot not in taken]

    def _slots(self) -> list[str]:
        return self.launcher.slots(self.store.settings)

    def _launch(self, run: Run) -> None:
        try:
            self.store.events(run.id).append("state", state="running", text=f"on {run.slot}")
            pid = self.launcher.start(run, self.store)
        except LauncherAway as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            self.store.runs.transition(run.id, RunState.INTERRUPTED)
            self.store.runs.transition(run.id, RunState.QUEUED)
            self.store.events(run.id).append("state", state="queued", text=str(error))
            raise
        except (OSError, KduiError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.store.runs.transition(
                run.id,
                RunState.FAILED,
                error=f"The worker could not be started ({reason}). Free memory or disk, then resume.",
            )
            return
        if pid is not None:
            self.store.runs.update(run.id, pid=pid, pid_started=processes.start_of(pid))

    # --- those that run ----------------------------------------------------------------------------------------

    def look_after(self, run: RunFacts) -> None:
        """A worker that is gone, or neither works nor stops, makes its run interrupted, or cancelled where that was asked."""
        watch, passed = self._look(run)
        seen = self._see(run, watch)
        if not seen.alive:
            said = f" ({seen.said})" if seen.said else ""
            self._end(run, f"its worker exited without reporting a result{said}; it continues from its last checkpoint")
        elif run.host == self.launcher.HOST:
            if not seen.waits:
                self._look_for_work(run, watch, passed)
            self._watch(run, watch, passed)

    def _look(self, run: RunFacts) -> tuple[Watch, float]:
        """What is known of this attempt, and the seconds since the last look at it."""
        at = time.monotonic()
        watch = self._watched.get(run.id)
        if watch is None or watch.attempt != (run.attempts, run.pid):
            watch = self._watched[run.id] = Watch((run.attempts, run.pid), at, run.heartbeat, sign=run.worked)
        # Time that the machine slept, or that this thread waited itself, was not watched.
        passed, watch.looked = min(at - watch.looked, 4 * TICK_SECONDS), at
        watch.quiet = watch.quiet + passed if run.heartbeat == watch.beat else 0.0
        watch.beat = run.heartbeat
        return watch, passed

    def _see(self, run: RunFacts, watch: Watch) -> Seen:
        """A look at its worker. One of another host counts by its heartbeat, which also saves a cluster most of the questions."""
        if run.host != self.launcher.HOST:
            return Seen(watch.quiet < SILENT_SECONDS)
        if run.host != HOST and run.pid is not None and watch.quiet < self._still:
            return Seen(True)
        seen = self.launcher.poll(run)
        return Seen(watch.quiet < START_SECONDS) if seen.alive is None else seen

    def _watch(self, run: RunFacts, watch: Watch, passed: float) -> None:
        """End a worker that does not stop when it is asked to, or that has given no sign of work for the limit's time."""
        if run.cancel_requested:
            if not watch.cancelling:
                self.launcher.stop(run)
            watch.cancelling += passed or TICK_SECONDS
            if watch.cancelling >= OBEY_SECONDS and self.launcher.stop(run, at_once=True):
                self._end(run, "")
        elif watch.still > 60 * self.store.settings.stall_minutes and self.launcher.stop(run, at_once=True):
            minutes = self.store.settings.stall_minutes
            self._end(run, f"its worker made no progress for {minutes:g} min and was stopped", behind=True)

    def _look_for_work(self, run: RunFacts, watch: Watch, passed: float) -> None:
        """Count how long nothing was heard of the work; where the heart itself is silent, look at the processor's time."""
        if run.worked != watch.sign:
            watch.sign, watch.still = run.worked, 0.0
            if run.heartbeat == run.worked:
                watch.spinning = 0.0
            return
        watch.still += passed
        if run.heartbeat is None or (watch.quiet < self._still and now() - run.heartbeat < timedelta(seconds=self._still)):
            return
        cpu = self.launcher.poll(run, closely=True).cpu_seconds
        used, watch.cpu = (cpu - watch.cpu if cpu is not None and watch.cpu is not None else 0.0), cpu
        if used > WORKING_SHARE * passed and watch.spinning < HEARTLESS_FACTOR * 60 * self.store.settings.stall_minutes:
            watch.spinning += passed
            watch.still = 0.0
            if run.worked is None or now() - run.worked > timedelta(seconds=self._still):
                self.store.runs.saw_work(run)

    def _end(self, run: RunFacts, words: str, behind: bool = False) -> None:
        """Write how it ended. A run whose worker hung goes ``behind`` the others: they need not wait for it to hang again."""
        state = RunState.CANCELLED if run.cancel_requested else RunState.INTERRUPTED
        place = {"position": self.store.runs.last_position() + 1.0} if behind else {}
        try:
            self.store.runs.transition(run.id, state, seen=run, eta_seconds=None, **place)
        except StateConflict:
            return  # it ended on its own, or was started again, between the look and now
        self.store.events(run.id).append("state", state=str(state), text=words if state is RunState.INTERRUPTED else "")

    # --- those that were interrupted ---------------------------------------------------------------------------

    def _put_back(self, run: RunFacts) -> None:
        """Interrupted runs alone resume on their own, unless several attempts in a row got no further."""
        if run.waits_for_a_person:
            return
        fruitless = 0 if got_further(self.store, run.id) else run.fruitless + 1
        if fruitless >= MOST_ATTEMPTS:
            words = (
                f"Its worker died {fruitless} times in a row without getting further, perhaps for lack of memory. "
                "Look at the log, lower the batch size, then resume."
            )
            if self.store.runs.wait_for_a_person(run.id, words, fruitless):
                self.store.events(run.id).append("state", state="interrupted", text=words)
            return
        try:
            self.store.runs.transition(run.id, RunState.QUEUED, fruitless=fruitless)
        except StateConflict:
            return  # another dispatcher was quicker
        self.store.events(run.id).append("state", state="queued", text="again, from its last checkpoint")
