"""Remote teachers: ``api:SERVER?model=NAME`` means a model behind one of the servers that the settings name."""

from kdui.core.api_servers import is_this_machine, server_addresses
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef
from kdui.settings import Settings

CHARACTERS = 4  # to a token, roughly, in English
MOST_PROBABLE = 20  # log-probabilities of a place: as many as the protocol gives


def server_address(name: str, settings: Settings) -> str:
    """The address of a server by its name; raises RecipeError where the settings have none, or keep to this machine."""
    known = server_addresses(settings.api_servers)
    if name not in known:
        listed = f"It names {', '.join(sorted(known))}." if known else "It is not set."
        raise RecipeError(
            f"'api:{name}' is a server whose address KDUI_API_SERVERS does not name. {listed} "
            f"Set KDUI_API_SERVERS={name}=http://127.0.0.1:11434/v1 with the server's own address, and start kdui again."
        )
    if settings.offline and not is_this_machine(known[name]):
        raise RecipeError(f"'api:{name}' is on the network, which KDUI_OFFLINE forbids. Name a server on this machine.")
    return known[name]


def remote_source(ref: ModelRef, labels: int, settings: Settings) -> str:
    """What names a remote teacher: server and model, never the address; raises RecipeError where it cannot be asked.

    ``labels``: how many the task has; 0 where texts are to be continued.
    """
    server_address(ref.name, settings)
    model = str(ref.options.get("model", "")).strip()
    if not model:
        raise RecipeError(f"'{ref}' names no model. Write api:{ref.name}?model=NAME with the server's own name for the model.")
    if not labels and (given := sorted(ref.options.keys() - {"model"})):
        raise RecipeError(f"'{ref}': '{given[0]}' is for labels, but here the model continues texts. Leave it out.")
    if ref.options.get("probabilities") and labels > MOST_PROBABLE:
        raise RecipeError(
            f"'{ref}': servers give {MOST_PROBABLE} log-probabilities, and the task has {labels} labels. "
            "Leave 'probabilities' out."
        )
    return f"api:{ref.name}/{model}"
