"""Bidirectional LSTM over word pieces: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class BilstmOptions(Frozen):
    """Shape of a bidirectional LSTM classifier."""

    embedding: int = Field(default=64, ge=2, le=1024, description="dimensions that are kept of the teacher's word embeddings")
    hidden: int = Field(default=128, ge=1, le=1024, description="units in each direction")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of embedding and feature values dropped in training")
    vocabulary: int = Field(
        default=0, ge=0, le=1_000_000, description="word pieces that are kept of the teacher's, the task's most frequent; 0: all"
    )


FAMILY = Family(
    name="bilstm",
    title="BiLSTM",
    modality="text",
    options=BilstmOptions,
    quantization="dynamic",
    shows=("tokens",),
    offers=("text-embeddings",),
    later={"vocabulary": 0},
    presets=(
        *(
            Preset(
                name=f"bilstm-{hidden}",
                title=f"BiLSTM-{hidden}",
                options={"hidden": hidden},
                from_teacher="text-embeddings",
                summary=f"{hidden} LSTM units in each direction over the teacher's embeddings, reduced to 64 dimensions.",
            )
            for hidden in (64, 128)
        ),
        *(
            Preset(
                name=f"bilstm-{hidden}-trim",
                title=f"BiLSTM-{hidden} trimmed",
                options={"hidden": hidden, "vocabulary": 6000},
                from_teacher="text-embeddings",
                summary=f"{hidden} LSTM units in each direction over the 6,000 word pieces that the task uses most.",
            )
            for hidden in (64, 128)
        ),
    ),
)
