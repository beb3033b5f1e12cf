"""The softmax in numpy against torch's, on ordinary, huge and masked logits."""

import numpy as np
import pytest
import torch

from kdui.problems.softmax import log_softmax, softmax


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_is_the_softmax_of_torch(temperature):
    logits = np.random.default_rng(0).normal(size=(3, 5, 7)).astype(np.float32) * 10
    expected = torch.log_softmax(torch.from_numpy(logits).double() / temperature, -1).numpy()
    np.testing.assert_allclose(log_softmax(logits, temperature), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(softmax(logits, temperature), np.exp(expected), rtol=1e-12, atol=1e-12)


def test_huge_and_masked_logits_stay_finite():
    assert softmax(np.array([1e30, 1e30], np.float32)).tolist() == [0.5, 0.5]
    assert softmax(np.array([0.0, -np.inf, 0.0], np.float32)).tolist() == [0.5, 0.0, 0.5]
