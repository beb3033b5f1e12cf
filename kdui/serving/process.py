"""The serving process: ``python -m kdui.serving.process`` answers JSON lines on stdin with JSON lines on stdout.

It runs beside the page, so a slow or crashing model never blocks it. It ends when the page's end of the pipe closes.
"""

import json
import os
import sys
import traceback
from typing import Any

from kdui.core.errors import KduiError, RecipeError
from kdui.serving.answers import Answers
from kdui.settings import Settings


def main() -> None:
    """Answer until stdin closes."""
    # As in the worker: idle threads sleep. Read when torch is first imported, which an estimate may do.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Libraries may print: only answers may reach the page, so stdout becomes stderr and the pipe is kept apart.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
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
            "error": f"The serving process could not answer ({type(error).__name__}: {str(error)[:200]}). "
            "The server's output has the details."
        }


if __name__ == "__main__":
    main()
