"""The process that runs an untrusted graph: ``python -m kdui.runtime.confined_graph`` (see ``confined``)."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from kdui.runtime.graph_counts import graph_counts
from kdui.runtime.json_process import answers_pipe, bound_memory, end_with_parent
from kdui.runtime.sessions import open_session

MEMORY_WORDS = ("failed to allocate memory", "bad_alloc", "out of memory")  # of ONNX Runtime and of C++


def main() -> None:
    """Answer until stdin closes."""
    end_with_parent()
    pipe = answers_pipe()
    session: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "open" in request:
                bound_memory(request["memory_mb"])
                session = open_session(Path(request["open"]), request["threads"], optimize=request["optimize"])
                answer: dict[str, Any] = {}
            elif "count" in request:
                answer = {"counts": graph_counts(Path(request["count"]), request["shapes"])}
            else:
                _run(session, request)
                answer = {}
        except Exception as error:  # ONNX Runtime raises errors of many kinds for a graph that it cannot open or run
            words = str(error) or type(error).__name__
            answer = {"error": words[:2000], "memory": _is_memory(error, words)}
        pipe.write(json.dumps(answer) + "\n")
        pipe.flush()


def _run(session: Any, request: dict[str, Any]) -> None:
    with np.load(request["run"], allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    outputs = session.run(request["names"], arrays)
    if not all(isinstance(output, np.ndarray) and output.dtype != object for output in outputs):
        raise TypeError("it gives something else than arrays of numbers")
    np.savez(request["into"], **{f"output{number}": output for number, output in enumerate(outputs)})


def _is_memory(error: Exception, words: str) -> bool:
    return isinstance(error, MemoryError) or any(each in words.lower() for each in MEMORY_WORDS)


if __name__ == "__main__":
    main()
