"""kdui: a laboratory bench for knowledge distillation and model compression in the browser.

``from kdui import Workbench`` gives programs and notebooks what the page gives a person; see ``kdui.client``.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``Workbench`` on first use: everything of kdui imports this module, and little of it needs the client."""
    if name == "Workbench":
        return import_module("kdui.client").Workbench
    raise AttributeError(f"module 'kdui' has no attribute '{name}'")
