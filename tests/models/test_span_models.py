"""Models that find spans: outputs by words, padding that changes nothing, a question that is learned, and the graph."""

import numpy as np
import pytest
import torch

from kdui.catalogue.models import preset
from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.to_onnx import accepts_any_size, write_onnx
from kdui.modalities.passage.prepare import AXES
from kdui.models.bilstm_span import build as bilstm
from kdui.models.layers import output_layer
from kdui.models.minilm_span import build as minilm
from kdui.models.span_head import of_passage
from kdui.models.vocabulary import Vocabulary
from kdui.problems.spans.best_span import best_spans
from kdui.problems.spans.problem import PROBLEM, UNREAD
from kdui.runtime.sessions import open_session

FACTS = TASKS["squad"]
OPTIONS = {
    "minilm": {"layers": 1, "heads": 2, "intermediate": 16, "vocabulary": 60, "embedding_rank": 4},
    "bilstm": {"embedding": 8, "hidden": 12, "dropout": 0.0, "vocabulary": 60},
}
MARK, CLS, SEP = 3, 1, 2


def asked(count: int, seed: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Questions of one token about passages of eight words, one of two tokens; the answer follows the token that is asked for."""
    random = np.random.default_rng(seed)
    ids = np.zeros((count, 14), np.int64)
    words, targets = np.zeros_like(ids), np.zeros((count, 2), np.int64)
    for row in range(count):
        passage = random.permutation(np.arange(10, 50))[:8]
        place = random.integers(0, 7)
        tokens = [CLS, passage[place], SEP, *passage[:3], MARK, *passage[3:], SEP]  # the third word has a second token
        ids[row, : len(tokens)] = tokens
        words[row, :8] = [3, 4, 5, 7, 8, 9, 10, 11]
        targets[row] = place + 1
    arrays = {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64), "words": words}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, torch.from_numpy(targets)


@pytest.fixture(params=["minilm", "bilstm"])
def module(request):
    torch.manual_seed(1)
    return {"minilm": minilm, "bilstm": bilstm}[request.param].build(OPTIONS[request.param], FACTS, None).eval()


@torch.no_grad()
def test_outputs_are_by_words_and_padding_changes_nothing(module):
    inputs, _ = asked(3, 0)
    whole = module(**inputs)
    longer = {name: torch.nn.functional.pad(tensor, (0, 5)) for name, tensor in inputs.items()}
    assert whole.shape == (3, 2, FACTS.outputs) and torch.allclose(module(**longer), whole, atol=1e-5)
    assert (whole[..., 8:] == UNREAD).all() and (whole[..., :8] > UNREAD / 2).all()
    assert output_layer(module, FACTS.outputs).out_features == 2  # not a layer that happens to be as wide as the outputs


def test_the_passage_begins_at_its_first_word():
    inputs, _ = asked(1, 0)
    assert of_passage(inputs["words"], inputs["attention_mask"])[0].tolist() == [0] * 3 + [1] * 10 + [0]


def test_the_attending_lstm_learns_to_find_what_is_asked_for():
    torch.manual_seed(0)
    module = bilstm.build({**OPTIONS["bilstm"], "embedding": 16, "hidden": 24}, FACTS, None)
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for step in range(40):
        inputs, targets = asked(48, step + 1)
        optimizer.zero_grad()
        PROBLEM.loss(module(**inputs), targets).backward()
        optimizer.step()
    inputs, targets = asked(64, 0)
    found = best_spans(module.eval()(**inputs).detach().numpy())
    assert (found == targets.numpy()).all(1).mean() > 0.5  # one in eight by chance


def test_the_graph_computes_the_same_for_any_batch_and_length(tmp_path):
    module = bilstm.build(OPTIONS["bilstm"], FACTS, None).eval()
    (inputs, _), (others, _) = asked(2, 0), asked(5, 1)
    sample = {name: tensor.numpy() for name, tensor in inputs.items()}
    write_onnx(module, sample, AXES, 20, tmp_path / "model.onnx", PROBLEM.graph_output)
    assert accepts_any_size(tmp_path / "model.onnx", AXES)
    shorter = {name: tensor[:, :13] for name, tensor in others.items()}
    session = open_session(tmp_path / "model.onnx")
    assert [(each.name, each.shape) for each in session.get_outputs()] == [("logits", ["batch", 2, FACTS.outputs])]
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in shorter.items()})[0]
    with torch.no_grad():
        assert np.abs(outputs - module(**shorter).numpy()).max() < 1e-4


def test_a_student_of_fewer_layers_starts_from_its_teachers():
    torch.manual_seed(2)
    teacher, student = (minilm.build({**OPTIONS["minilm"], "layers": layers}, FACTS, None).eval() for layers in (3, 1))
    minilm.start_from_teacher(student, teacher, Vocabulary(None))
    ours, theirs = student.network.bert.encoder.layer[0], teacher.network.bert.encoder.layer[0]
    assert torch.equal(ours.output.dense.weight, theirs.output.dense.weight)
    assert torch.equal(student.head.weight, teacher.head.weight)
    assert preset("minilm-l2-span")[1].from_teacher == "minilm_span"
