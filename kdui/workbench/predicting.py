"""What every model of a run answers to one input: a text, a file, or an example of the test data."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdui.core.answers import AnswerPart, Boxes, Items, Ranked, Span
from kdui.core.errors import KduiError
from kdui.core.page_rows import Example
from kdui.core.sampling import Sampling
from kdui.workbench.generating import generates, write_whole

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_FILE = 32_000_000  # bytes that are read of a file; each kind of input has a limit of its own below
WRITTEN_TOKENS = 60  # that a language model writes after what it was given


def predictions(bench: "Workbench", run_id: str, example: str) -> list[dict[str, Any]]:
    """Each model's two best answers to one input, or the text that it writes after it."""
    detail = bench.run(run_id)
    if not detail.results:
        raise KduiError(f"Run {run_id} has no measured model yet (it is {detail.run.state}). Wait for it, or resume it.")
    task = detail.run.recipe.task
    given = payload(bench, task, example)
    if generates(next(facts for facts in bench.tasks() if facts.name == task)):
        return [{"model": item.label, "role": item.role, **_continued(bench, item.digest, given)} for item in detail.results]
    answers = bench.ask(task, [item.digest for item in detail.results], given)
    return [
        {
            "model": item.label,
            "role": item.role,
            **in_columns(answer.parts[0]),
            "p50 ms": round(answer.latency_ms.value, 3),
            "n": answer.latency_ms.provenance.n,
        }
        for item, answer in zip(detail.results, answers, strict=True)
    ]


def _continued(bench: "Workbench", digest: str, prompt: str) -> dict[str, Any]:
    """The most probable text of one model alone, and the speed of its tokens after the first."""
    (written,) = write_whole(bench.serving, [digest], prompt, Sampling(limit=WRITTEN_TOKENS)).values()
    speed = None if written.rate is None else round(written.rate, 1)
    return {"text": written.text, "tokens": written.tokens, "tokens/s": speed}


def in_columns(part: AnswerPart) -> dict[str, Any]:
    """The two best labels, the span with its probability, the first items, the objects in pixels, or the text."""
    if isinstance(part, Items):
        return {"first": "; ".join(row.name for row in part.rows[:3])}
    if isinstance(part, Span):
        return {"answer": part.text, "probability": round(part.probability, 4)}
    if isinstance(part, Boxes):
        sides = "{0.label} {0.score:.2f} at {0.left:.0f},{0.top:.0f} to {0.right:.0f},{0.bottom:.0f}"
        return {"objects": "; ".join(sides.format(box) for box in part.boxes)}
    if not isinstance(part, Ranked):
        return {"answer": part.text}
    columns = {"answer": part.rows[0].label, "probability": round(part.rows[0].probability, 4)}
    if len(part.rows) > 1:
        columns |= {"next": part.rows[1].label, "next probability": round(part.rows[1].probability, 4)}
    return columns


def payload(bench: "Workbench", task: str, example: str) -> Any:
    """A text, names with " · " between them, an image or sound file, or ``test:INDEX`` as what Compare would be given."""
    facts = next(item for item in bench.tasks() if item.name == task)
    if example.startswith("test:"):
        if not example[5:].isdigit():
            raise KduiError(f"'{example}' is not test:INDEX, e.g. test:12.")
        example_row = bench.examples(task, 1, int(example[5:]))[0]
        return _given(example_row)
    from kdui.modalities import modality_of

    kind = modality_of(facts.modality)
    if not hasattr(kind, "opened"):  # what is typed is the input itself
        return example
    try:
        with Path(example).expanduser().open("rb") as file:
            data = file.read(MOST_FILE + 1)
    except (OSError, ValueError, RuntimeError) as error:
        words = getattr(error, "strerror", None) or "it is no path"
        raise KduiError(f"{example} cannot be read ({words}). Give a file, or test:INDEX.") from None
    return kind.opened(data)


def _given(example: Example) -> Any:
    """A test example as Compare would send it."""
    if example.sound is not None:
        return base64.b64decode(example.sound)
    if example.items is not None:
        return list(example.items)
    if example.passage is not None:
        return example.text, example.passage
    if example.image is None:
        return example.text
    import numpy

    return numpy.array(example.image, numpy.uint8)
