"""The adversary of a generator: told to tell its pictures from others, while the generator learns that it cannot.

Hinge losses (Lim, Ye 2017, arXiv:1705.02894, equations 2 and 3) and spectral normalisation (Miyato et al. 2018,
arXiv:1802.05957, section 2.1) on a convolutional network as in DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3). Both
sides are updated in one step. The last layer also reads how much the pictures of a batch differ (Karras et al. 2018,
arXiv:1710.10196, section 3), so that a generator of few kinds is found out.
"""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from kdui.core.contracts import TaskFacts

_STAGES = 3  # halvings of the picture


class Adversary(nn.Module):
    """Pictures [n, height, width, channels] in 0..1 to a score [n] of how real they look.

    ``betas``: decays of Adam's moments for both sides, as in DCGAN.
    """

    betas = (0.5, 0.999)

    def __init__(self, facts: TaskFacts, width: int = 32):
        super().__init__()
        channels = [facts.input["channels"], *(width * 2**stage for stage in range(_STAGES))]
        layers: list[nn.Module] = []
        for inside, outside in pairwise(channels):
            layers += [spectral_norm(nn.Conv2d(inside, outside, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        sides = (facts.input["height"] >> _STAGES, facts.input["width"] >> _STAGES)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.last = spectral_norm(nn.Linear(channels[-1] * sides[0] * sides[1] + 1, 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        features = self.layers(2 * pictures.permute(0, 3, 1, 2) - 1).float()
        spread = (features.var(0, correction=0) + 1e-8).sqrt().mean() * math.sqrt(features.shape[1])
        scores: torch.Tensor = self.last(torch.cat([features, spread.expand(len(features), 1)], dim=1)).squeeze(1)
        return scores

    def losses(self, made: torch.Tensor, others: torch.Tensor) -> dict[str, torch.Tensor]:
        """``generator`` moves the model that made the pictures alone, ``adversary`` this module alone; ``total`` is their sum.

        ``others`` [n, height, width, channels]: those that it should look like, floats in 0..1 or levels as integers.
        """
        if not others.is_floating_point():
            others = others.to(made.dtype) / 255
        real, fake = self(others.to(made.dtype)).float(), self(made.detach()).float()
        own = functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()
        generator = -self._unmoved(made).float().mean()
        return {"total": generator + own, "generator": generator, "adversary": own}

    def _unmoved(self, made: torch.Tensor) -> torch.Tensor:
        """Scores whose gradients reach the pictures and none of this module's weights."""
        self.requires_grad_(False)
        try:
            return self(made)
        finally:
            self.requires_grad_(True)


def adversary_of(facts: TaskFacts, seed: int) -> Adversary:
    """With initial weights by the seed; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        return Adversary(facts)
