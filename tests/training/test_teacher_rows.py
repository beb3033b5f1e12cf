"""A teacher's rows that are kept: written in any order of the texts, read back by batch, and what was left out is told."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kdui.methods.distill.distill.top_logits import expanded
from kdui.problems.dense_rows import DenseRows
from kdui.training.teacher_rows import CachedRows, RowsWriter, largest

COUNTS, CHOICES = [3, 1, 4, 2], 20
CPU = torch.device("cpu")


def logits() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(count, CHOICES, generator=generator) for count in COUNTS]


def written(folder, top: int, choices: int = CHOICES):
    each, writer = logits(), RowsWriter(folder, len(COUNTS), top)
    for examples in ([2, 0], [3], [1]):
        rows = torch.cat([each[number][:, :choices] for number in examples])
        owner = torch.repeat_interleave(torch.arange(len(examples)), torch.tensor([COUNTS[number] for number in examples]))
        writer.write(np.array(examples), DenseRows(rows), owner)
    facts = writer.close()
    return each, facts, CachedRows(SimpleNamespace(file=lambda name: folder / name), CPU)


def batch(*index: int):
    return SimpleNamespace(index=torch.tensor(index))


def test_rows_come_back_text_by_text_in_the_order_of_the_batch(tmp_path):
    each, facts, cached = written(tmp_path, top=5)
    rows = cached.of_batch(batch(1, 2, 0))
    assert (rows.count, rows.choices, cached.count, facts["rows"]) == (8, CHOICES, 4, 10)
    whole = torch.cat([each[1], each[2], each[0]])
    part = rows.part(2, 7)
    assert part.values.tolist() == whole[2:7].topk(5).values.half().float().tolist()
    assert part.places.tolist() == whole[2:7].topk(5).indices.tolist()
    there = torch.softmax(whole[2:7], -1)
    assert torch.softmax(expanded(part), -1).gather(-1, part.places).tolist() == [
        pytest.approx(row, rel=2e-3) for row in there.gather(-1, part.places).tolist()
    ]


def test_what_is_left_out_is_told(tmp_path):
    each, facts, _ = written(tmp_path, top=5)
    whole = torch.cat(each)
    log_p = torch.log_softmax(whole.double(), -1)
    kept, lost, mass = largest(whole.double(), 5)
    log_q = torch.log_softmax(expanded(kept), -1)
    divergence = (log_p.exp() * (log_p - log_q)).sum(-1)
    assert lost.tolist() == pytest.approx(divergence.tolist(), rel=1e-9)
    assert facts["divergence"] == pytest.approx(divergence.mean().item(), rel=1e-5)
    assert facts["left_out"] == pytest.approx(mass.mean().item(), rel=1e-5)
    assert facts["bits_a_row"] == 5 * (16 + 16) + 32


def test_of_few_choices_all_are_kept(tmp_path):
    _, facts, cached = written(tmp_path, top=64)
    assert facts["top"] == CHOICES and facts["divergence"] == facts["left_out"] == 0
    assert cached.of_batch(batch(0)).part(0, 3).values.shape == (3, CHOICES)


def test_an_even_rest_costs_nothing():
    rows = torch.zeros(1, 8)
    rows[0, 0] = 5.0
    kept, lost, mass = largest(rows, 1)
    assert lost.item() == pytest.approx(0, abs=1e-6)
    assert mass.item() == pytest.approx(7 / (7 + math.exp(5)), rel=1e-6)
    assert kept.rest.item() == pytest.approx(0, abs=1e-6)
