"""Facts of the format."""

from kdui.core.deliverable import Deliverable

FORMAT = Deliverable(
    name="genai", title="ONNX Runtime GenAI", file="package.zip", takes="graph", needs=frozenset({"continuations"})
)
