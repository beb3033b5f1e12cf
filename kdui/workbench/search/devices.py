"""Devices that a search can judge latency for: profiles in the home, and how far predictions from them are off here."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from kdui import machine
from kdui.core.device_profile import DeviceProfile, read_profile
from kdui.core.errors import KduiError, RecipeError
from kdui.core.latency_prediction import Timed, Unpredictable, check, predict_ms
from kdui.core.layout import KERNELS_FILE
from kdui.core.measurement import Origin
from kdui.core.plain import Frozen
from kdui.core.run import RunState
from kdui.store.artifacts import write_json
from kdui.store.store import Store

FOLDER = "profiles"
MOST_RUNS = 200  # newest runs whose latencies a profile is checked against
QUIET = 0.25  # width of a latency's 95 % interval, as a share of it, up to which it checks an estimate
UNKNOWN_ERROR = 0.5  # share by which an estimate is raised against a limit where no error is known


class Judged(Frozen):
    """How a search's latencies are estimated: fixed when it begins, so that later measurements change none of its trials."""

    profile: str
    title: str
    factor: float = 1.0
    node_us: float = 0.0
    graphs: int = 0  # whose real latency the errors were found on
    median_error: float | None = None
    most_error: float | None = None
    where: Literal["here", "there", "nowhere"] = "nowhere"

    @property
    def sentences(self) -> tuple[str, str]:
        """What a reader must know of the estimates."""
        first = f"Latency is estimated for {self.title} from its profile."
        if self.median_error is None or self.most_error is None:
            return first, "How far off that is, is not known: run 'python app.py profile' where runs were measured."
        off, most = f"{self.median_error:.0%}", f"{self.most_error:.0%}"
        if self.where == "here":
            return first, (
                f"By this machine's own profile, such estimates were {off} off in the median, 90 % of them at most {most} "
                f"({self.graphs} graphs, each left out of its own estimate)."
            )
        return first, (
            f"On that machine, such estimates were {off} off in the median, 90 % of them at most {most} "
            f"({self.graphs} graphs, each left out of its own estimate)."
        )

    def high(self, ms: float) -> float:
        """The upper end of an estimate, which counts against a limit."""
        return ms * (1 + (UNKNOWN_ERROR if self.most_error is None else self.most_error))


