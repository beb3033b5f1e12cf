"""Small frames with the columns of ``Workbench.points``."""

from typing import Any

import numpy as np
import pandas as pd

from kdui.core.metric import Metric

# A metric of the other direction and another unit.
LOWER = Metric(name="bits_per_byte", title="Bits per byte", unit="bits per byte", higher_is_better=False)

COLUMNS = (
    "run",
    "run_name",
    "step",
    "role",
    "label",
    "model",
    "digest",
    "seed",
    "group",
    "headline",
    "headline_low",
    "headline_high",
    "latency_ms",
    "latency_low",
    "latency_high",
    "token_ms",
    "file_mb",
    "packed_mb",
    "gzip_mb",
    "download_mb",
    "parameters",
    "macs",
    "memory_mb",
    "retained",
    "speedup",
    "origin",
    "latency_origin",
    "created",
    "settings",
)


def point(run: str, role: str, headline: float, **values: Any) -> dict[str, Any]:
    """One measured model; what is not given takes a plain default."""
    seed = values.get("seed", 0)
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row.update(
        run=run,
        run_name=f"run {run}",
        step=role,
        role=role,
        label=f"{role} model",
        model=role,
        digest=f"{run}-{role}-{seed}",
        seed=seed,
        group=f"{run}-{role}",
        headline=headline,
        headline_low=headline - 1,
        headline_high=headline + 1,
        latency_ms=1.0,
        file_mb=4.0,
        download_mb=4.0,
        parameters=1e6,
        macs=1e6,
        retained=headline,
        speedup=2.0,
        origin="measured",
        latency_origin="measured",
        created="2026-11-24T10:00:00",
        settings={},
    )
    row.update(values)
    return row


def points(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def random_points(n: int, seed: int = 0) -> pd.DataFrame:
    """``n`` rows in runs of four models, three seeds to a recipe, with costs over four decades."""
    draw = np.random.default_rng(seed)
    roles = np.array(["teacher", "student", "control", "compressed"])[np.arange(n) % 4]
    run = np.arange(n) // 4
    recipe, seeds = run // 3, run % 3
    headline = np.select([roles == "teacher", roles == "student", roles == "control"], [97.6, 96.5, 95.6], 96.0)
    headline = np.round(headline + draw.normal(0, 0.8, n), 2)
    latency = 10 ** draw.uniform(-1, 1.5, n)
    return pd.DataFrame(
        {
            "run": [f"r{i:05d}" for i in run],
            "run_name": [f"run {i}" for i in run],
            "step": roles,
            "role": roles,
            "label": [f"{role} {i}" for role, i in zip(roles, recipe, strict=True)],
            "model": roles,
            "digest": [f"d{i}" for i in range(n)],
            "seed": seeds,
            "group": [f"g{i}-{role}" for role, i in zip(roles, recipe, strict=True)],
            "headline": headline,
            "headline_low": headline - 0.7,
            "headline_high": headline + 0.7,
            "latency_ms": latency,
            "latency_low": latency * 0.95,
            "latency_high": latency * 1.1,
            "token_ms": np.nan,
            "file_mb": 10 ** draw.uniform(-1, 2, n),
            "packed_mb": np.nan,
            "gzip_mb": np.nan,
            "download_mb": np.where(roles == "compressed", 10 ** draw.uniform(-2, 1, n), 10 ** draw.uniform(-1, 2, n)),
            "parameters": 10 ** draw.uniform(4, 7.3, n),
            "macs": 10 ** draw.uniform(5, 9, n),
            "memory_mb": 50.0,
            "retained": headline / 97.6 * 100,
            "speedup": 16.4 / latency,
            "origin": np.where((roles == "compressed") & (run % 2 == 0), "simulated", "measured"),
            "latency_origin": "measured",
            "created": [f"2026-11-24T{i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}" for i in run],
            "settings": [
                {"distill.temperature": float(i % 7 + 1), "quantize.bits": int(i % 5 + 2), "prune.sparsity": 0.1 * (i % 9)}
                for i in recipe
            ],
        }
    )
