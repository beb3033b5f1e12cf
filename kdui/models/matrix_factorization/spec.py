"""Matrix factorization: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen

WIDTHS, WEIGHTS, PENALTIES = (16, 48), (0.3, 1.0), (0.003, 0.01, 0.03)  # among which the validation data choose
CHOSEN = "0: chosen on the validation data"


class MatrixFactorizationOptions(Frozen):
    """What the validation data do not choose."""

    width: int = Field(default=0, ge=0, le=512, description=f"dimensions of an item's vector; {CHOSEN}")
    weight: float = Field(default=0.0, ge=0, le=10, description=f"weight α₀ of items that were not taken; {CHOSEN}")
    penalty: float = Field(default=0.0, ge=0, le=10, description=f"regularization λ; {CHOSEN}")


FAMILY = Family(
    name="matrix_factorization",
    title="Matrix factorization",
    modality="interactions",
    problems=("ranking",),
    options=MatrixFactorizationOptions,
    quantization="dynamic",
    at_once=True,
    presets=(
        Preset(
            name="matrix-factorization",
            title="Matrix factorization",
            summary="Implicit alternating least squares; dimensions, weight and regularization are tuned on the validation data.",
            offered=("teacher",),
        ),
    ),
)
