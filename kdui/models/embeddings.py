"""Word embeddings that a small text model takes over from its teacher, in fewer dimensions."""

from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed

# Root mean square of an entry. At a BERT's own 0.05 the pooled classifier learns much more slowly; a BiLSTM does not care.
SCALE = 0.5


def start_from_embeddings(module: Any, teacher: Any) -> None:
    """Give the student's ``word_embedding`` the teacher's vocabulary in its own width, and the teacher's tokenizer with it.

    Every text module of kdui has ``word_embedding`` and ``tokenizer_json``.
    """
    own = module.word_embedding
    with torch.no_grad():
        reduced = reduce_embeddings(teacher.word_embedding.weight.detach(), own.embedding_dim)
    own.num_embeddings = len(reduced)
    own.weight = nn.Parameter(reduced)
    module.tokenizer_json = teacher.tokenizer_json


def reduce_embeddings(matrix: torch.Tensor, dimensions: int) -> torch.Tensor:
    """The rows of ``matrix`` [vocabulary, width] in their first ``dimensions`` principal components, scaled to one size.

    No projection of that many dimensions keeps more of the variance (Eckart and Young 1936; for word embeddings
    Raunak et al. 2017, arXiv:1708.03629). Raises StageFailed where the matrix is narrower than asked.
    """
    width = matrix.shape[1]
    if dimensions > width:
        raise StageFailed(
            f"The student wants {dimensions} embedding dimensions but its teacher has {width}. Set embedding to at most {width}."
        )
    centred = (matrix - matrix.mean(dim=0)).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    components = vectors.flip(1)[:, :dimensions]
    # An eigenvector's sign is arbitrary: let its largest entry be positive, so that every machine starts alike.
    largest = components.abs().argmax(dim=0)
    components = components * components[largest, torch.arange(dimensions)].sign()
    reduced = centred @ components
    return (reduced * (SCALE / reduced.square().mean().sqrt())).to(matrix.dtype)
