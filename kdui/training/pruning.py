"""Pruning as part of a training: when how many weights are removed, by which masks, and the state that a resumed training
needs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from kdui.training.masks import Groups, apply_masks, masks_by_score
from kdui.training.weights import prunable_weights

Weights = Mapping[str, nn.Parameter]
# Weights and the wanted sparsity -> masks. One that makes up for what goes moves the weights that stay, in place.
Cut = Callable[[Weights, float], Mapping[str, torch.Tensor]]
Schedule = Callable[[float], float]  # share of the training that is done -> sparsity
STATE = "pruning"
FORGETTING = 0.95  # of a running mean over updates


def cubic_sparsity(final: float, share: float) -> float:
    """Sparsity when ``share`` of the schedule is done; it starts at 0, rises fast, and ends gently."""
    return final * (1.0 - (1.0 - min(1.0, max(0.0, share))) ** 3)


def cubic_schedule(final: float, settled_at: float) -> Schedule:
    """s(t) = s · (1 − (1 − t)³), at its end when ``settled_at`` of the training is done (Zhu and Gupta 2017, equation 1)."""
    return lambda progress: cubic_sparsity(final, progress / settled_at if settled_at else 1.0)


def stepped_schedule(final: float, rounds: int) -> Schedule:
    """``rounds`` cuts in equal shares of the training, the first at its start; each keeps the same share of what is left.

    One round is one shot. (Frankle and Carbin 2019, arXiv:1803.03635, section 1: p^(1/n) of the survivors a round.)
    """

    def schedule(progress: float) -> float:
        done = min(rounds, int(progress * rounds + 1e-9) + 1)
        return final if done == rounds else 1.0 - (1.0 - final) ** (done / rounds)

    return schedule


class RunningScores(nn.Module):
    """Scores that grow from the training's own gradients, of weights as they were before each update.

    ``movement``: S ← S − w · ∂L/∂w, so weights that move away from zero stay (Sanh et al. 2020, arXiv:2005.07683, section 4).
    Else a running mean of |w · ∂L/∂w| (first-order Taylor). A masked weight is frozen where it was and still gets its score,
    as in that paper: it comes back when its score rises.
    """

    def __init__(self, movement: bool):
        super().__init__()
        self.movement = movement

    def begin(self, weights: Weights) -> None:
        for number, weight in enumerate(weights.values()):
            self.register_buffer(f"score_{number}", torch.zeros_like(weight.detach()))
            self.register_buffer(f"before_{number}", weight.detach().clone())

    def after_step(self, weights: Weights, masks: list[torch.Tensor]) -> None:
        """Count the update that was just made, then put frozen weights where they were."""
        with torch.no_grad():
            for number, weight in enumerate(weights.values()):
                score, before = getattr(self, f"score_{number}"), getattr(self, f"before_{number}")
                if weight.grad is not None:
                    product = weight.grad * before
                    if self.movement:
                        score.sub_(product)
                    else:
                        score.lerp_(product.abs(), 1.0 - FORGETTING)
                before.copy_(torch.where(masks[number], weight, before))
                weight.copy_(before)

    def masks(self, weights: Weights, sparsity: float, groups: Groups) -> Mapping[str, torch.Tensor]:
        return masks_by_score({name: getattr(self, f"score_{number}") for number, name in enumerate(weights)}, sparsity, groups)


class Pruning:
    """A compression that zeroes weights by a schedule; between two cuts its masks hold.

    ``cut(weights, sparsity)`` gives the masks; with ``running`` scores they decide instead. ``settled_at`` is the share of the
    training after which nothing more goes; a cut is made every ``every`` updates while the schedule rises. Masks and scores are
    buffers of the module while it trains, so a checkpoint holds them and a resumed training continues with the very same.
    """

    def __init__(
        self,
        cut: Cut,
        schedule: Schedule,
        settled_at: float,
        every: int = 1,
        running: RunningScores | None = None,
    ):
        self.settled_at = settled_at
        self._cut_masks, self._schedule, self._every, self._running = cut, schedule, every, running

    def begin(self, module: nn.Module) -> None:
        """Note the weights and make the first cut."""
        self._module, self._weights = module, prunable_weights(module)
        if self._running is not None:
            self._running.begin(self._weights)
        self._state = _State(self._weights, self._running)
        module.add_module(STATE, self._state)
        self._reach(self._schedule(0.0))
        apply_masks(self._weights, self._masks)

    def after_step(self, progress: float) -> None:
        if self._running is not None:
            self._running.after_step(self._weights, self._state.masks())
        wanted = self._schedule(progress)
        if self._state.due(self._every) or wanted == self._schedule(1.0):
            self._reach(wanted)
        apply_masks(self._weights, self._masks)

    def finish(self) -> None:
        """Make the last cut where the kept epoch lay just before it, and leave no trace but zeros in the module."""
        self._reach(self._schedule(1.0))
        apply_masks(self._weights, self._masks)
        del self._module._modules[STATE]

    @property
    def _masks(self) -> dict[str, torch.Tensor]:
        return dict(zip(self._weights, self._state.masks(), strict=True))

    def _reach(self, sparsity: float) -> None:
        if sparsity != self._state.reached:
            self._state.keep(self._cut_masks(self._weights, sparsity), sparsity)


class _State(nn.Module):
    """What a checkpoint must hold: the masks, the sparsity they stand for, and the updates so far."""

    facts: torch.Tensor

    def __init__(self, weights: Weights, running: RunningScores | None):
        super().__init__()
        self.names = tuple(weights)
        for number, weight in enumerate(weights.values()):
            self.register_buffer(f"mask_{number}", torch.ones_like(weight, dtype=torch.bool))
        self.register_buffer("facts", torch.tensor([0.0, 0.0], dtype=torch.float64))
        self.scores: Any = running

    @property
    def reached(self) -> float:
        return float(self.facts[0])

    def masks(self) -> list[torch.Tensor]:
        return [getattr(self, f"mask_{number}") for number in range(len(self.names))]

    def keep(self, masks: Mapping[str, torch.Tensor], sparsity: float) -> None:
        for name, mask in zip(self.names, self.masks(), strict=True):
            mask.copy_(masks[name])
        self.facts[0] = sparsity

    def due(self, every: int) -> bool:
        """Whether this update is one of those after which a cut is made; counts it."""
        count = int(self.facts[1])
        self.facts[1] = count + 1
        return count % every == 0
