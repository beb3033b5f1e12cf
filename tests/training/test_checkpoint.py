"""A checkpoint is believed only where every bit of it is as it was written."""

import pytest
import torch
from torch import nn

from kdui.core.errors import ArtifactCorrupt
from kdui.store.artifacts import clear
from kdui.training.checkpoint import FILE, load_checkpoint, save_checkpoint

FACTS = {"epoch": 3, "history": [{"loss": 0.5}]}


def trained(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small network after one step, so that the optimizer has moments to keep."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 4)).square().sum().backward()
    optimizer.step()
    return model, optimizer


def values(model: nn.Module) -> dict[str, list]:
    return {name: tensor.tolist() for name, tensor in model.state_dict().items()}


@pytest.fixture
def saved(tmp_path):
    """A folder with a checkpoint of the network of seed 1."""
    model, optimizer = trained(1)
    save_checkpoint(tmp_path / "place", model, optimizer, {"0.bias": torch.zeros(3)}, FACTS)
    return tmp_path / "place"


def test_it_is_read_back_to_the_bit(saved):
    model, optimizer = trained(2)
    best, facts = load_checkpoint(saved, model, optimizer)
    assert values(model) == values(trained(1)[0])
    assert (facts, best["0.bias"].tolist()) == (FACTS, [0.0] * 3)
    assert load_checkpoint(saved / "nothing", model, optimizer) is None


def test_one_flipped_bit_anywhere_is_found_and_changes_nothing(saved):
    whole = (saved / FILE).read_bytes()
    model, optimizer = trained(2)
    before = values(model)
    for place in [*range(0, len(whole), len(whole) // 60), len(whole) - 1]:
        for bit in (0, 6):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            (saved / FILE).write_bytes(data)
            with pytest.raises(ArtifactCorrupt, match="The checkpoint"):
                load_checkpoint(saved, model, optimizer)
            assert values(model) == before, f"byte {place}"


def _a_folder(saved):
    clear(saved / FILE)
    (saved / FILE).mkdir()
    (saved / FILE / "what").write_text("lies here")


def _a_file(saved):
    clear(saved)
    saved.write_text("no folder")


DAMAGES = {
    "cut off": lambda saved: (saved / FILE).write_bytes((saved / FILE).read_bytes()[:-7]),
    "empty": lambda saved: (saved / FILE).write_bytes(b""),
    "garbage": lambda saved: (saved / FILE).write_bytes(b"\xff" * 4000),
    "a folder in its place": _a_folder,
    "a file in place of its folder": _a_file,
    "another network": lambda saved: save_checkpoint(saved, nn.Linear(2, 2), torch.optim.AdamW([torch.zeros(1)]), {}, FACTS),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_checkpoint_is_reported_and_gives_way_to_the_next_one(saved, damage):
    DAMAGES[damage](saved)
    model, optimizer = trained(2)
    with pytest.raises(ArtifactCorrupt, match="The checkpoint"):
        load_checkpoint(saved, model, optimizer)
    save_checkpoint(saved, model, optimizer, {}, FACTS)
    assert load_checkpoint(saved, *trained(3)) is not None
