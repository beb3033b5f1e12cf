"""Facts of OpenVINO."""

from kdui.core.runner import RunnerFacts

RUNNER = RunnerFacts(
    name="openvino",
    title="OpenVINO",
    packages=("openvino",),
    install="pip install 'kdui[openvino]'",
    note="float layers in fp32, not in bf16 as OpenVINO would choose by itself",
)
