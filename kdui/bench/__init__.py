"""Benchmarks of what kdui promises: ``python -m kdui.bench [NAME ...]``. Each ratio's baseline is measured in the same run."""

import os

# As a worker has it; it counts only when it is set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
