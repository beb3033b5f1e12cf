"""A recurrent layer that a graph holds as ONNX's own operator GRU, whatever the number of frames.

PyTorch 2.13 cannot export a GRU over a free number of frames, and a loop of single steps would be several times as slow.
"""

import torch
from torch import nn


class GruLayer(nn.GRU):
    """[n, frames, inside] to [n, frames, hidden], twice as wide in both directions."""

    def __init__(self, inside: int, hidden: int, two_way: bool = False):
        super().__init__(inside, hidden, batch_first=True, bidirectional=two_way)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:  # type: ignore[override]  # no state
        return self._operator(frames) if torch.onnx.is_in_onnx_export() else super().forward(frames)[0]

    def _operator(self, frames: torch.Tensor) -> torch.Tensor:
        """GRU of ONNX (opset 14, linear_before_reset = 1, which is PyTorch's): time first, gates in the order z, r, h."""
        ways = ("", "_reverse")[: 1 + self.bidirectional]
        weights, recurrent = (
            torch.stack([_gates(getattr(self, f"weight_{kind}_l0{way}")) for way in ways]) for kind in ("ih", "hh")
        )
        biases = torch.stack(
            [torch.cat([_gates(getattr(self, f"bias_{kind}_l0{way}")) for kind in ("ih", "hh")]) for way in ways]
        )
        count, length, _ = frames.shape
        states = torch.onnx.ops.symbolic_multi_out(
            "GRU",
            (frames.transpose(0, 1), weights, recurrent, biases),
            {
                "direction": "bidirectional" if self.bidirectional else "forward",
                "hidden_size": self.hidden_size,
                "linear_before_reset": 1,
            },
            dtypes=(frames.dtype, frames.dtype),
            shapes=((length, len(ways), count, self.hidden_size), (len(ways), count, self.hidden_size)),
            version=14,
        )[0]
        return states.permute(2, 0, 1, 3).flatten(2)


def _gates(rows: torch.Tensor) -> torch.Tensor:
    """PyTorch's rows r, z, n as ONNX's z, r, h."""
    size = len(rows) // 3
    return torch.cat([rows[size : 2 * size], rows[:size], rows[2 * size :]])
