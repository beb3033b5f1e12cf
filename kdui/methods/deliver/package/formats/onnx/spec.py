"""Facts of the format."""

from kdui.core.deliverable import Deliverable

FORMAT = Deliverable(name="onnx", title="ONNX", file="package.zip", takes="graph")
