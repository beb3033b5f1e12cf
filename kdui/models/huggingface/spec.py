"""Any Hugging Face checkpoint of a classifier or a causal language model, by hub id or local folder: facts."""

from kdui.core.contracts import Family
from kdui.core.foreign import UNSAID, ForeignOptions

# The catalogue narrows modality, problems, quantization and offers to what the task and the checkpoint are.
FAMILY = Family(
    name="huggingface",
    title="Hugging Face checkpoint",
    modality="any",
    structured_pruning=True,
    quantization="dynamic",
    options=ForeignOptions,
    later=UNSAID,
    problems=("classification", "several", "language-model"),
    offers=("text-embeddings", "tokenizer", "causal-lm"),
)
