"""Any Hugging Face classification checkpoint, by hub id or local folder: facts."""

from kdui.core.contracts import Family

# The catalogue narrows modality, quantization and offers to what the task and the checkpoint are.
FAMILY = Family(
    name="huggingface",
    title="Hugging Face checkpoint",
    modality="any",
    structured_pruning=True,
    quantization="dynamic",
    offers=("text-embeddings",),
)
