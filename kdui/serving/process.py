"""The serving process: ``python -m kdui.serving.process`` answers JSON lines on stdin with JSON lines on stdout.

It runs beside the page, so a slow or crashing model never blocks it. It ends when the page's end of the pipe closes.
"""

import json
import os
import sys
import traceback
from typing import Any

from kdui.core.errors import KduiError, RecipeError
from kdui.launch.yielding import as_a_group
from kdui.runtime.json_process import answers_pipe, end_with_parent
from kdui.serving.answers import Answers
from kdui.settings import Settings


def main() -> None:
    """Answer until stdin closes."""
    end_with_parent()
    if (niceness := os.getpriority(os.PRIO_PROCESS, 0)) > 0:  # the page yields to workers: so does this session of its own
        as_a_group(niceness)
    # As in the worker: idle threads sleep. Read when torch is first imported, which an estimate may do.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    pipe = answers_pipe()
    answers = Answers(Settings.from_environment())
    for line in sys.stdin:
        pipe.write(json.dumps(_answer(answers, json.loads(line))) + "\n")
        pipe.flush()


def _answer(answers: Answers, request: dict[str, Any]) -> dict[str, Any]:
    kind = request.pop("kind")
    try:
        return {"answer": getattr(answers, kind)(**request)}
    except KduiError as error:
        return {"error": str(error), "recipe": isinstance(error, RecipeError)}
    except Exception as error:
        traceback.print_exc()
        return {
            "error": f"The serving process failed ({type(error).__name__}: {str(error)[:200]}). "
            "The server's output has the details."
        }


if __name__ == "__main__":
    main()
