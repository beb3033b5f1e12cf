"""Two convolutions over a wave, and a head for every place."""

import torch
from torch import nn

from kdui.core.contracts import InputSettings


class Convolved(nn.Module):
    """Waves [n, length] to logits [n, length, 3]."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Conv1d(1, width, 5, padding=2), nn.Conv1d(width, width, 3, padding=1)
        self.head = nn.Linear(width, 3)

    def forward(self, wave, attention_mask):
        states = torch.relu(self.second(torch.relu(self.first(wave.unsqueeze(1)))))
        return self.head(states.transpose(1, 2) * attention_mask.unsqueeze(-1))


def build(options, facts, folder):
    return Convolved(options["width"])


def inputs(options, facts, folder):
    return InputSettings(modality="wave")
