"""Benchmarks of what kdui promises: ``python -m kdui.bench [NAME ...]``. Each ratio's baseline is measured in the same run."""
