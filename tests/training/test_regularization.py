"""Regularization in the one loop: penalties by hand, dropout where there is none, and no trace afterwards."""

import pytest
import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.knobs.training import TrainingKnobs
from kdui.training.regularization import channel_norms, dropout_rate, penalties
from tests.training.digits import Small, same_weights, trainer


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(2, 2)
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.words.weight.copy_(torch.tensor([[1.0, -2.0], [0.0, 1.0]]))
            self.head.weight.copy_(torch.tensor([[3.0, -4.0], [0.0, 0.0]]))

    def forward(self, ids):
        return self.head(self.words(ids))


def test_penalties_by_hand():
    penalty_terms = penalties(TwoLayers(), l1=0.1, group_lasso=0.5)
    assert penalty_terms["l1"].item() == pytest.approx(0.1 * (4 + 7))
    assert penalty_terms["group_lasso"].item() == pytest.approx(0.5 * 5)  # the norms 5 and 0; words are no channels
    assert penalties(TwoLayers(), 0.0, 0.0) == {}


def test_a_channel_of_zeros_has_a_gradient_of_zero():
    module = TwoLayers()
    penalties(module, 0.0, 1.0)["group_lasso"].backward()
    assert module.head.weight.grad.tolist() == [[pytest.approx(0.6), pytest.approx(-0.8)], [0.0, 0.0]]


def test_frozen_weights_are_not_penalized():
    module = TwoLayers()
    module.words.requires_grad_(False)
    assert penalties(module, 1.0, 0.0)["l1"].item() == 7.0


def test_dropout_is_set_for_the_training_alone():
    module = Small()
    with dropout_rate(module, 0.75):
        assert module.body[5].p == 0.75
    assert module.body[5].p == 0.3


def test_without_dropout_layers_it_stands_before_the_output_and_leaves_no_trace():
    module = TwoLayers()
    ids = torch.zeros(4000, dtype=torch.int64)
    whole = module.eval()(ids)
    with dropout_rate(module, 0.5):
        assert torch.equal(module(ids), whole)
        torch.manual_seed(0)
        dropped = module.train()(ids)
        # Inputs 1 and -2, each dropped or doubled: 3 and 8 in the first output, four sums in all.
        assert {round(value, 4) for value in (dropped[:, 0] - module.head.bias[0]).tolist()} == {0.0, 6.0, 16.0, 22.0}
    assert torch.equal(module(ids), whole) and module.head._forward_pre_hooks == {}


def test_a_model_without_a_place_for_dropout_is_refused():
    with pytest.raises(StageFailed, match="Leave 'dropout' empty"), dropout_rate(nn.Conv2d(1, 1, 3), 0.5):
        raise AssertionError("never reached")


def test_the_loop_names_the_penalties_and_they_shrink_the_weights():
    free, bound = Small(), Small()
    trainer(model=free, epochs=2).run()
    summary = trainer(model=bound, epochs=2, l1=1e-2, group_lasso=5e-2).run()
    last = summary["history"][-1]
    assert last["train_total"] > last["train_l1"] + last["train_group_lasso"] > 0

    def size(module):
        return sum(float(parameter.detach().abs().sum()) for parameter in module.parameters() if parameter.ndim > 1)

    assert size(bound) < 0.8 * size(free)
    assert float(channel_norms(bound.body[6].weight).detach().sum()) < float(channel_norms(free.body[6].weight).detach().sum())


def test_dropout_changes_the_training_and_stays_reproducible():
    one, again, other = Small(), Small(), Small()
    for module, rate in ((one, 0.6), (again, 0.6), (other, None)):
        trainer(model=module, epochs=1, dropout=rate).run()
    assert same_weights(one, again) and not same_weights(one, other)


def test_at_their_defaults_the_knobs_leave_no_trace_in_a_digest():
    assert {"dropout", "l1", "group_lasso"} & TrainingKnobs().training().keys() == set()
    chosen = TrainingKnobs(dropout=0.0, l1=1e-5).training()
    assert (chosen["dropout"], chosen["l1"], "group_lasso" in chosen) == (0.0, 1e-5, False)
