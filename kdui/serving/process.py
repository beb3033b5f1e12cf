"""The serving process: ``python -m kdui.serving.process`` answers JSON lines on stdin with JSON lines on stdout.

It runs beside the page, so a slow or crashing model never blocks it. It ends when the page's end of the pipe closes.
``kdui.serving.connection`` says what the lines are.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

from kdui.launch.yielding import as_a_group
from kdui.runtime.json_process import answers_pipe, end_with_parent
from kdui.serving.answers import Answers
from kdui.serving.requests import Requests
from kdui.settings import Settings


def main() -> None:
    """Answer until stdin closes."""
    end_with_parent()
    if (niceness := os.getpriority(os.PRIO_PROCESS, 0)) > 0:  # the page yields to workers: so does this session of its own
        as_a_group(niceness)
    # As in the worker: idle threads sleep. Read when torch is first imported, which an estimate may do.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    pipe = answers_pipe()
    writing = threading.Lock()

    def write(message: Mapping[str, Any]) -> None:
        with writing:
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    requests = Requests(Answers(Settings.from_environment()), write)
    for line in sys.stdin:
        requests.take(json.loads(line))
    os._exit(0)  # nobody waits for what other threads still compute


if __name__ == "__main__":
    main()
