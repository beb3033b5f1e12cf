"""Codebook: cluster every layer's weights, fine-tune what they share under the teacher, and pack the indices."""

from typing import Any

import numpy as np

from kdui.methods.compress.codebook.levels import Shared, most_points, shared_by_kmeans, shared_nf4, shared_powers
from kdui.methods.compress.codebook.packing import write_codebook
from kdui.methods.compress.codebook.sharing import SharedWeights
from kdui.methods.compress.fine_tuning import fine_tune
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input


def codebook(context: StepContext) -> dict[str, Any]:
    """The model with shared weights; accuracy is exact on the decoded weights, speed is that of the unpacked model."""
    settings = context.settings
    saved = load_input(context, "model")
    sharing = SharedWeights(lambda weights: share(weights, settings), moving=settings["levels"] == "k-means")
    summary = fine_tune(context, saved, compression=sharing)
    sizes = write_codebook(saved.module, sharing.shared, context.out)
    approximate = [name for name, shared in sharing.shared.items() if not shared.exact]
    if approximate:
        context.report.log(
            f"{', '.join(approximate)}: too many weights for an exact k-means; it is that of "
            f"{most_points(2 ** settings['bits']):,} bins of equal mass."
        )
    return {
        **summary,
        **sizes,
        "unpacked": "codebook",
        "bits": settings["bits"],
        "codebooks": {name: len(np.unique(shared.codes)) for name, shared in sharing.shared.items()},
        "approximate": approximate,
    }


def share(weights: np.ndarray, settings: dict[str, Any]) -> Shared:
    """One tensor's codebook by the step's settings."""
    if settings["levels"] == "nf4":
        return shared_nf4(weights, settings["block_size"])
    by = shared_powers if settings["levels"] == "power-of-two" else shared_by_kmeans
    return by(weights, settings["bits"])
