"""The page over a given workbench, served for as long as a test looks at it."""

import contextlib
import socket
from collections.abc import Iterator

from kdui.ui.page import launch
from kdui.workbench import Workbench


@contextlib.contextmanager
def served(bench: Workbench) -> Iterator[str]:
    """The address of the page on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = launch(bench, port=port, block=False)
    yield f"http://127.0.0.1:{port}/"
    demo.close()
