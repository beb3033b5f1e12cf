"""Recipe: what a person wants done. Intent only: no device, no path of a result, no date."""

from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from kdui.core.bounds import bounded, fault, printable_line
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plain import Frozen, digest
from kdui.core.renamed import RENAMED, current_names, digested_names

ModelKind = Literal["preset", "hub", "folder", "artifact", "onnx", "csv", "api"]
Line = Annotated[str, AfterValidator(printable_line)]

MOST_STAGES = 100
MOST_NAME = 200  # letters of a name: every page of the run table carries it
MOST_OPTIONS = 50
MOST_PATH = 4096  # letters: a text of somebody's own is named by its path


class ModelRef(Frozen):
    """Which model: a preset, a Hugging Face id, a local checkpoint folder, the output of an earlier run, or a black box.

    Written short as ``resnet-20``, ``hub:owner/name``, ``folder:/path/to/checkpoint``, ``artifact:DIGEST``;
    options follow a question mark: ``bilstm-128?embedding=96``. A teacher may also be an ONNX file,
    ``onnx:/path/model.onnx?probabilities=true``, a table of its predictions, ``csv:/path/answers.csv``, or a model behind a
    server, ``api:SERVER?model=NAME``.
    """

    kind: ModelKind = "preset"
    name: Line = Field(min_length=1, max_length=4096)
    options: dict[str, Any] = Field(default={}, max_length=MOST_OPTIONS)

    @field_validator("options")
    @classmethod
    def _plain_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Options are written after a question mark, so each is one text, number or switch."""
        bounded(options, depth=1)
        return options

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Read the short form; raises RecipeError for an empty name."""
        head, _, query = text.strip().partition("?")
        kind, colon, rest = head.partition(":")
        if colon and kind in get_args(ModelKind):
            name = rest
        else:
            kind, name = "preset", head
        if "%3F" in name:  # how a path that itself holds a question mark is written
            name = name.replace("%3F", "?").replace("%25", "%")
        if not name:
            raise RecipeError(f"'{text}' names no model. Write a preset, hub:OWNER/NAME, folder:PATH or onnx:PATH.")
        options = {key: _number(value) for key, value in parse_qsl(query, keep_blank_values=True)}
        try:
            return cls(kind=kind, name=name, options=options)
        except ValidationError as error:
            raise RecipeError("; ".join(fault(cls, item) for item in error.errors()) + ".") from None

    @property
    def is_black_box(self) -> bool:
        """Whether only its predictions are known: it can teach, but neither be trained nor looked into."""
        return self.kind in ("onnx", "csv", "api")

    def __str__(self) -> str:
        name = self.name.replace("%", "%25").replace("?", "%3F") if "?" in self.name else self.name
        head = name if self.kind == "preset" else f"{self.kind}:{name}"
        return f"{head}?{urlencode(self.options, safe=',')}" if self.options else head


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            number: int | float = kind(text)
        except ValueError:
            continue
        if abs(number) < 1e18:  # else no setting but a name of many digits; "nan" and "inf" are text as well
            return number
    return {"true": True, "false": False}.get(text.lower(), text)


def _as_model_ref(value: Any) -> Any:
    if value is None or isinstance(value, (ModelRef, dict)):
        return value
    if not isinstance(value, str):
        raise ValueError("a model is written as a text, e.g. cnn-small or onnx:/path/model.onnx")
    try:
        return ModelRef.parse(value)
    except RecipeError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _with_option(model: Any, name: str, value: Any) -> dict[str, Any]:
    """A model as plain data with one of its options changed; the model itself may have been changed just before."""
    plain = ModelRef.parse(model).model_dump(mode="json") if isinstance(model, str) else model
    return {**plain, "options": {**plain["options"], name: value}}


class Stage(Frozen):
    """One step of a recipe: a method and its settings, checked against the method's own spec by the catalogue."""

    method: Line = Field(max_length=MOST_NAME)
    name: Line = Field(default="", max_length=MOST_NAME)
    settings: dict[str, Any] = {}

    @field_validator("settings")
    @classmethod
    def _plain_settings(cls, settings: dict[str, Any]) -> dict[str, Any]:
        bounded(settings)
        return current_names(settings)

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        """Accept ``distill`` and ``{distill: {temperature: 4}}`` beside the full form."""
        if isinstance(value, str):
            return {"method": value}
        if isinstance(value, dict) and "method" not in value and len(value) == 1:
            ((method, settings),) = value.items()
            return {"method": method, "settings": settings or {}}
        if not isinstance(value, (dict, Stage)):
            raise ValueError("a stage is a method's name, or {method: {setting: value}}")
        if isinstance(value, dict) and "method" not in value:
            raise ValueError(
                f"a stage has one method, but this one names {len(value)}. Settings stand below their method, further in"
            )
        return value


