"""Text students: padding counts for nothing, and their initial weights are the teacher's."""

import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from kdui.catalogue.models import weights_folder
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed
from kdui.models.bilstm.build import Bilstm
from kdui.models.building import build_model
from kdui.models.embeddings import SCALE, reduce_embeddings
from kdui.models.layers import spread
from tests.models.small import built, facts_of, random_tokens, small_teacher

TASK = TASKS["sentiment"]
STUDENTS = ("bilstm-64?embedding=16", "pooled-32?embedding=16")


def padded(tokens: dict[str, torch.Tensor], extra: int, filler: int = 0) -> dict[str, torch.Tensor]:
    """The same texts with padding behind them."""
    return {
        name: nn.functional.pad(tensor, (0, extra), value=filler if name == "input_ids" else 0) for name, tensor in tokens.items()
    }


@pytest.fixture(scope="module")
def teacher():
    return small_teacher()


@pytest.mark.parametrize("name", STUDENTS)
def test_padding_changes_nothing(name, settings, teacher):
    module = built(name, TASK, settings, teacher)
    tokens = random_tokens(3, 7)
    with torch.no_grad():
        torch.testing.assert_close(module(**padded(tokens, 5, filler=4)), module(**tokens), rtol=0, atol=1e-6)


def test_padding_changes_nothing_in_a_transformer(teacher):
    tokens = random_tokens(3, 7)
    with torch.no_grad():
        torch.testing.assert_close(teacher(**padded(tokens, 5)), teacher(**tokens), rtol=0, atol=1e-6)


def test_bilstm_is_a_packed_bidirectional_lstm():
    torch.manual_seed(0)
    module = Bilstm(embedding=6, hidden=5, dropout=0.0, outputs=2).eval()
    reference = nn.LSTM(6, 5, batch_first=True, bidirectional=True)
    for name, parameter in module.ahead.named_parameters():
        getattr(reference, name).data.copy_(parameter)
        getattr(reference, f"{name}_reverse").data.copy_(module.back.get_parameter(name))
    tokens, lengths = random_tokens(3, 9), torch.tensor([9, 4, 1])
    tokens["attention_mask"] = (torch.arange(9) < lengths.unsqueeze(1)).long()
    packed = pack_padded_sequence(module.word_embedding(tokens["input_ids"]), lengths, batch_first=True)
    states, _ = pad_packed_sequence(reference(packed)[0], batch_first=True, padding_value=float("-inf"))
    torch.testing.assert_close(module(**tokens), module.head(states.amax(dim=1)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", STUDENTS)
def test_a_text_student_takes_embeddings_and_tokenizer_from_its_teacher(name, settings, teacher):
    module = built(name, TASK, settings, teacher)
    assert torch.equal(module.word_embedding.weight, reduce_embeddings(teacher.word_embedding.weight.detach(), 16))
    assert module.word_embedding.num_embeddings == 16
    assert module.tokenizer_json == teacher.tokenizer_json


def test_reduced_embeddings_are_the_best_of_their_width():
    torch.manual_seed(0)
    matrix = torch.randn(200, 12) @ torch.diag(torch.linspace(3, 0.1, 12))
    reduced = reduce_embeddings(matrix, 5)
    centred = matrix - matrix.mean(dim=0)
    # Eckart and Young: the squared error left by the best rank 5 is the sum of the other squared singular values.
    fitted = reduced @ torch.linalg.lstsq(reduced, centred).solution
    expected = torch.linalg.svdvals(centred)[5:].square().sum()
    torch.testing.assert_close((centred - fitted).square().sum(), expected, rtol=1e-4, atol=0)
    assert reduced.square().mean().sqrt().item() == pytest.approx(SCALE)


def test_more_dimensions_than_the_teacher_has_are_refused(settings, teacher):
    with pytest.raises(StageFailed, match="Set embedding to at most 32"):
        built("bilstm-64?embedding=33", TASK, settings, teacher)


@pytest.mark.parametrize(
    ("available", "wanted", "layers"),
    [(12, 6, [0, 2, 4, 7, 9, 11]), (6, 3, [0, 2, 5]), (6, 2, [0, 5]), (6, 1, [0]), (6, 6, [0, 1, 2, 3, 4, 5])],
)
def test_layers_are_spread_as_in_distilbert(available, wanted, layers):
    assert spread(available, wanted) == layers


def test_minilm_l3_copies_its_teacher(settings):
    teacher = built("minilm-l6", TASK, settings, seed=3)
    student = built("minilm-l3", TASK, settings, teacher, seed=4)
    theirs, mine = teacher.state_dict(), student.state_dict()
    for position, chosen in enumerate((0, 2, 5)):
        name = "network.bert.encoder.layer.{}.intermediate.dense.weight"
        assert torch.equal(mine[name.format(position)], theirs[name.format(chosen)])
    shared = [name for name in mine if "encoder" not in name]
    assert "network.classifier.weight" in shared and "network.bert.embeddings.word_embeddings.weight" in shared
    assert all(torch.equal(mine[name], theirs[name]) for name in shared)


def test_a_deeper_student_than_its_teacher_is_refused(settings):
    shallow = built("minilm-l6?layers=1", TASK, settings)
    with pytest.raises(StageFailed, match="only 1"):
        built("minilm-l2", TASK, settings, shallow)


def test_real_minilm_knows_english(settings):
    facts = facts_of("minilm-l6", TASK, settings)
    module = build_model(facts, TASK, weights_folder(facts, settings), None, seed=0)
    vocabulary, vectors = Tokenizer.from_str(module.tokenizer_json), module.word_embedding.weight.detach()
    good, excellent, wednesday = (vectors[vocabulary.token_to_id(word)] for word in ("good", "excellent", "wednesday"))
    likeness = nn.functional.cosine_similarity
    assert likeness(good, excellent, dim=0) > likeness(good, wednesday, dim=0) + 0.1
    assert module.network.classifier.out_features == 2
