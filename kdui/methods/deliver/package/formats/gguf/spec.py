"""Facts of the format."""

from kdui.core.deliverable import Deliverable

FORMAT = Deliverable(
    name="gguf",
    title="GGUF",
    file="package.gguf",
    takes="weights",
    needs=frozenset({"continuations"}),
    knobs=frozenset({"precision"}),
)
