"""A toy modality: lists of numbers of any length, padded on the right."""

import numpy as np

from kdui.core.errors import KduiError

AXES = {"wave": ("batch", "length"), "attention_mask": ("batch", "length")}


def prepare(raw, settings, folder):
    """``wave`` float32 and ``attention_mask`` int64, both [n, length]."""
    length = max(len(each) for each in raw)
    wave, mask = np.zeros((len(raw), length), np.float32), np.zeros((len(raw), length), np.int64)
    for row, each in enumerate(raw):
        wave[row, : len(each)], mask[row, : len(each)] = each, 1
    return {"wave": wave, "attention_mask": mask}


def blank(shape, batch):
    size = (batch, shape["longest"])
    return {"wave": np.zeros(size, np.float32), "attention_mask": np.ones(size, np.int64)}


def shown(raw):
    return {"text": ", ".join(f"{value:.1f}" for value in raw), "image": None}


def parse(payload, facts):
    try:
        return [float(part) for part in str(payload).split(",")]
    except ValueError:
        raise KduiError("Write numbers with commas between them, e.g. 0, 1, 1, 0.5.") from None


def traits(train, test):
    return {"novelty": np.array([float(np.std(each)) for each in test])}


def notice(payload, facts):
    return ""
