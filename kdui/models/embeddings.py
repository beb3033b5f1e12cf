"""Word embeddings that a small text model takes over from its teacher, in fewer dimensions or as a product of two matrices."""

from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.vocabulary import Vocabulary

# Root mean square of an entry. At a BERT's own 0.05 the pooled classifier learns much more slowly; a BiLSTM does not care.
SCALE = 0.5


class FactorizedEmbedding(nn.Module):
    """A table of few dimensions and the projection to the model's width (Lan et al. 2020, ALBERT, section 3.1)."""

    def __init__(self, vocabulary: int, rank: int, width: int):
        super().__init__()
        self.table = nn.Embedding(vocabulary, rank)
        self.expand = nn.Linear(rank, width, bias=False)

    @property
    def weight(self) -> torch.Tensor:
        """The whole table [vocabulary, width] that it stands for."""
        return self.table.weight @ self.expand.weight.T

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.expand(self.table(ids))


def start_from_embeddings(module: Any, teacher: Any, vocabulary: Vocabulary) -> None:
    """Give the student's ``word_embedding`` the teacher's rows of its vocabulary in its own width, and its tokenizer with them.

    Every text module of kdui has ``word_embedding`` and ``tokenizer_json``.
    """
    own = module.word_embedding
    with torch.no_grad():
        set_rows(own, reduce_embeddings(vocabulary.of(teacher.word_embedding.weight.detach()), own.embedding_dim))
    module.tokenizer_json = vocabulary.tokenizer_json


def set_rows(embedding: nn.Embedding, rows: torch.Tensor) -> None:
    """Make the table these rows, however many it had."""
    embedding.num_embeddings = len(rows)
    embedding.weight = nn.Parameter(rows.clone())


def factorize(matrix: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """[rows, rank] and [width, rank] whose product is the best of that rank (Eckart and Young 1936), exact at full rank."""
    rows = matrix.double()
    directions = _directions(rows, rank)
    return (rows @ directions).to(matrix.dtype), directions.to(matrix.dtype)


def reduce_embeddings(matrix: torch.Tensor, dimensions: int) -> torch.Tensor:
    """The rows of ``matrix`` [vocabulary, width] in their first ``dimensions`` principal components, scaled to one size.

    No projection of that many dimensions keeps more of the variance (Eckart and Young 1936; for word embeddings
    Raunak et al. 2017, arXiv:1708.03629). Raises StageFailed where the matrix is narrower than requested.
    """
    width = matrix.shape[1]
    if dimensions > width:
        raise StageFailed(
            f"The student wants {dimensions} embedding dimensions but its teacher has {width}. Set embedding to at most {width}."
        )
    centred = (matrix - matrix.mean(dim=0)).double()
    reduced = centred @ _directions(centred, dimensions)
    return (reduced * (SCALE / reduced.square().mean().sqrt())).to(matrix.dtype)


def _directions(rows: torch.Tensor, count: int) -> torch.Tensor:
    """The first right singular vectors [width, count] of rows [n, width] in double precision."""
    _, vectors = torch.linalg.eigh(rows.T @ rows)
    directions = vectors.flip(1)[:, :count]
    # An eigenvector's sign is arbitrary: let its largest entry be positive, so that every machine starts alike.
    largest = directions.abs().argmax(dim=0)
    return directions * directions[largest, torch.arange(count)].sign()
