"""Texts of a batch laid end to end in few rows, so that no layer computes padding; a token sees its own text alone."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def packed_states(body: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """What ``body`` computes of each text by itself, [batch, length, width], zeros where there is padding (on the right).

    ``body`` is a decoder of the transformers library. Positions begin again with each text; from that the library makes the mask
    that keeps one text from seeing another (document masking; Krell et al. 2021, arXiv:2107.02027, section 3.2).
    """
    size = input_ids.shape
    source, target, positions = _layout(attention_mask.sum(1).tolist(), size[1])
    rows, capacity = positions.shape
    device = input_ids.device
    source, target, positions = (part.to(device) for part in (source, target, positions))
    packed_ids = input_ids.new_zeros(rows * capacity).index_copy(0, target, input_ids.flatten()[source])
    packed = body(input_ids=packed_ids.view(rows, capacity), position_ids=positions, use_cache=False).last_hidden_state
    states = packed.new_zeros(size[0] * size[1], packed.shape[-1])
    return states.index_copy(0, source, packed.flatten(0, 1)[target]).view(*size, -1)


def rows_of(lengths: Sequence[int]) -> list[list[int]]:
    """The texts of each row, none of which is longer than the longest text: best fit by falling length (section 3.1 there)."""
    capacity = max(lengths)
    rows: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # what each row still takes, and the row; ascending
    for text in sorted(range(len(lengths)), key=lambda text: -lengths[text]):
        place = bisect_left(rooms, (lengths[text], -1))
        if place < len(rooms):
            room, row = rooms.pop(place)
        else:
            room, row = capacity, len(rows)
            rows.append([])
        rows[row].append(text)
        insort(rooms, (room - lengths[text], row))
    return rows


def _layout(lengths: Sequence[int], padded: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where each real token stands in the flat padded batch and in the flat rows, [tokens] each, and the positions in the rows.

    What is left of a row counts from 0 as a text would, so no text sees it.
    """
    rows, capacity = rows_of(lengths), max(lengths)
    source, target, positions = [], [], np.zeros((len(rows), capacity), dtype=np.int64)
    for number, texts in enumerate(rows):
        start = 0
        for text in texts:
            places = np.arange(lengths[text])
            source.append(text * padded + places)
            target.append(number * capacity + start + places)
            positions[number, start : start + lengths[text]] = places
            start += lengths[text]
        positions[number, start:] = np.arange(capacity - start)
    return torch.from_numpy(np.concatenate(source)), torch.from_numpy(np.concatenate(target)), torch.from_numpy(positions)
