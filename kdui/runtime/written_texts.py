"""What an encoder-decoder's graph writes for inputs when each token is its most probable one (greedy), a batch at a time."""

from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from kdui.core.code_points import code_points
from kdui.core.layout import TOKENIZER
from kdui.core.padding import MASK
from kdui.problems.seq2seq.decoder_tokens import ends_of, room_for
from kdui.runtime.cache_inputs import IDS
from kdui.runtime.encoded_tokens import token_graph


class WrittenTexts:
    """Runs a batch like a session does; its one output are the written texts' code points [batch, longest]."""

    def __init__(self, session: Any, folder: Path):
        self._graph = token_graph(session)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._ends = ends_of(self._tokenizer)

    def run(self, names: Any, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """For ``input_ids`` and ``attention_mask`` [batch, length]; a decoder's own inputs are not looked at."""
        tokens = self.tokens(arrays[IDS], arrays[MASK])
        return [code_points([self._tokenizer.decode(row, skip_special_tokens=True) for row in tokens])]

    def tokens(self, source: np.ndarray, mask: np.ndarray) -> list[list[int]]:
        """The tokens of each answer, without its begin and end."""
        cache = self._graph.encoded(source, mask)
        new = np.full((len(source), 1), self._ends.begin, np.int64)
        written: list[list[int]] = [[] for _ in source]
        going = np.ones(len(source), dtype=bool)
        for _ in range(room_for(source.shape[1])):
            logits, cache = self._graph.run(new, cache)
            new = logits[:, -1:].argmax(-1)
            going &= new[:, 0] != self._ends.end
            if not going.any():
                break
            for place in np.flatnonzero(going):
                written[place].append(int(new[place, 0]))
        return written
