"""The Python client: ``from kdui import Workbench``.

::

    with Workbench() as bench:                      # this machine's store; Workbench("http://host:7860") a served one
        proposal = bench.propose_recipe("small", task="digits")
        run = bench.run(proposal.recipe, {"seed": 1})
        for progress in bench.watch(run.run):
            print(progress.state, f"{progress.fraction:.0%}")
        print(bench.results(run.run).models[0].measurements["accuracy"].written())
        bench.deliver(run.run, out="model.onnx")

Each method is the action of its name (see docs/reference/api.md) and returns a frozen value. Errors are ``KduiError``s whose
text says what to do.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar, cast

from kdui.actions import answers
from kdui.actions.offered import known_action
from kdui.core.errors import KduiError
from kdui.core.plain import Frozen
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench as Bench

POLL_SECONDS = 0.25  # between two looks at a run that is watched
STARTS_WORK = ("run", "sweep", "resume")

Answer = TypeVar("Answer", bound=Frozen)


class Transport(Protocol):
    """How an action is done: here, or by a server."""

    def call(self, name: str, values: Mapping[str, Any]) -> Frozen:
        """The answer of an action; raises KduiError in words."""

    def fetch(self, address: str, out: Path) -> None:
        """Write what the page serves below its address to a file."""

    def close(self) -> None:
        """Let go of what was opened; runs go on."""


class Here:
    """The store of this machine. Runs are given to free slots from the first one that is queued on."""

    def __init__(self, settings: Settings | None = None):
        self.bench = Bench(settings)

    def call(self, name: str, values: Mapping[str, Any]) -> Frozen:
        answer = known_action(name).perform(self.bench, values)
        if name in STARTS_WORK and self.bench.dispatcher is None:
            self.bench.start_dispatcher()
        return answer

    def fetch(self, address: str, out: Path) -> None:
        raise KduiError("A store on this machine serves no files: deliver writes them itself.")

    def close(self) -> None:
        self.bench.close()


class Served:
    """A served page, asked through its typed endpoints. ``auth``: user and password, as ``KDUI_AUTH`` has them."""

    def __init__(self, server: str, auth: tuple[str, str] | None):
        from gradio_client import Client  # heavy, and of no use for a store on this machine

        self.server = server.rstrip("/") + "/"
        try:
            self.client = Client(self.server, auth=auth, verbose=False, analytics_enabled=False, download_files=False)
        except Exception as error:
            raise KduiError(f"{server} cannot be used: {error} Is kdui served there, and is 'auth' right?") from None

    def call(self, name: str, values: Mapping[str, Any]) -> Frozen:
        from gradio_client.exceptions import AppError

        action = known_action(name)
        try:
            found = self.client.predict(**dict(values), api_name=f"/{name}")
        except AppError as error:
            raise KduiError(str(error)) from None
        return action.answer.model_validate(found, extra="ignore")  # marks are worked out, a newer server may tell more

    def fetch(self, address: str, out: Path) -> None:
        import httpx

        from kdui.kdz.on_disk import write_whole

        answer = httpx.get(self.server + address, cookies=dict(self.client.cookies), timeout=600)
        if answer.status_code != 200:
            raise KduiError(f"{self.server + address} was not delivered: {answer.text.strip()[:500]}")
        write_whole(out, answer.content)

    def close(self) -> None:
        self.client.close()


class Workbench:
    """kdui for programs and notebooks; see the module's own words for an example.

    ``server``: address of a served page; without it the store of this machine is opened, as the command line does.
    ``auth``: user and password of that page. ``settings``: in place of the environment's, for a store on this machine.
    """

    def __init__(self, server: str = "", *, auth: tuple[str, str] | None = None, settings: Settings | None = None):
        self._transport: Transport = Served(server, auth) if server else Here(settings)

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop what this object started for itself. Workers go on; queued runs start when kdui is served or used again."""
        self._transport.close()

    def call(self, name: str, /, **values: Any) -> Frozen:
        """Any action by its name, with the values of its JSON Schema; raises KduiError in words."""
        return self._transport.call(name, values)

    def _call(self, kind: type[Answer], name: str, /, **values: Any) -> Answer:
        return cast(Answer, self._transport.call(name, values))  # the registry's function of that name returns this kind

    # --- before ------------------------------------------------------------------------------------------------

    def detect_hardware(self) -> answers.Hardware:
        """Processor, GPUs, devices that a run may ask for, versions."""
        return self._call(answers.Hardware, "detect_hardware")

    def tasks(self) -> tuple[answers.TaskRow, ...]:
        """The tasks, small ones first."""
        return self._call(answers.Tasks, "list_tasks").tasks

    def recipes(self) -> tuple[answers.RecipeRow, ...]:
        """The recipes that can be run by their name."""
        return self._call(answers.Recipes, "list_recipes").recipes

    def propose_recipe(self, goal: str = "small", task: str = "digits", teacher: str = "") -> answers.Proposal:
        """A recipe for a goal (small, fast, keep, few, own) with the reason for each choice; nothing is queued."""
        return self._call(answers.Proposal, "propose_recipe", goal=goal, task=task, teacher=teacher)

    def estimate(self, recipe: str, settings: Mapping[str, Any] | None = None) -> answers.Cost:
        """What a recipe (a name or YAML) will cost: s, bytes, ms, each with its origin."""
        return self._call(answers.Cost, "estimate", recipe=recipe, settings=dict(settings or {}))

    def save_recipe(self, recipe: str, name: str, *, replace: bool = False) -> str:
        """Keep a recipe; returns the name to run it by."""
        return self._call(answers.Saved, "save_recipe", recipe=recipe, name=name, replace=replace).name

    # --- runs --------------------------------------------------------------------------------------------------

    def run(self, recipe: str, settings: Mapping[str, Any] | None = None, device: str = "auto") -> answers.Submitted:
        """Queue a recipe (a name or YAML) with settings changed; returns at once."""
        return self._call(answers.Submitted, "run", recipe=recipe, settings=dict(settings or {}), device=device)

    def sweep(self, recipe: str, values: Mapping[str, Sequence[Any]], device: str = "auto") -> tuple[answers.Submitted, ...]:
        """Queue one run for each combination of values of settings."""
        wanted = {name: list(each) for name, each in values.items()}
        return self._call(answers.Submissions, "sweep", recipe=recipe, values=wanted, device=device).runs

    def runs(self, text: str = "", *, state: str | None = None, task: str = "", page: int = 1) -> answers.RunList:
        """A page of up to 100 runs, newest first."""
        return self._call(answers.RunList, "list_runs", text=text, state=state, task=task, page=page)

    def progress(self, run: str, cursor: int = 0) -> answers.Progress:
        """Where a run stands now, and what happened since the cursor."""
        return self._call(answers.Progress, "watch", run=run, cursor=cursor)

    def watch(self, run: str, poll_seconds: float = POLL_SECONDS) -> Iterator[answers.Progress]:
        """Where a run stands, again and again until it has ended; each one holds only the events that are new."""
        cursor = 0
        while True:
            progress = self.progress(run, cursor)
            yield progress
            if progress.ended:
                return
            cursor = progress.cursor
            time.sleep(poll_seconds)

    def wait(self, run: str) -> answers.Progress:
        """Wait for a run's end; raises KduiError with the run's own words where it did not succeed."""
        for progress in self.watch(run):
            last = progress
        if last.state != "succeeded":
            raise KduiError(f"Run {run} is {last.state}. {last.error or 'Resume it to go on.'}")
        return last

    def cancel(self, run: str) -> answers.Changed:
        """Take a run from the queue, or ask its worker to stop."""
        return self._call(answers.Changed, "cancel", run=run)

    def resume(self, run: str) -> answers.Changed:
        """Queue a failed, cancelled or interrupted run again; finished stages are not repeated."""
        return self._call(answers.Changed, "resume", run=run)

    def move(self, run: str, places: int) -> answers.Changed:
        """Move a queued run; negative is earlier."""
        return self._call(answers.Changed, "move", run=run, places=places)

    def delete(self, run: str) -> answers.Changed:
        """Delete a run and the artifacts that no other run uses, for good."""
        return self._call(answers.Changed, "delete", run=run)

    # --- after -------------------------------------------------------------------------------------------------

    def results(self, run: str) -> answers.Results:
        """Every measurement of a run's models, and what distillation gained."""
        return self._call(answers.Results, "results", run=run)

    def compare(self, *runs: str) -> answers.Comparison:
        """Two to five of ``RUN`` or ``RUN:STEP`` of one task; differences are to the first."""
        return self._call(answers.Comparison, "compare", runs=list(runs))

    def predict(self, run: str, input: str) -> answers.Predictions:
        """What each model of a run answers to a text, a file's path (on this machine) or ``test:INDEX``."""
        return self._call(answers.Predictions, "predict", run=run, input=input)

    def deliver(self, run: str, model: str = "", *, out: str | Path, replace: bool = False) -> answers.Delivery:
        """Write a measured model to ``out`` (.onnx or .kdz) with its claims; ``replace`` a file of that name."""
        file = Path(out).expanduser().absolute()
        if isinstance(self._transport, Here):
            return self._call(answers.Delivery, "deliver", run=run, model=model, out=str(file), replace=replace)
        if file.exists() and not replace:
            raise KduiError(f"{file} exists. Choose another name, or say replace=True.")
        kind = file.suffix.lower().removeprefix(".")
        found = self._call(answers.Delivery, "deliver", run=run, model=model, kind=kind)
        self._transport.fetch(found.address, file)
        return found.model_copy(update={"file": str(file), "bytes": file.stat().st_size})
