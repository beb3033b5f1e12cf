"""Two rows of a real weight matrix, one with an outlier, for the lesson on the quantization grid."""

from typing import Any

import numpy as np
from safetensors.numpy import load_file

from kdui.catalogue.fetch import fetch
from kdui.models.minilm.spec import MINILM
from kdui.settings import Settings

MATRIX = "encoder.layer.0.output.dense.weight"


def grid(settings: Settings) -> dict[str, Any]:
    """The row with the largest weight and the row whose range is the median one; each [inputs] in fp32, three digits kept."""
    matrix = load_file(fetch(MINILM, settings) / "model.safetensors")[MATRIX]
    largest = np.abs(matrix).max(1)
    ordinary = int(np.argsort(largest)[len(largest) // 2])
    rows = {"outlier": int(largest.argmax()), "ordinary": ordinary}
    return {
        "title": f"Weights of MiniLM-L6 as it is distributed, {MATRIX}, {matrix.shape[0]} × {matrix.shape[1]}",
        "largest": float(f"{largest.max():.5g}"),
        "deviation": float(f"{matrix.std():.5g}"),
        "rows": {
            name: {"row": place, "weights": [float(f"{weight:.4g}") for weight in matrix[place]]} for name, place in rows.items()
        },
    }