class Recipe(Frozen):
    """Task, teacher, student, stages and seed; its digest is the same on every machine."""

    kdui: Literal[1] = 1
    name: Line = Field(default="", max_length=MOST_NAME)
    summary: str = Field(default="", max_length=2000)
    task: Line = Field(max_length=MOST_PATH)
    teacher: Annotated[ModelRef | None, BeforeValidator(_as_model_ref)] = None
    student: Annotated[ModelRef | None, BeforeValidator(_as_model_ref)] = None
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, title="Seed", description="Random seed for initialization, data order and dropout."
    )
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=MOST_STAGES)

    @field_validator("stages", mode="before")
    @classmethod
    def _not_too_many(cls, stages: Any) -> Any:
        """Counted before the first one is looked at."""
        if isinstance(stages, (list, tuple)) and len(stages) > MOST_STAGES:
            raise ValueError(f"a recipe has at most {MOST_STAGES} stages, but this one has {len(stages):,}")
        return stages

    @field_validator("summary")
    @classmethod
    def _printable(cls, summary: str) -> str:
        bounded(summary)
        return summary

    @field_validator("stages")
    @classmethod
    def _name_stages(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        """Give each stage a name of its own: distill, quantize, quantize-2."""
        taken: set[str] = set()
        counts: dict[str, int] = {}
        named = []
        for stage in stages:
            base = stage.name or stage.method
            name, count = base, counts.get(base, 1)
            while name in taken:
                count += 1
                name = f"{base}-{count}"
            counts[base] = count
            taken.add(name)
            named.append(stage.model_copy(update={"name": name}))
        return tuple(named)

    @property
    def digest(self) -> str:
        """Names the intent: two recipes that differ only in name and summary are the same."""
        plain = self.model_dump(mode="json", exclude={"name", "summary"})
        for stage in plain["stages"]:
            stage["settings"] = digested_names(stage["settings"])
        return digest(plain)

    def stage(self, name: str) -> Stage:
        """The stage of that name; raises UnknownName."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UnknownName("stage", name, [stage.name for stage in self.stages])

    def plain(self) -> dict[str, Any]:
        """The short form that a person reads and writes in YAML; ``Recipe.model_validate`` reads it back."""
        short: dict[str, Any] = {"kdui": self.kdui}
        for key in ("name", "summary", "task"):
            if getattr(self, key):
                short[key] = getattr(self, key)
        for key in ("teacher", "student"):
            if (model := getattr(self, key)) is not None:
                short[key] = str(model)
        short["seed"] = self.seed
        short["stages"] = [self._plain_stage(stage) for stage in self.stages]
        return short

    @staticmethod
    def _plain_stage(stage: Stage) -> Any:
        if stage.name != stage.method:
            return stage.model_dump(mode="json")
        return {stage.method: stage.settings} if stage.settings else stage.method

    def with_values(self, values: dict[str, Any]) -> "Recipe":
        """A new recipe with dotted settings changed: ``{"distill.temperature": 4, "student.width": 16, "seed": 1}``.

        Raises UnknownName for a stage or field that is not there; the values themselves are checked
        by the catalogue, which knows each method's bounds.
        """
        data = self.model_dump(mode="json")
        for path, value in values.items():
            head, _, knob = path.partition(".")
            if knob and head in ("teacher", "student") and head not in [stage.name for stage in self.stages]:
                if getattr(self, head) is None:
                    raise RecipeError(f"This recipe names no {head}, so '{path}' cannot be set.")
                data[head] = _with_option(data[head], knob, value)
            elif knob:
                position = self.stages.index(self.stage(head))
                data["stages"][position]["settings"][RENAMED.get(knob, knob)] = value
            elif head in ("name", "summary", "task", "teacher", "student", "seed"):
                data[head] = value
            else:
                raise UnknownName(
                    "setting", path, ["seed", "task", "teacher", "student", *(f"{stage.name}.…" for stage in self.stages)]
                )
        try:
            return Recipe.model_validate(data)
        except ValidationError as error:
            raise RecipeError("; ".join(fault(Recipe, item) for item in error.errors()) + ".") from None
