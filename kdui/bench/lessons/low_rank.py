"""Singular values of a picture and of real weight matrices, for the lesson on low rank."""

import base64
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from kdui.bench.lessons.grid import MATRIX
from kdui.catalogue.fetch import fetch
from kdui.catalogue.tasks import load_task
from kdui.models.minilm.spec import MINILM
from kdui.settings import Settings

PICTURE = 0  # place among the test images of Fashion-MNIST
MATRICES = {
    "query": "encoder.layer.2.attention.self.query.weight",
    "feed-forward": MATRIX,
    "embeddings": "embeddings.word_embeddings.weight",
}
POINTS = 97  # ranks at which the energy of a matrix is kept, evenly spaced


def low_rank(settings: Settings) -> dict[str, Any]:
    """The picture with its factors [28 × 28] for every rank; of each matrix the share of its energy up to each rank."""
    facts, splits = load_task("fashion-mnist", settings)
    picture = np.asarray(splits["test"].inputs[PICTURE], np.float64).reshape(28, 28)
    left, values, right = np.linalg.svd(picture)
    tensors = load_file(fetch(MINILM, settings) / "model.safetensors")
    return {
        "title": f"{facts.title}, test image {PICTURE}; weight matrices of MiniLM-L6 as it is distributed",
        "image": base64.b64encode(picture.astype(np.uint8).tobytes()).decode(),
        "left": _rounded(left),
        "values": _rounded(values),
        "right": _rounded(right),
        "matrices": {title: _energy(tensors[name].astype(np.float32)) for title, name in MATRICES.items()},
    }


def _energy(matrix: np.ndarray) -> dict[str, Any]:
    """Ranks, and the share of the sum of squared singular values that the largest of them hold."""
    squares = np.linalg.eigvalsh(matrix.T @ matrix if matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T)[::-1]
    ranks = np.linspace(0, len(squares), POINTS).round().astype(int)
    share = np.concatenate([[0.0], np.cumsum(squares) / squares.sum()])[ranks]
    return {
        "rows": matrix.shape[0],
        "columns": matrix.shape[1],
        "ranks": ranks.tolist(),
        "energy": [round(float(s), 5) for s in share],
    }


def _rounded(values: np.ndarray) -> Any:
    return np.vectorize(lambda value: float(f"{value:.4g}"))(values).tolist()
