"""Actions by their names: what each takes and answers as JSON Schema, read off its function's types; and one way to call them."""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_type_hints

from pydantic import ValidationError, create_model

from kdui.core.bounds import fault
from kdui.core.errors import RecipeError, StateConflict, UnknownName
from kdui.core.plain import Frozen
from kdui.workbench.read_only import GALLERY_WORDS

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

Effect = Literal["reads", "changes", "deletes"]


class Parameter(NamedTuple):
    """One value that an action takes; ``default`` is ``inspect.Parameter.empty`` where it must be given."""

    name: str
    hint: Any
    default: Any


class Action:
    """A function over a workbench with a name. ``effect``: what it does to the store."""

    def __init__(self, call: Callable[..., Frozen], effect: Effect):
        self.call, self.effect = call, effect
        self.name = call.__name__
        self.summary = inspect.cleandoc(call.__doc__ or "")

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """All but the workbench, with their types."""
        hints = get_type_hints(self.call, include_extras=True)
        _, *rest = inspect.signature(self.call).parameters.values()
        return tuple(Parameter(each.name, hints[each.name], each.default) for each in rest)

    @cached_property
    def form(self) -> type[Frozen]:
        """The parameters as a model that refuses unknown ones."""
        fields: dict[str, Any] = {
            each.name: (each.hint, ... if each.default is inspect.Parameter.empty else each.default) for each in self.parameters
        }
        title = "".join(part.capitalize() for part in self.name.split("_"))
        made: type[Frozen] = create_model(title, __base__=Frozen, **fields)
        made.__doc__ = self.summary
        return made

    @cached_property
    def answer(self) -> type[Frozen]:
        """The model that it returns."""
        made: type[Frozen] = get_type_hints(self.call)["return"]
        return made

    def parameters_schema(self) -> dict[str, Any]:
        """JSON Schema of what it takes."""
        return self.form.model_json_schema()

    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of what it answers."""
        return self.answer.model_json_schema(mode="serialization")

    def perform(self, bench: "Workbench", values: Mapping[str, Any]) -> Frozen:
        """Check the values and do it; raises KduiError in words."""
        if bench.settings.read_only and self.effect != "reads":
            raise StateConflict(GALLERY_WORDS)
        given = self.checked(values)
        return self.call(bench, **{each.name: getattr(given, each.name) for each in self.parameters})

    def checked(self, values: Mapping[str, Any]) -> Frozen:
        """The values as its form; raises RecipeError in words."""
        try:
            return self.form.model_validate(dict(values))
        except ValidationError as error:
            words = "; ".join(fault(self.form, item) for item in error.errors()[:5])
            raise RecipeError(f"'{self.name}' cannot be done with these values. {words}.") from None


ACTIONS: dict[str, Action] = {}


def action(effect: Effect) -> Callable[[Callable[..., Frozen]], Callable[..., Frozen]]:
    """Registers a function as the action of its name."""

    def register(call: Callable[..., Frozen]) -> Callable[..., Frozen]:
        ACTIONS[call.__name__] = Action(call, effect)
        return call

    return register


def known_action(name: str) -> Action:
    """Raises UnknownName with the nearest."""
    if name not in ACTIONS:
        raise UnknownName("action", name[:60], ACTIONS)
    return ACTIONS[name]
