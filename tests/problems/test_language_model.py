"""Language modelling: rows, bits per byte and intervals by hand; padding changes nothing; graph and module are judged alike."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from kdui.core.metric import BITS_PER_BYTE
from kdui.core.statistics.ratios import over_ratios, ratio_interval
from kdui.problems import head_rows
from kdui.problems.language_model import score
from kdui.problems.language_model.learn import compute, text_sums, token_rows
from kdui.problems.language_model.problem import PROBLEM

VOCABULARY, WIDTH = 7, 5
IDS = torch.tensor([[1, 4, 2, 6, 0], [3, 3, 5, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]])


class Toy(nn.Module):
    """States that depend on the token alone."""

    def __init__(self, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.table, self.head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)

    def states(self, input_ids, attention_mask):
        return self.table(input_ids)

    def forward(self, input_ids, attention_mask):
        return self.head(self.states(input_ids, attention_mask))


def outputs(ids=IDS, mask=MASK):
    return compute(Toy(), {"input_ids": ids, "attention_mask": mask})


def test_a_row_for_each_real_token_after_the_first():
    rows = token_rows(outputs())
    assert rows.count == 5 and rows.choices == VOCABULARY
    assert rows.examples.tolist() == [0, 0, 0, 1, 1]
    seen = []
    rows.mean(lambda batch: seen.append(batch.target.tolist()) or {})
    assert seen == [[4, 2, 6, 3, 5]]


def test_the_loss_by_hand_and_padding_changes_nothing():
    logits = Toy()(IDS, MASK)
    by_hand = [-torch.log_softmax(logits[i, t], -1)[IDS[i, t + 1]].item() for i, t in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))]
    assert PROBLEM.loss(outputs(), torch.tensor([9, 9])).item() == pytest.approx(sum(by_hand) / 5, rel=1e-6)
    wider = nn.functional.pad(IDS, (0, 3), value=2), nn.functional.pad(MASK, (0, 3))
    assert PROBLEM.loss(outputs(*wider), torch.tensor([9, 9])).item() == pytest.approx(sum(by_hand) / 5, rel=1e-6)
    alone = [PROBLEM.loss(outputs(IDS[i : i + 1], MASK[i : i + 1]), torch.tensor([9])).item() for i in range(2)]
    assert sum(by_hand) == pytest.approx(3 * alone[0] + 2 * alone[1], rel=1e-6)


@pytest.mark.parametrize("most", [VOCABULARY, 3 * VOCABULARY, 10_000])
def test_the_module_and_its_graph_are_judged_alike(monkeypatch, most):
    monkeypatch.setattr("kdui.problems.language_model.learn.CHUNK_VALUES", most)
    with torch.no_grad():
        ours = text_sums(outputs()).numpy()
        graph = score.array_sums(Toy()(IDS, MASK).numpy(), {"input_ids": IDS.numpy(), "attention_mask": MASK.numpy()})
    assert ours == pytest.approx(graph, rel=1e-6)
    assert ours[:, 2].tolist() == [3, 2]


def test_bits_per_byte_by_hand():
    values = np.array([[8 * math.log(2), 1, 3], [4 * math.log(2), 2, 2]])  # 12 bits
    targets = np.array([10, 6])
    by_name = {metric.name: value for metric, value in PROBLEM.score(values, targets, None)}
    assert by_name["bits_per_byte"] == pytest.approx(12 / 16) == PROBLEM.headline(values, targets)
    assert by_name["perplexity"] == pytest.approx(2 ** (12 / 5))
    assert by_name["token_accuracy"] == pytest.approx(60.0)
    assert by_name["bytes_per_token"] == pytest.approx(16 / 5)
    assert not BITS_PER_BYTE.higher_is_better and BITS_PER_BYTE.better(0.7, 0.8)


def test_a_uniform_model_over_bytes_needs_eight_bits_a_byte():
    logits = np.zeros((1, 12, 256), dtype=np.float32)
    ids, mask = np.arange(12)[None], np.ones((1, 12), dtype=np.int64)
    values = score.array_sums(logits, {"input_ids": ids, "attention_mask": mask})
    assert PROBLEM.headline(values, np.array([11])) == pytest.approx(8.0)


def test_the_interval_of_a_ratio_is_that_of_a_mean_where_all_weigh_alike():
    random = np.random.default_rng(0)
    above, below = random.normal(2.0, 0.5, 400), np.full(400, 4.0)
    low, high = ratio_interval(above, below)
    width = 1.9659 * above.std(ddof=1) / math.sqrt(400) / 4
    assert ((low + high) / 2, (high - low) / 2) == pytest.approx((above.mean() / 4, width), rel=1e-3)


def test_a_paired_difference_sees_what_separate_intervals_do_not():
    random = np.random.default_rng(1)
    lengths = random.integers(100, 700, 300)
    shared = random.normal(0, 0.3, 300)
    teacher = {"bits": lengths * (1.5 + shared), "bytes": lengths}
    student = {"bits": lengths * (1.52 + shared + random.normal(0, 0.02, 300)), "bytes": lengths}
    paired_difference = PROBLEM.difference(student, teacher)
    assert paired_difference.is_shown and paired_difference.value == pytest.approx(-0.02, abs=0.005)  # more bits is worse
    assert (
        paired_difference.low < paired_difference.value < paired_difference.high < 0
        and paired_difference.examples == 300
        and paired_difference.over == "examples"
    )
    apart = [ratio_interval(each["bits"], each["bytes"]) for each in (student, teacher)]
    assert apart[0][0] < apart[1][1]  # they overlap
    none = over_ratios(np.zeros(10), np.ones(10), -1)
    assert not none.is_shown and none.value == 0


def test_chunks_of_the_head_are_as_large_as_memory_allows():
    assert head_rows.CHUNK_VALUES // 49_152 >= 128  # a real vocabulary still fills the processor
