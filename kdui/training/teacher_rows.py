"""A teacher's rows over the training data where a split has far more rows than examples and a row very many choices.

Of each row the largest logits are kept, with their places and what the others have together; rows of an example lie together, and
offsets say which are whose. An epoch of distillation then costs no pass of the teacher.
"""

import json
import math
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch

from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.core.plain import canonical_json
from kdui.core.rows import OtherRows, TopLogits
from kdui.problems.head_rows import CHUNK_VALUES

if TYPE_CHECKING:
    from pathlib import Path

    from kdui.training.loop import Batch

VALUES, PLACES, REST, OFFSETS, FACTS = "row_values.bin", "row_places.bin", "row_rest.bin", "row_offsets.npy", "rows.json"
RESIDENT_BYTES = 1 << 30


class RowsWriter:
    """Writes the rows of batches of examples, in any order of the examples; call ``close`` at the end.

    A row takes 6 bytes a kept logit (fp16 and a place of 4 bytes; 2 where there are at most 65,536 choices) and 4 for the rest.
    """

    def __init__(self, folder: "Path", count: int, top: int):
        """``count``: examples; ``top``: logits of a row that are kept."""
        self._offsets = np.full((count, 2), -1, dtype=np.int64)  # where the rows of an example begin, and how many they are
        self._top, self._written, self._choices, self._folder = top, 0, 0, folder
        self._lost = self._mass = 0.0
        self._files: dict[str, BinaryIO] = {name: (folder / name).open("wb") for name in (VALUES, PLACES, REST)}

    def write(self, examples: np.ndarray, rows: OtherRows, of_example: torch.Tensor) -> None:
        """``rows`` of a batch of ``examples`` [batch]; ``of_example`` [m]: to which of the batch each row belongs, ascending."""
        counts = np.bincount(of_example.cpu().numpy(), minlength=len(examples))
        starts = self._written + np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._offsets[examples] = np.stack([starts, counts], axis=1)
        self._choices, size = rows.choices, max(1, CHUNK_VALUES // rows.choices)
        for start in range(0, rows.count, size):
            kept, lost, mass = largest(rows.part(start, min(start + size, rows.count)).float(), self._top)
            self._lost, self._mass = self._lost + float(lost.sum()), self._mass + float(mass.sum())
            places = kept.places.cpu().numpy().astype(_place_type(rows.choices))
            values = kept.values.clamp(-65504, 65504).cpu().numpy().astype(np.float16)
            for name, array in ((VALUES, values), (PLACES, places), (REST, kept.rest.cpu().numpy().astype(np.float32))):
                self._files[name].write(np.ascontiguousarray(array).tobytes())
        self._written += rows.count

    def close(self) -> dict[str, float]:
        """Flush the files; returns rows, bits a row, the mean probability of what was not kept, and the mean divergence in nats
        of what is kept from the teacher's whole distribution."""
        for file in self._files.values():
            file.close()
        if (self._offsets < 0).any():
            raise StageFailed("The teacher's rows of some training examples are missing. Run the recipe again.")
        np.save(self._folder / OFFSETS, self._offsets)
        top = min(self._top, self._choices)
        facts = {"rows": self._written, "choices": self._choices, "top": top}
        (self._folder / FACTS).write_text(canonical_json(facts), encoding="utf-8")
        bits = 8 * (top * (2 + _place_type(self._choices)().itemsize) + 4)
        rows = max(1, self._written)
        return {**facts, "bits_a_row": bits, "left_out": self._mass / rows, "divergence": self._lost / rows}


def largest(logits: torch.Tensor, top: int) -> tuple[TopLogits, torch.Tensor, torch.Tensor]:
    """The ``top`` largest of logits [m, choices]; KL(whole ‖ kept) in nats [m]; and the probability [m] of what is left out.

    Those left out are taken to share their probability evenly, so the divergence is what they are uneven by.
    """
    choices = logits.shape[-1]
    top = min(top, choices)
    values, places = logits.topk(top, dim=-1)
    if top == choices:
        nothing = logits.new_zeros(len(logits))
        return TopLogits(values, places, nothing, choices), nothing, nothing
    total = logits.logsumexp(-1)
    share = (logits - total.unsqueeze(-1)).exp_().scatter_(-1, places, 0.0)  # probabilities of what is left out
    mass = share.sum(-1)
    shared = total + mass.clamp_min(torch.finfo(mass.dtype).tiny).log() - math.log(choices - top)
    lost = (share * logits).sum(-1) - shared * mass
    return TopLogits(values, places, shared, choices), lost.clamp_min(0.0), mass


def _place_type(choices: int) -> type[np.uint16] | type[np.int32]:
    return np.uint16 if choices <= 1 << 16 else np.int32


class CachedRows:
    """The kept rows of examples, in memory when they are small, else mapped from the files."""

    def __init__(self, artifact: Artifact, device: torch.device):
        facts = json.loads(artifact.file(FACTS).read_bytes())
        self.choices, self._top, self._device = int(facts["choices"]), int(facts["top"]), device
        self._offsets = np.load(artifact.file(OFFSETS), allow_pickle=False)
        rows, kind = int(facts["rows"]), _place_type(self.choices)
        self._values: np.ndarray = np.memmap(artifact.file(VALUES), np.float16, "r", shape=(rows, self._top))
        self._places: np.ndarray = np.memmap(artifact.file(PLACES), kind, "r", shape=(rows, self._top))
        self._rest: np.ndarray = np.memmap(artifact.file(REST), np.float32, "r", shape=(rows,))
        if self._values.nbytes + self._places.nbytes <= RESIDENT_BYTES:
            self._values, self._places, self._rest = (np.array(each) for each in (self._values, self._places, self._rest))

    @property
    def count(self) -> int:
        """Examples."""
        return len(self._offsets)

    def of_batch(self, batch: "Batch") -> "BatchRows":
        """The rows of the batch's examples, one example after the other."""
        spans = self._offsets[batch.index.cpu().numpy()]
        places = np.concatenate([np.arange(start, start + count) for start, count in spans])
        return BatchRows(self, places)

    def read(self, places: np.ndarray) -> TopLogits:
        """The rows at these places."""
        return TopLogits(
            torch.from_numpy(self._values[places]).to(self._device).float(),
            torch.from_numpy(self._places[places].astype(np.int64)).to(self._device),
            torch.from_numpy(self._rest[places]).to(self._device),
            self.choices,
        )


class BatchRows:
    """The kept rows of one batch, read a chunk at a time."""

    def __init__(self, cached: CachedRows, places: np.ndarray):
        self._cached, self._places = cached, places
        self.count, self.choices = len(places), cached.choices

    def part(self, start: int, stop: int) -> TopLogits:
        """These rows."""
        return self._cached.read(self._places[start:stop])
