"""What is computed in the background once the page is served, so that its first visits are answered at once."""

import contextlib
import threading
from typing import TYPE_CHECKING

from kdui.core.errors import KduiError
from kdui.core.logs import logger
from kdui.ui.build import BuildCalls

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

VISIT_SECONDS = 5.0  # after which nobody waits for a first page, and the processors are free


def warm_up(workbench: "Workbench", visited: threading.Event) -> threading.Thread:
    """In a thread of its own: Build's first view at once; the rest after ``visited``, when a page has had its first answer.

    Until then the processors are the browser's: the serving process for Compare loads PyTorch, which takes a core for seconds.
    """

    def start() -> None:
        with contextlib.suppress(KduiError):  # whoever visits Build is told
            BuildCalls(workbench).build_plan({})
        visited.wait(VISIT_SECONDS)
        for row in workbench.runs(state="succeeded", size=1).rows:
            with contextlib.suppress(KduiError):  # whoever visits Explore is told
                workbench.points(row.task)
        for task in workbench.tasks():
            with contextlib.suppress(KduiError):  # whoever visits the task is told
                workbench.unfit_methods(workbench.default_recipe(task.name))
        try:
            workbench.serving.call("warm_up")
        except KduiError as error:
            logger("workbench").error("serving: %s", error)

    thread = threading.Thread(target=start, daemon=True, name="warm-up")
    thread.start()
    return thread
