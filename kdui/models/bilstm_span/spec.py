"""Bidirectional LSTM with attention from a passage to a question: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class BilstmSpanOptions(Frozen):
    """Shape of the LSTMs and size of the embeddings."""

    embedding: int = Field(default=64, ge=2, le=1024, description="dimensions that are kept of the teacher's word embeddings")
    hidden: int = Field(default=64, ge=1, le=1024, description="units in each direction, in both LSTMs")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of embedding and feature values dropped in training")
    vocabulary: int = Field(
        default=0, ge=0, le=1_000_000, description="word pieces that are kept of the teacher's, the task's most frequent; 0: all"
    )


FAMILY = Family(
    name="bilstm_span",
    title="BiLSTM with attention",
    modality="passage",
    problems=("spans",),
    options=BilstmSpanOptions,
    quantization="dynamic",
    shows=("tokens",),
    offers=("text-embeddings",),
    presets=tuple(
        Preset(
            name=f"bilstm-{hidden}-span",
            title=f"BiLSTM-{hidden} with attention, spans",
            options={"hidden": hidden, "vocabulary": 8000},
            from_teacher="text-embeddings",
            summary=f"{hidden} LSTM units in each direction, attention from passage to question, over 8,000 of the teacher's "
            "word pieces in 64 dimensions.",
        )
        for hidden in (64, 128)
    ),
)
