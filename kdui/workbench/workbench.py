"""What a person can do, for the page, the command line and the API alike: no feature lives in a callback."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kdui import machine
from kdui.catalogue.compatibility import KnownUnfit
from kdui.catalogue.graph_figures import GraphFigures, graph_figures
from kdui.catalogue.methods import METHODS
from kdui.catalogue.models import presets, resolve
from kdui.catalogue.pairs import students, teachers
from kdui.catalogue.references import anchored_ref
from kdui.catalogue.sizes import known_size
from kdui.catalogue.tasks import TASKS, all_tasks
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.layout import CHAT, OUTPUT_FILE
from kdui.core.logs import last_lines
from kdui.core.method import Method
from kdui.core.page_rows import Answer, Estimate, Example, ModelCard, ModelResult, Overview, RunDetail, RunPage, Servable
from kdui.core.plan import Planned
from kdui.core.recipe import ModelRef, Recipe
from kdui.core.run import Event, Run, RunState
from kdui.delivery.packages import packages_of
from kdui.launch.dispatcher import Dispatcher
from kdui.modalities import modality_of, place_of
from kdui.serving.client import ServingClient
from kdui.settings import Settings
from kdui.store.store import Store
from kdui.workbench.estimate import Estimator
from kdui.workbench.evidence import Evidence
from kdui.workbench.families.control import Families
from kdui.workbench.lenses import lens_data
from kdui.workbench.limits import Limits
from kdui.workbench.own_data import OwnData
from kdui.workbench.recipe_actions import RecipeActions
from kdui.workbench.results_frame import ResultsFrame
from kdui.workbench.run_actions import RunActions
from kdui.workbench.run_names import run_page
from kdui.workbench.running_now import RunningNow, running_now
from kdui.workbench.search.searching import Searches, SearchThread
from kdui.workbench.stored_rows import against_itself, answer, findings, gain, servable, unlearned
from kdui.workbench.voting import Voting
from kdui.workbench.what_if import WhatIf

if TYPE_CHECKING:
    import pandas

    from kdui.core.statistics.paired import Difference
    from kdui.delivery.deliver import Delivered, DeliveredPackage


class Workbench(RecipeActions, RunActions):
    """One for each process that shows something to a person. It keeps nothing that is not in the store."""

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings.from_environment()
        TASKS.look_in(self.settings)
        self.store = Store(self.settings)
        self.dispatcher: Dispatcher | None = None
        self._points = ResultsFrame(self.store)
        self._evidence = Evidence(self.store, lambda what, task: self.serving.call(what, task=task))
        self._size = lru_cache(maxsize=256)(self._ask_size)
        self._unfit = KnownUnfit()
        self.what_if = WhatIf(self.store, lambda: self.serving)
        self.own_data = OwnData(lambda: (self.folder, self.settings))
        self.voting = Voting(self.store)
        self.limits = Limits(self.store, lambda: self.settings)
        self.families, self.searches = Families(self), Searches(self)
        self.folder = Path.cwd()  # what relative paths mean to whoever started this; the page leaves it later

    @cached_property
    def serving(self) -> ServingClient:
        """The process that answers what needs a model at once; started by the first request."""
        return ServingClient(self.settings)

    def keep_to_own_files(self) -> None:
        """From now on recipes name only files of the home, KDUI_DATA_DIR and the assets: whoever sees the page writes them."""
        self.settings = self.settings.model_copy(update={"own_files_only": True})

    def start_dispatcher(self) -> None:
        """Give queued runs to free slots from now on, in a thread of this process."""
        self.dispatcher = Dispatcher(self.store)
        self.dispatcher.start()
        self.search_thread = SearchThread(self.searches)
        self.search_thread.start()

    def close(self) -> None:
        """Stop what this process started for itself; workers continue."""
        if self.dispatcher:
            self.search_thread.stop()
            self.dispatcher.stop()
        if "serving" in self.__dict__:
            self.serving.close()

    # --- catalogue ---------------------------------------------------------------------------------------------

    def tasks(self) -> list[TaskFacts]:
        """All tasks, one's own among them: by kind of input, then what their data ask of a person, small ones first."""

        def place(facts: TaskFacts) -> tuple[int, int, int]:
            return place_of(facts.modality), facts.resource.effort, facts.splits["train"]

        return sorted(all_tasks(self.settings), key=place)

    def methods(self) -> list[Method]:
        """All methods in the order of a recipe's stages."""
        return sorted(METHODS.values(), key=lambda method: method.order)

    def teachers(self, task: str) -> list[ModelCard]:
        """Sensible teachers of a task, the default first."""
        return [self.card(task, name, "teacher") for name in teachers(TASKS[task])]

    def students(self, task: str, teacher: str | None) -> list[ModelCard]:
        """Sensible students of a teacher, the default first; without one those that start on their own."""
        return [self.card(task, name, "student") for name in students(TASKS[task], teacher or None)]

    def model_titles(self, task: str, role: str, teacher: str | None = None) -> list[tuple[str, str]]:
        """Reference and title of the models that ``teachers`` or ``students`` offer, without a look into the store."""
        facts, known = TASKS[task], presets()
        names = teachers(facts) if role == "teacher" else students(facts, teacher or None)
        return [(name, known[name][1].title) for name in names]

    def card(self, task: str, ref: str, role: str) -> ModelCard:
        """A model as a choice; raises RecipeError in words when it does not fit the task."""
        facts = resolve(ModelRef.parse(anchored_ref(ref, self.folder)), TASKS[task], self._reading)
        preset = next((item for item in facts.family.presets if item.name == facts.ref.name), None)
        return ModelCard(
            ref=ref,
            title=facts.title,
            family=facts.family.title,
            summary=facts.title if facts.ref.options else preset.summary if preset else facts.family.title,
            licence=preset.licence if preset else "see its model card",
            parameters=(known_size(task, ref) or {}).get("parameters"),
            known=self.store.results.newest_headline(task, ref, role, TASKS[task].headline.name),
        )

    def graph_figures(self, ref: str) -> GraphFigures:
        """Size, weights and operations of ``onnx:PATH``, read at once; raises RecipeError in words."""
        return graph_figures(ModelRef.parse(anchored_ref(ref, self.folder)), self.settings)

    def inner_values(self, task: str, ref: str) -> tuple[str, ...] | None:
        """What a model shows of itself (maps, tokens, attention) and if it is a transformer; None where that is not known."""
        try:
            family = resolve(ModelRef.parse(anchored_ref(ref, self.folder)), TASKS[task], self._reading).family
            return (*family.shows, "transformer") if family.is_transformer else family.shows
        except KduiError:  # whoever plans the recipe says why
            return None

    # --- before starting ---------------------------------------------------------------------------------------

    def estimate(self, planned: Planned) -> Estimate:
        """What it will cost; asks the serving process for sizes that it has not told yet."""
        return Estimator(self.store, self._size).estimate(*planned)

    def _ask_size(self, task: str, ref: str) -> dict[str, int]:
        return known_size(task, ref) or cast(dict[str, int], self.serving.call("size", task=task, ref=ref))

    def lenses(self, planned: Planned) -> dict[str, Any]:
        """Data for the lenses beside the knobs."""
        return lens_data(self.store, *planned)

    # --- runs --------------------------------------------------------------------------------------------------

    def submit_sweep(self, recipe: Recipe, values: dict[str, list[Any]], device: str = "auto") -> list[Run]:
        """Queue one run for each combination of values of dotted settings, as a family; all are checked before any is queued."""
        return self.families.runs(self.families.grid(recipe, values, device).id)

    def runs(self, **wanted: Any) -> RunPage:
        """One page of the run table; ``wanted``: see ``run_names.run_page``."""
        return run_page(self.store, **wanted)

    def running_now(self, task: str) -> RunningNow | None:
        """The task's run that continues, or the first that waits."""
        return running_now(self.store, task)

    def run(self, run_id: str) -> RunDetail:
        """A run with its steps, results, gain, command and YAML."""
        run = self.store.runs.get(run_id)
        measured = self.store.results.of_run(run_id)
        results = tuple(
            ModelResult(
                step=row["step"], role=row["role"], label=row["label"], digest=row["digest"], measurements=measured[row["step"]]
            )
            for row in self.store.results.rows_of_run(run_id)
            if row["step"] in measured
        )
        results = against_itself(results)
        return RunDetail(
            run=run,
            results=results,
            packages=packages_of(self.store.artifacts, run),
            gain=gain(run, results, self.paired),
            findings=findings(self.store, run, results),
            unlearned=unlearned(run.recipe.task, results),
            command=self.command(run.recipe),
            yaml=self.recipe_yaml(run.recipe),
        )

    def events(self, run_id: str, cursor: int = 0) -> tuple[list[Event], int]:
        """What happened since the cursor, and the new cursor."""
        return self.store.events(run_id).read(cursor)

    def log_tail(self, run_id: str, lines: int = 40) -> str:
        """The end of the worker's output, without the run's id before each line: whoever reads it has chosen the run."""
        return last_lines(self.store.folder(run_id) / OUTPUT_FILE, run_id, lines)

    def deliver(self, run_id: str, model: str, out: Path) -> "Delivered | DeliveredPackage":
        """Write a measured model, or a package of that name, as a file that carries its claims; see ``delivery.deliver``."""
        from kdui.delivery.deliver import deliver

        return deliver(self.store.artifacts, self.run(run_id), model, out, lambda task: self.serving.call("test_data", task=task))

    # --- explore -----------------------------------------------------------------------------------------------

    def points(self, task: str) -> "pandas.DataFrame":
        """One row for each measured model of the task; see ``kdui.workbench.results_frame``."""
        TASKS[task]
        return self._points.of_task(task)

    def evidence(self, run_id: str) -> "dict[str, pandas.DataFrame]":
        """What a run's models said about the test data, side by side; see ``kdui.workbench.evidence``."""
        return self._evidence.of_run(run_id)

    def paired(self, run_id: str, step: str, reference: str, reference_run: str = "") -> "Difference | None":
        """One measured model minus another of its run or a named one, over the test examples; None where that cannot be told."""
        return self._evidence.difference(run_id, step, reference, reference_run)

    # --- compare -----------------------------------------------------------------------------------------------

    def servable(self, task: str) -> list[Servable]:
        """Measured models that Compare can load, newest first, each once."""
        artifacts = self.store.artifacts
        return servable(task, self.points(task), artifacts.has, lambda digest: CHAT in artifacts.manifest(digest).files)

    def ask(self, task: str, digests: list[str], payload: Any) -> list[Answer]:
        """Each model's answer to what a person typed, drew or uploaded, with its latency measured now."""
        facts = TASKS[task]
        raw = modality_of(facts.modality).parse(payload, facts)
        plain = raw.tolist() if hasattr(raw, "tolist") else raw
        return [answer(item) for item in self.serving.call("ask", task=task, digests=digests, raw=plain)]

    def examples(self, task: str, n: int = 12, offset: int = 0) -> list[Example]:
        """Test examples to try."""
        TASKS[task]
        return [Example.model_validate(item) for item in self.serving.call("examples", task=task, n=n, offset=offset)]

    def disagreements(self, teacher: str, other: str, n: int = 8) -> dict[str, Any]:
        """Where the first model is right on test data and the second wrong, by what was taken for what; at most ``n`` of each.

        Both are named by their ONNX artifact.
        """
        places = [self.store.runs.measured_step(digest) for digest in (teacher, other)]
        if None in places:
            raise KduiError(
                "One of these models was not measured on test data. Add a 'measure' stage to its recipe and run it again."
            )
        (task, ours), (other_task, theirs) = cast(list[tuple[str, str]], places)
        if task != other_task:
            raise KduiError(
                "These models do different tasks, so their predictions cannot be compared. Choose two of the same task."
            )
        return cast(dict[str, Any], self.serving.call("disagreements", task=task, teacher=ours, other=theirs, n=n))

    # --- device ------------------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        """The header strip."""
        counts = self.store.runs.counts()
        interrupted = self.store.runs.in_state(RunState.INTERRUPTED) if counts.get("interrupted") else []
        notice = self.serving.notice if "serving" in self.__dict__ else ""
        return Overview(
            device=machine.summary(),
            running=counts.get("running", 0),
            queued=counts.get("queued", 0) + len([run for run in interrupted if not run.waits_for_a_person]),
            launcher_alive=self.dispatcher is not None and self.dispatcher.alive,
            serving=notice,
            read_only=self.settings.read_only,
            trouble=self.dispatcher.trouble if self.dispatcher else "",
        )

    def devices(self) -> list[str]:
        """What a run may ask for."""
        return machine.devices()
