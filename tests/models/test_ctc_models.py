"""Networks that transcribe: frames of one are those of another, small ones are small, and what reads forwards reads no more."""

import numpy as np
import pytest
import torch

from kdui.catalogue.models import FAMILIES, presets
from kdui.catalogue.tasks import TASKS
from kdui.modalities import seconds_of
from kdui.models.size import count_parameters
from tests.models.small import built

NAMES = [item.name for family, item in presets().values() if family.problems == ("ctc",)]


@pytest.fixture(scope="module")
def wave():
    return torch.from_numpy(np.random.RandomState(0).uniform(-0.5, 0.5, (1, 9000)).astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_32_ms_whatever_the_network(name, settings, wave):
    module = built(name, TASKS["digit-strings"], settings).eval()
    for samples, frames in ((9000, 35), (2000, 7)):
        assert module(wave[:, :samples]).shape == (1, frames, 11)
    if name != "cnn-bigru-ctc":
        assert count_parameters(module) < 100_000


def test_the_real_time_factor_is_of_the_tasks_longest_recording():
    facts = TASKS["digit-strings"]
    assert seconds_of(FAMILIES.module("ctc_gru", "build").inputs({}, facts, None)) == 3.6


def test_a_network_that_reads_forwards_does_not_know_what_comes(settings, wave):
    ahead, both = (built(name, TASKS["digit-strings"], settings).eval() for name in ("gru-ctc-32", "cnn-bigru-ctc"))
    wave = torch.cat([wave[:, :6000], 0.1 * wave[:, 6000:]], 1)  # features are relative to the loudest part, which comes first
    changed = torch.cat([wave[:, :6000], wave[:, 6000:].flip(1)], 1)
    for module, same in ((ahead, True), (both, False)):
        before, after = module(wave)[:, :20], module(changed)[:, :20]
        assert torch.allclose(before, after, atol=1e-6) is same
