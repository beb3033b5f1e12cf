"""Pooled word-piece embeddings: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class PooledOptions(Frozen):
    """Shape of a classifier over pooled embeddings."""

    embedding: int = Field(default=64, ge=2, le=1024, description="dimensions that are kept of the teacher's word embeddings")
    hidden: int = Field(default=128, ge=1, le=4096, description="units of the hidden layer")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of embedding and feature values dropped in training")
    vocabulary: int = Field(
        default=0, ge=0, le=1_000_000, description="word pieces that are kept of the teacher's, the task's most frequent; 0: all"
    )


FAMILY = Family(
    name="pooled",
    title="Pooled embeddings",
    modality="text",
    options=PooledOptions,
    quantization="dynamic",
    offers=("text-embeddings",),
    later={"vocabulary": 0},
    presets=(
        *(
            Preset(
                name=f"pooled-{size}",
                title=f"Pooled embeddings {size}",
                options={"embedding": size},
                from_teacher="text-embeddings",
                summary=f"Mean and maximum of the teacher's embeddings in {size} dimensions, then a hidden layer; no word order.",
            )
            for size in (32, 64)
        ),
        Preset(
            name="pooled-64-trim",
            title="Pooled embeddings 64 trimmed",
            options={"embedding": 64, "vocabulary": 6000},
            from_teacher="text-embeddings",
            summary="The same over the 6,000 word pieces that the task uses most.",
        ),
    ),
)
