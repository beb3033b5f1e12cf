"""The page over a given workbench, served for as long as a test looks at it."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

from kdui.ui.page import launch
from kdui.workbench.workbench import Workbench


@contextlib.contextmanager
def served(bench: Workbench) -> Iterator[str]:
    """The address of the page on a free port."""
    with launched(bench) as demo:
        yield demo.local_url


@contextlib.contextmanager
def launched(bench: Workbench, **options: Any) -> Iterator[Any]:
    """The served page itself on a free port; ``options`` as ``launch`` takes them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = launch(bench, port=port, block=False, **options)
    try:
        yield demo
    finally:
        demo.close()
