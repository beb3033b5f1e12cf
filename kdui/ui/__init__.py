"""The page: one module a tab, layout and callbacks of a few lines."""

import inspect
from typing import Any

from kdui import proxies


def _import_gradio_quickly() -> None:
    """Import Gradio without its rewriting of its own type stubs, which is half of its import time.

    It parses the source of each component at every import. A class whose file is unknown is left out, so for that
    moment none has one; editors keep the stubs that came with the package.
    """
    original = inspect.getfile

    def getfile(item: Any) -> str:
        if isinstance(item, type) and item.__module__.startswith("gradio."):
            raise OSError(f"{item.__module__} needs no type stub")
        return original(item)

    inspect.getfile = getfile  # type: ignore[assignment]  # the same, but for one module
    try:
        with proxies.aside():
            import gradio  # noqa: F401
    finally:
        inspect.getfile = original


_import_gradio_quickly()
