"""The page: one module a tab, layout and callbacks of a few lines."""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from kdui import proxies


class _Deferred(ModuleType):
    """Stands for a module until something of it is asked for, and only then imports it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks at these, which is no reason to import
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _standing_for(name: str, module: ModuleType | None) -> Iterator[None]:
    """What an import of that module finds for this moment, None: that there is none. A module that is loaded stays."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = module  # type: ignore[assignment]  # None is how the import system is told so
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]


@contextlib.contextmanager
def _without_type_stubs() -> Iterator[None]:
    """Gradio parses the source of each component at every import, for stubs that editors have from the package.

    A class whose file is unknown is left out, so for this moment none has one.
    """
    original = inspect.getfile

    def getfile(item: Any) -> str:
        if isinstance(item, type) and item.__module__.startswith("gradio."):
            raise OSError(f"{item.__module__} needs no type stub")
        return original(item)

    inspect.getfile = getfile  # type: ignore[assignment]  # the same, but for one module
    try:
        yield
    finally:
        inspect.getfile = original


def _import_gradio_quickly() -> None:
    """Import Gradio without what the page never uses, which is more than half of its import time.

    Gradio's own MCP server needs ``mcp``, its cache of examples pandas; kdui's tools (``kdui/cli/mcp_server.py``) import ``mcp``
    themselves.
    """
    with (
        proxies.aside(),
        _without_type_stubs(),
        _standing_for("mcp", None),
        _standing_for("pandas", _Deferred("pandas")),
    ):
        import gradio  # noqa: F401


_import_gradio_quickly()
