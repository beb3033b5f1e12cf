"""Parity: whether a written graph computes what the module does, over small batches at once and over the test examples."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdui.core.errors import StageFailed
from kdui.core.padding import DECODER, DECODER_IDS, MASK, mask_of, trimmed
from kdui.models.layers import output_layer
from kdui.models.low_bits import Quantization, rounded_inputs
from kdui.problems import problem_of
from kdui.runtime.generation import Decoder
from kdui.runtime.sessions import graph_outputs, open_session
from kdui.training.context import StepContext
from kdui.training.device_dataset import ResidentData
from kdui.training.predicting import predict
from kdui.training.saved import SavedModel

CACHED_TOKENS = 32  # of a text that is computed token by token
TOKEN_TEXTS = 64  # test texts of which every token is compared
MOST_OUTPUTS = 1 << 25  # numbers of all examples that are compared at once: masks of a whole test split would fill the memory
FEW = 0.01  # share of the test examples at low bits that may differ by more: a rounding error can spread through later layers


class Parity:
    """Compares a graph with its module in fp32. A difference counts as a share of the largest output, or of 1 if that is less.

    A model at low bits is compared as it was trained, with rounded inputs, against the graph as it is written. What ONNX
    Runtime's integer kernels make of that graph rounds between layers once more: it is counted and reported separately.
    """

    def __init__(self, context: StepContext, saved: SavedModel, graph: Path, grids: Quantization | None):
        self._context, self._saved, self._graph, self._grids = context, saved, graph, grids
        self._example_outputs = 1

    def of_batches(self, samples: list[dict[str, np.ndarray]]) -> float:
        """The largest difference over these batches; raises StageFailed where it is more than the step's tolerance."""
        session = open_session(self._graph, optimize=self._grids is None)
        shares, largest = [], 1.0
        with torch.inference_mode(), rounded_inputs(self._saved.module, self._grids or Quantization(layers={})):
            for sample in samples:
                expected = self._saved.module(**{name: torch.from_numpy(array) for name, array in sample.items()}).numpy()
                largest = max(1.0, float(np.abs(expected).max()))
                self._example_outputs = max(1, expected[0].size)
                shares.append(np.abs(session.run(None, sample)[0] - expected).max() / largest)
        worst = float(np.max(shares))  # unlike Python's max it keeps a NaN, which is no parity either
        self._hold(worst, largest, "")
        return worst

    def on_test(self) -> dict[str, Any]:
        """The summary's part on the test examples, whose labels are not looked at; raises StageFailed likewise."""
        context, saved = self._context, self._saved
        problem, targets = problem_of(context.facts), context.data.targets("test")
        limit = context.settings["parity_examples"] or None
        if not problem.ragged and len(targets[:limit]) * self._example_outputs > MOST_OUTPUTS:
            limit = max(1, MOST_OUTPUTS // self._example_outputs)
        arrays, targets = context.data.prepared("test", saved.inputs, saved.folder, limit or 0), targets[:limit]
        if problem.ragged:
            return self._on_tokens(arrays)
        data = ResidentData(arrays, targets, torch.device("cpu"))
        with rounded_inputs(saved.module, self._grids or Quantization(layers={})):
            expected = predict(saved.module, data, check=self._check, exact=True)
        outputs = graph_outputs(self._graph, arrays, check=self._check)
        written = graph_outputs(self._graph, arrays, check=self._check, optimize=False) if self._grids else outputs
        largest = max(1.0, float(np.abs(expected).max()))
        shares = np.abs(written - expected).reshape(len(targets), -1).max(1) / largest
        self._hold(float(np.quantile(shares, 1 - FEW) if self._grids else shares.max()), largest, "On the test examples ")
        mask = problem.mask_to_task
        same = mask(outputs, targets).argmax(-1) == mask(expected, targets).argmax(-1)
        alike = int(same.reshape(len(targets), -1).all(1).sum())
        context.report.log(
            f"ONNX Runtime predicts the same as PyTorch on {alike:,} of {len(targets):,} test examples; the exported graph "
            f"differs by at most {shares.max():.1g} of the largest output."
        )
        return {"parity_examples": len(targets), "parity_alike": alike, "parity_on_test": float(shares.max())}

    def _on_tokens(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The same for every token of some test texts, whose outputs would not fit into memory: by batches, without padding."""
        problem = problem_of(self._context.facts)
        session, size = open_session(self._graph), problem.graph_batch
        texts = np.unique(np.linspace(0, len(next(iter(arrays.values()))) - 1, TOKEN_TEXTS).astype(int))
        order = texts[np.argsort(arrays[MASK][texts].sum(1), kind="stable")]
        largest, worst, alike, tokens = 1.0, 0.0, 0, 0
        for start in range(0, len(order), size):
            index = order[start : start + size]
            batch = trimmed({name: array[index] for name, array in arrays.items()})
            real = batch[mask_of(problem.row_tokens, batch) or MASK] == 1
            with torch.inference_mode():
                expected = self._saved.module(**{name: torch.from_numpy(array) for name, array in batch.items()}).numpy()[real]
            logits = session.run(None, batch)[0][real]
            largest, worst = max(largest, float(np.abs(expected).max())), max(worst, float(np.abs(logits - expected).max()))
            alike, tokens = alike + int((logits.argmax(-1) == expected.argmax(-1)).sum()), tokens + len(expected)
            self._check(start / len(order))
        share = worst / largest
        self._hold(share, largest, "On the test examples ")
        self._context.report.log(
            f"ONNX Runtime predicts the same next token as PyTorch at {alike:,} of {tokens:,} places; the graph "
            f"differs by at most {share:.1g} of the largest output."
        )
        return {"parity_examples": len(order), "parity_alike": alike, "parity_tokens": tokens, "parity_on_test": share}

    def token_by_token(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """What the graph gives with its cache, a few tokens of a text at once and then one by one, against the whole at once."""
        one = trimmed({name: array[:1] for name, array in arrays.items()})
        ids = one[problem_of(self._context.facts).row_tokens][:, :CACHED_TOKENS]
        source = one["input_ids"][0].tolist() if DECODER_IDS in one else None  # what is written token by token answers it
        read = {
            name: array if source and not name.startswith(DECODER) else array[:, :CACHED_TOKENS] for name, array in one.items()
        }
        whole = {name: torch.from_numpy(array) for name, array in read.items()}
        with torch.inference_mode(), rounded_inputs(self._saved.module, self._grids or Quantization(layers={})):
            expected = self._saved.module(**whole)[0].numpy()
        decoder, tokens = Decoder(open_session(self._graph, optimize=self._grids is None), source), ids[0].tolist()
        first = len(tokens) // 2
        logits = [decoder.feed(part) for part in (tokens[:first], *([token] for token in tokens[first:])) if part]
        largest = max(1.0, float(np.abs(expected).max()))
        share = float(np.abs(np.concatenate(logits) - expected).max()) / largest
        self._hold(share, largest, "Token by token ")
        return {"parity_cached": share, "cached_tokens": len(tokens)}

    def _check(self, done: float) -> None:
        self._context.report.check()

    def _hold(self, share: float, largest: float, where: str) -> None:
        allowed = max(self._context.settings["tolerance"], self._one_step() / largest)
        if not share <= allowed:
            start = f"{where}the" if where else "The"
            raise StageFailed(
                f"{start} ONNX graph differs from PyTorch by {share:.2g} of its largest output; {allowed:g} is allowed. "
                "Raise 'export.tolerance' only if you know why."
            )

    def _one_step(self) -> float:
        """How far an output may move when every input of the output layer is rounded to the next level instead.

        Where a value lies half-way between two levels, the order in which a sum is taken decides.
        """
        if self._grids is None:
            return 0.0
        head = output_layer(self._saved.module, self._context.facts.outputs)
        for name, grid in self._grids.layers.items():
            if grid.inputs is not None and self._saved.module.get_submodule(name) is head:
                return grid.inputs.step * float(head.weight.detach().abs().sum(1).max())
        return 0.0
