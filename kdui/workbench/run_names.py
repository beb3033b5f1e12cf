"""The list of runs, in which each can be told from the others by what differs. The names that they were stored under stay."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kdui.catalogue.methods import METHODS
from kdui.catalogue.models import preset, presets
from kdui.catalogue.tasks import TASKS
from kdui.core.page_rows import RunPage, RunRow
from kdui.core.run import RunState
from kdui.store.store import Store
from kdui.workbench.families.rows import family_row
from kdui.workbench.stored_rows import run_row

MOST_SETTINGS = 3
UNFOLDED = 12  # runs of a family that the table shows below its row; all of them stand in its own view
SHORT = {"temperature": "T", "soft_weight": "α", "bits": "bits", "sparsity": "sparsity"}
_SWEPT = re.compile(r"(?P<base>.+) · (?P<values>[\w-]+(?:\.[\w-]+)?=.+)", re.DOTALL)


def run_page(
    store: Store,
    *,
    state: str | None = None,
    task: str | None = None,
    text: str = "",
    page: int = 1,
    size: int = 25,
    queue_first: bool = False,
    fold: bool = False,
) -> RunPage:
    """One page of the run table, newest first; ``queue_first``: running ones, then the queue in the order of its start.

    ``fold``: a family is one row, and ``families`` tells of it.
    """
    page = max(1, page)
    wanted: dict[str, Any] = {"state": state or None, "task": task or None, "text": text.strip(), "queue_first": queue_first}
    rows, total = store.runs.page(**wanted, page=page, size=size, fold=fold)
    shown = _listed(store, [run_row(row) for row in rows])
    folded = {row.family for row in shown if row.family} if fold else set()
    families = {
        family: family_row(store, family, listed(store, store.runs.page(**wanted, page=1, size=UNFOLDED, family=family)[0]))
        for family in folded
    }
    return RunPage(rows=shown, total=total, page=page, size=size, families=families)


def listed(store: Store, rows: Sequence[Mapping[str, Any]]) -> tuple[RunRow, ...]:
    """Stored rows as a list shows them."""
    return _listed(store, [run_row(row) for row in rows])


def _listed(store: Store, rows: Sequence[RunRow]) -> tuple[RunRow, ...]:
    """The rows as a list shows them: distinguished, with their place in the queue, and with their student's result."""
    titled = with_titles(rows, store.runs.recipes(row.id for row in rows))
    places = {run.id: place for place, run in enumerate(store.runs.in_state(RunState.QUEUED), start=1)}
    marks = store.marks.of(row.id for row in rows)
    return tuple(
        row.model_copy(
            update={
                "place": places.get(row.id),
                "headline": _told_headline(store, row),
                "marks": marks.get(row.id, row.marks),
            }
        )
        for row in titled
    )


def _told_headline(store: Store, row: RunRow) -> str:
    """The run's result; of one that continues, nothing until its student is measured: what is there before is the teacher's."""
    if row.state is not RunState.RUNNING or not row.student:
        return row.headline
    measured = any(result["role"] == "student" for result in store.results.rows_of_run(row.id))
    return row.headline if measured else ""


def with_titles(rows: Sequence[RunRow], recipes: Mapping[str, Mapping[str, Any]]) -> list[RunRow]:
    """The rows with ``title`` and ``sweep``; ``recipes``: run -> its recipe as the store keeps it."""
    alike = Counter(row.name for row in rows)
    settings = {row.id: _settings(recipes[row.id]) for row in rows if row.id in recipes}
    varying = {name: _varying([settings[row.id] for row in rows if row.name == name and row.id in settings]) for name in alike}
    titled = []
    for row in rows:
        if swept := _SWEPT.fullmatch(row.name):
            values = dict(part.partition("=")[::2] for part in swept["values"].split(", "))
            title = " · ".join(_short(key, value) for key, value in values.items())
            titled.append(row.model_copy(update={"title": title, "sweep": swept["base"]}))
        elif (alike[row.name] > 1 or row.name == row.task) and row.id in settings:
            titled.append(row.model_copy(update={"title": _title(row, settings[row.id], varying[row.name])}))
        else:
            titled.append(row)
    return titled


def _title(row: RunRow, settings: Mapping[str, Any], varying: Sequence[str]) -> str:
    """Digits · CNN small · T 6 · seed 0."""
    task = TASKS[row.task].title if row.task in TASKS else row.task
    shown = [key for key in varying if key not in ("seed", "teacher", "student")]
    temperature = next((key for key in settings if key.endswith(".temperature")), None)
    if temperature and temperature not in shown:
        shown.insert(0, temperature)
    words = list(dict.fromkeys(_of_run(key, settings) for key in shown))
    shown_settings, rest = words[:MOST_SETTINGS], [f"{len(words) - MOST_SETTINGS} more settings"] * (len(words) > MOST_SETTINGS)
    teacher = [f"from {_model(row.teacher)}"] if "teacher" in varying else []
    parts = [task, _model(row.student or row.teacher), *teacher, *shown_settings, *rest, f"seed {settings.get('seed', 0)}"]
    return " · ".join(part for part in parts if part)


def _model(ref: str) -> str:
    name, _, options = ref.partition("?")
    return preset(name)[1].title + (f" ({options})" if options else "") if name in presets() else ref


def _of_run(key: str, settings: Mapping[str, Any]) -> str:
    """A setting with its value; of a stage that this run lacks, that it does."""
    return _short(key, settings[key]) if key in settings else f"without {key.rpartition('.')[0]}"


def _short(key: str, value: Any) -> str:
    """T 6, seed 0, learning rate 0.01."""
    knob = key.rpartition(".")[2]
    if isinstance(value, bool):
        return f"{SHORT.get(knob, knob.replace('_', ' '))} {'on' if value else 'off'}"
    text = str(value).removesuffix(".0") if re.fullmatch(r"-?\d+\.0", str(value)) else str(value)
    return f"{SHORT.get(knob, knob.replace('_', ' '))} {text}"


def _settings(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """All dotted settings of a recipe, with its models and its seed."""
    dotted = {key: recipe.get(key) for key in ("seed", "teacher", "student")}
    for stage in recipe.get("stages", ()):
        name = stage.get("name") or stage["method"]
        fields = METHODS[stage["method"]].spec.model_fields if stage["method"] in METHODS else {}
        usual = {key: field.get_default(call_default_factory=True) for key, field in fields.items()}
        dotted.update({f"{name}.{key}": value for key, value in (usual | stage.get("settings", {})).items()})
    return dotted


def _varying(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings in which recipes differ."""
    keys = dict.fromkeys(key for recipe in recipes for key in recipe)
    return [key for key in keys if len({repr(recipe.get(key)) for recipe in recipes}) > 1]
