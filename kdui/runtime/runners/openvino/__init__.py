"""OpenVINO: a second runtime, whose int8 kernels use AMX where the processor has it."""
