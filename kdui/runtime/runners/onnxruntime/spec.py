"""Facts of ONNX Runtime."""

from kdui.core.runner import RunnerFacts

RUNNER = RunnerFacts(
    name="onnxruntime",
    title="ONNX Runtime",
    packages=("onnxruntime", "onnxruntime-gpu"),
    install="pip install onnxruntime",
)
