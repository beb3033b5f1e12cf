"""Every action as a typed, named endpoint of the page: ``gradio_client`` calls them, and ``/gradio_api/info`` lists them.

They stand behind what everything of the page stands behind: the guard's names and origins, the password, the look over what is
sent. An error of what was asked is its sentence.
"""

import inspect
from enum import StrEnum
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import gradio as gr

from kdui.actions.offered import ACTIONS, Action
from kdui.core.errors import KduiError

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def create_endpoints(workbench: "Workbench") -> None:
    """Add them to the page that is being made."""
    for action in ACTIONS.values():
        gr.api(
            endpoint(workbench, action),
            api_name=action.name,
            api_description=action.summary.partition("\n\n")[0],
            queue=True,
            concurrency_limit=None,  # reads are many and short; what trains is queued in the store
        )


def endpoint(workbench: "Workbench", action: Action) -> Any:
    """The action as a function of plain values whose signature is the action's, as Gradio reads it."""

    def perform(*given: Any) -> Any:
        values = dict(zip((each.name for each in action.parameters), given, strict=True))
        try:
            return action.perform(workbench, values).model_dump(mode="json")
        except KduiError as error:  # as it is: whoever asked is a program, and no page shows it
            raise gr.Error(str(error), print_exception=False) from None

    hints = {each.name: _plain(each.hint) for each in action.parameters}
    perform.__name__ = action.name
    perform.__doc__ = action.summary
    perform.__annotations__ = {**hints, "return": dict[str, Any]}
    vars(perform)["__signature__"] = inspect.Signature(  # what inspect.signature gives for it
        [
            inspect.Parameter(
                each.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=each.default, annotation=hints[each.name]
            )
            for each in action.parameters
        ],
        return_annotation=dict[str, Any],
    )
    return perform


def _plain(hint: Any) -> Any:
    """A hint without its description; an enumeration as its values."""
    if hasattr(hint, "__metadata__"):
        return _plain(hint.__origin__)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        literal: Any = Literal
        return literal[tuple(member.value for member in hint)]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is list:
        return GenericAlias(list, (_plain(inner[0]),))
    if inner and type(None) in inner:
        return _plain(next(each for each in inner if each is not type(None))) | None
    return hint
