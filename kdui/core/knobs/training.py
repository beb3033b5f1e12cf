"""The knobs that every stage with training shares, and how they enter a digest."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError

ADVANCED: JsonDict = {"advanced": True}
SCALED: JsonDict = {"scales": {"demo": {"at_most": 3}, "full": {"times": 2}}}  # passes over the data, by how much it may cost
NEVER: JsonDict = {"advanced": True, "only_when": {"epochs": []}}  # an inherited knob that means nothing here is not drawn
KEPT_LOGITS = 64
KeptLogits = Annotated[
    int,
    Field(
        ge=1,
        le=65_536,
        title="Cached logits per token",
        description="How many of the teacher's largest logits are cached for each token. More lose less of its distribution and "
        "take more disk space; the log says what is lost.",
        json_schema_extra={"advanced": True, "needs": "tokens"},
    ),
]
# Knobs that joined TrainingKnobs and the forms made of it later, with the value at which they do nothing.
DEFERRED: dict[str, Any] = {
    "labels": 1.0,
    "adapter_rank": 0,
    "dropout": None,
    "l1": 0.0,
    "group_lasso": 0.0,
    "erase": 0.0,
    "validation_examples": 0,
    "kept_logits": KEPT_LOGITS,
    "accumulate": 1,
    "recompute": False,
    "packed": False,
}


class TrainingKnobs(StageSpec):
    """How long and how fast to train. Validation data chooses the best epoch; test data is never seen."""

    epochs: int = Field(
        default=8,
        ge=0,
        le=1000,
        title="Epochs",
        description="Passes over the training data.",
        json_schema_extra=SCALED,
    )
    batch_size: int = Field(
        default=64, ge=1, le=8192, title="Batch size", description="Examples per training step.", json_schema_extra=ADVANCED
    )
    learning_rate: float = Field(
        default=1e-3,
        gt=0,
        le=10,
        title="Learning rate",
        description="Peak learning rate of the schedule.",
        json_schema_extra=ADVANCED,
    )
    schedule: Literal["one-cycle", "cosine", "linear", "constant"] = Field(
        default="one-cycle",
        title="Schedule",
        description="How the learning rate changes during training.",
        json_schema_extra=ADVANCED,
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw", title="Optimizer", description="SGD uses Nesterov momentum 0.9.", json_schema_extra=ADVANCED
    )
    weight_decay: float = Field(
        default=1e-2, ge=0, le=1, title="Weight decay", description="Shrinks weights towards zero.", json_schema_extra=ADVANCED
    )
    augment: bool = Field(
        default=False,
        title="Data augmentation",
        description="Images: random shifts by up to one eighth; horizontal flips where they keep the label. Sounds: other "
        "speeds, shifts and tone, noise in every second one.",
        json_schema_extra={"advanced": True, "modality": ["image", "audio"]},
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="Patience",
        description="Stop after this many epochs without improvement on validation data; 0 trains to the end.",
        json_schema_extra=ADVANCED,
    )
    train_examples: int = Field(
        default=0,
        ge=0,
        title="Training examples",
        description="Train on the first N examples only (0 = all).",
        json_schema_extra={"advanced": True, "scales": {"all": 0, "demo": {"at_most": 2000}, "full": {"is": 0}}},
    )
    validation_examples: int = Field(
        default=0,
        ge=0,
        title="Validation examples",
        description="Validate on the first N examples only (0 = all).",
        json_schema_extra=ADVANCED,
    )
    labels: float = Field(
        default=1.0,
        gt=0,
        le=1,
        title="Labelled fraction",
        description="Fraction of training examples with labels, stratified by class. Only data-based methods use the "
        "unlabelled rest. Steps per epoch stay the same.",
        json_schema_extra={"advanced": True, "needs": "classes", "step": 0.05, "percent": True},
    )

    adapter_rank: int = Field(
        default=0,
        ge=0,
        le=256,
        title="Adapter rank",
        description="LoRA: train only low-rank adapters in the attention layers, and the head, then merge them. 0 trains "
        "all weights. Needs a learning rate about 100 times higher, e.g. 5e-3.",
        json_schema_extra={"advanced": True, "modality": "text", "shows": "transformer"},
    )
    dropout: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        title="Dropout",
        description="Dropout rate (before the output layer if the model has none). Empty: the model's default.",
        json_schema_extra=ADVANCED,
    )
    l1: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="L1",
        description="L1 penalty: weight of Σ|w| in the loss, drives individual weights to zero. Start at 1e-6.",
        json_schema_extra=ADVANCED,
    )
    group_lasso: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Group lasso",
        description="Weight of the sum of output-channel norms in the loss: drives whole channels to zero. Start at 1e-4.",
        json_schema_extra=ADVANCED,
    )

    accumulate: int = Field(
        default=1,
        ge=1,
        le=1024,
        title="Gradient accumulation",
        description="Split each batch into this many parts and update once after the last: the same step with less memory. "
        "Losses that compare the examples of a batch see one part at a time.",
        json_schema_extra=ADVANCED,
    )
    recompute: bool = Field(
        default=False,
        title="Gradient checkpointing",
        description="Recompute activations in the backward pass instead of storing them: less memory, about a third more time.",
        json_schema_extra={"advanced": True, "modality": "text", "shows": "transformer"},
    )

    packed: bool = Field(
        default=False,
        title="Packed sequences",
        description="Put the texts of a batch end to end instead of padding them; no token sees another text. Batches are then "
        "drawn whatever the lengths of their texts.",
        json_schema_extra={"advanced": True, "needs": "continuations"},
    )

    def training(self) -> dict[str, Any]:
        """Only the knobs of this class: what decides a training without a teacher."""
        return {name: value for name, value in self.chosen().items() if name in TrainingKnobs.model_fields}

    def chosen(self) -> dict[str, Any]:
        """All knobs, but those that came ``DEFERRED`` only where they are turned on: artifacts made before them stay valid."""
        return {name: value for name, value in self.model_dump().items() if name not in DEFERRED or value != DEFERRED[name]}


def refuse_adapters(stage: str, spec: TrainingKnobs) -> None:
    """Raises RecipeError in a stage that removes or rounds weights: an adapter that is merged would undo that."""
    if spec.adapter_rank:
        raise RecipeError(
            f"Stage '{stage}' prunes or quantizes weights, which merging an adapter would undo. Set 'adapter_rank: 0' there."
        )
