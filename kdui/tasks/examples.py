"""Examples of one split, and the seeded stratified split that takes validation and test data off a whole."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Examples:
    """``inputs``: uint8 [n, height, width, channels] or a list of n strings, pairs or whatever the modality reads.

    ``targets`` [n, ...]: a label or several integers an example, padded where they are of different number; or float values.
    ``names``: of training data whose targets number things that the data themselves decide, what each number stands for.
    """

    inputs: Any
    targets: np.ndarray
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: np.ndarray | list[int]) -> "Examples":
        """The examples at these places, in this order."""
        if isinstance(self.inputs, list):
            return Examples([self.inputs[index] for index in indices], self.targets[indices], self.names)
        return Examples(self.inputs[indices], self.targets[indices], self.names)

    def sha256(self) -> str:
        """Names these examples and targets in this order: the same on every machine, another one where any of them differs."""
        floating = self.targets.dtype.kind == "f"
        state = hashlib.sha256(np.ascontiguousarray(self.targets, "<f8" if floating else "<i8").tobytes())
        if self.targets.ndim > 1:
            state.update(repr(self.targets.shape).encode())
        if isinstance(self.inputs, list):
            for text in self.inputs:
                data = str(text).encode("utf-8")
                state.update(len(data).to_bytes(8, "little") + data)
        else:
            state.update(repr(self.inputs.shape).encode() + np.ascontiguousarray(self.inputs).tobytes())
        return state.hexdigest()


def stratified_split(targets: np.ndarray, shares: dict[str, float], rest: str, seed: int) -> dict[str, np.ndarray]:
    """Indices of each split: its share of every class, drawn at random; what is left goes to ``rest``.

    Indices are sorted, so a split keeps the order of the file. The legacy generator is used because numpy promises
    that its stream never changes: the split is the same on every machine and with every version.
    """
    random = np.random.RandomState(seed)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*shares, rest)}
    for label in np.unique(targets):
        order, start = random.permutation(np.flatnonzero(targets == label)), 0
        for name, share in shares.items():
            end = start + round(share * len(order))
            parts[name].append(order[start:end])
            start = end
        parts[rest].append(order[start:])
    return {name: np.sort(np.concatenate(found)) for name, found in parts.items()}


def divided_groups(
    targets: np.ndarray, groups: Sequence[str], shares: dict[str, float], rest: str, seed: int
) -> dict[str, np.ndarray]:
    """The same for examples of which those of one group [n] stay together: each goes where the first of its group goes."""
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    whole = list(members.values())
    drawn = stratified_split(targets[[found[0] for found in whole]], shares, rest, seed)
    return {
        name: np.array(sorted(index for place in places for index in whole[place]), np.int64) for name, places in drawn.items()
    }


def text_key(text: str) -> str:
    """What makes two texts the same: letters and digits, whatever the case, spaces and punctuation."""
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def first_of_each(texts: Sequence[str], targets: Sequence[int] | np.ndarray, without: Sequence[str] = ()) -> list[int]:
    """Indices of the first copy of each text, without the texts in ``without`` and those whose copies disagree on the label."""
    banned = {text_key(text) for text in without}
    first: dict[str, int] = {}
    disputed = set()
    for index, text in enumerate(texts):
        key = text_key(text)
        if targets[first.setdefault(key, index)] != targets[index]:
            disputed.add(key)
    return [index for key, index in first.items() if key not in banned and key not in disputed]
