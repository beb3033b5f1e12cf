"""Facts of the format."""

from kdui.core.deliverable import Deliverable

FORMAT = Deliverable(name="hf", title="Hugging Face", file="package.zip", takes="weights", needs=frozenset({"continuations"}))
