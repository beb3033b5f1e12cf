"""What a model's size is estimated from before a run: counts of the model as it is built, changed by each method in turn."""

import math

from pydantic import Field

from kdui.core.plain import Frozen

# Bytes of a gzipped graph that are no weights (names, shapes, labels), as of the smallest CNN here.
CONTAINER, INT8_CONTAINER = 1300.0, 3500.0
FLOAT_BITS = 32.0
GZIPPED_FLOATS = 0.92  # of their size: float weights barely compress


class Counts(Frozen):
    """A model in numbers. Each method that changes it gives changed counts: the fewest bits and the most zeros count."""

    parameters: float
    macs: float = Field(description="multiplications and additions for one example")
    bits: float = Field(default=FLOAT_BITS, description="that a weight keeps in the file")
    sparsity: float = Field(default=0.0, description="share of weights that are zero")
    length: int = Field(default=0, description="tokens of a text; 0 for pictures")
    exact: bool = Field(default=True, description="whether parameters are counted on the network, not worked out by formula")

    def rounded_to(self, bits: float) -> "Counts":
        """With weights of this many bits at the most."""
        return self.model_copy(update={"bits": min(self.bits, bits)})

    def without(self, share: float) -> "Counts":
        """With that share of single weights at zero at the least."""
        return self.model_copy(update={"sparsity": max(self.sparsity, share)})

    @property
    def download(self) -> float:
        """MB over a wire: a sparse tensor costs its zeros' entropy H(s) a weight plus its non-zeros."""
        entropy = -sum(share * math.log2(share) for share in (self.sparsity, 1 - self.sparsity) if share > 0)
        a_weight = (1 - self.sparsity) * self.bits * (GZIPPED_FLOATS if self.bits == FLOAT_BITS else 1.0) + entropy
        container = INT8_CONTAINER if self.bits == 8 else CONTAINER
        return (self.parameters * a_weight / 8 + container) / 1e6