class Devices:
    """The profiles of one store's home."""

    def __init__(self, store: Store):
        self.store = store
        self.folder = store.settings.home / FOLDER

    def known(self) -> list[DeviceProfile]:
        """All that lie in the home, by title; files that are no profile are left out."""
        profiles = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                profiles.append(_read(path, path.stat().st_mtime_ns))
            except (KduiError, OSError):
                continue
        return sorted(profiles, key=lambda each: (each.title, each.created))

    def get(self, name: str) -> DeviceProfile:
        """The profile of this name. Raises RecipeError with those that there are."""
        profiles = {profile.name: profile for profile in self.known()}
        if name not in profiles:
            others = ", ".join(profiles) or "none yet"
            raise RecipeError(f"There is no device profile '{name[:80]}'. Known: {others}. 'python app.py profile' makes one.")
        return profiles[name]

    def bring(self, profile: DeviceProfile) -> DeviceProfile:
        """Keep a profile in the home, where searches and the page find it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / f"{profile.name}.json", profile.model_dump(mode="json"))
        return profile

    def wanted(self, name_or_file: str) -> DeviceProfile:
        """The profile of a name, or that of a file, which is kept from now on."""
        path = Path(name_or_file)
        return self.bring(read_profile(path)) if path.suffix == ".json" or path.is_file() else self.get(name_or_file)

    def own(self, like: DeviceProfile) -> DeviceProfile | None:
        """This machine's newest profile of the same kind of device and threads."""
        mine = [
            each
            for each in self.known()
            if each.machine == machine.fingerprint() and (each.device, each.threads) == (like.device, like.threads)
        ]
        return max(mine, key=lambda each: each.created, default=None)

    def judged(self, name: str) -> Judged:
        """How latencies are estimated from a profile. The error is that of this machine's own profile against what was measured
        here; where that is not known, what the file says of the machine where it was made."""
        profile = self.get(name)
        done = self.store.runs.counts().get(RunState.SUCCEEDED, 0)
        checked = _JUDGED.setdefault(self.store, {})
        if name in checked and checked[name][0] == done:
            return checked[name][1]
        checked[name] = done, self._judged(profile)
        return checked[name][1]

    def _judged(self, profile: DeviceProfile) -> Judged:
        mine = self.own(profile)
        here = check(mine, list(self.timed(mine))) if mine else None
        found = here or profile.check
        if found is None:
            return Judged(profile=profile.name, title=profile.words)
        return Judged(profile=profile.name, title=profile.words, where="here" if here else "there", **found.model_dump())

    def timed(self, profile: DeviceProfile) -> Iterator[Timed]:
        """Graphs of the store whose latency was measured on the profile's machine and device, with as many threads."""
        page, _ = self.store.runs.page(state=RunState.SUCCEEDED, task="", text="", page=1, size=MOST_RUNS)
        for run in page:
            for row in [] if run["unreadable"] else self.store.results.rows_of_run(run["id"]):
                kept, settings = measured_kernels(self.store, row)
                if kept is None or row["latency_ms"] is None or row["latency_origin"] != Origin.MEASURED:
                    continue
                on_cpu = all(kernel["provider"].startswith("CPU") for kernel in kept["kernels"])
                measured_on = settings.get("machine"), kept["threads"], on_cpu
                if measured_on == (profile.machine, profile.threads, profile.device == "cpu") and _is_quiet(row):
                    yield Timed(f"{row['label']} ({row['task']})", kept["kernels"], row["latency_ms"])


def _is_quiet(row: Mapping[str, Any]) -> bool:
    """Whether a latency is known well enough to check an estimate by it: a busy machine's tells about the others at work."""
    low, high = row["latency_low"], row["latency_high"]
    return low is not None and high is not None and (high - low) <= QUIET * row["latency_ms"]


class Judge:
    """Estimates the latency of models that were measured here for a search's device."""

    def __init__(self, store: Store, judged: Judged):
        self.store, self.judged = store, judged
        self.profile = Devices(store).get(judged.profile)

    def latency(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """Of a chart row, ms, with its upper end. Raises Unpredictable in words."""
        kept, _ = measured_kernels(self.store, row)
        if kept is None:
            raise Unpredictable("its kernels were not measured: switch 'measure.speed' on")
        ms = predict_ms(self.profile, kept["kernels"], self.judged.factor, self.judged.node_us)
        return ms, self.judged.high(ms)


def measured_kernels(store: Store, row: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The profile of a model's kernels and the settings under which it was made; None where it was not or is gone.

    Looked up once for each row: a search looks at all its trials every second.
    """
    looked_up = _LOOKED_UP.setdefault(store, {})
    key = (row["run"], row["step"])
    if key not in looked_up:
        digest = next((each.digest for each in store.runs.get(row["run"]).steps if each.name == row["step"]), None)
        if digest is None or not store.artifacts.has(digest):
            return None, {}
        artifact = store.artifacts.open(digest)
        if KERNELS_FILE not in artifact.manifest.files:
            return None, {}
        looked_up[key] = json.loads(artifact.file(KERNELS_FILE).read_bytes()), dict(artifact.manifest.settings)
    return looked_up[key]


# Results of a check by a profile's name, with the number of runs that it is of: it reads many of them.
_JUDGED: "WeakKeyDictionary[Store, dict[str, tuple[int, Judged]]]" = WeakKeyDictionary()
_LOOKED_UP: "WeakKeyDictionary[Store, dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]]" = WeakKeyDictionary()


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> DeviceProfile:
    """``changed``: when the file was written, so that another one is read again."""
    return read_profile(path)
