"""Sequence to sequence: counts as sacrebleu's, paired intervals, decoder tokens, some steps of learning, and writing."""

import numpy as np
import pytest
import torch
from sacrebleu.metrics import BLEU, CHRF
from tokenizers import Tokenizer

from kdui.catalogue.tasks import TASKS
from kdui.core.code_points import code_points, text_of
from kdui.core.errors import KduiError
from kdui.core.layout import TOKENIZER
from kdui.core.padding import DECODER_IDS, DECODER_MASK
from kdui.modalities.text.prepare import prepare
from kdui.models.byte_pairs import trained_for_pairs
from kdui.models.continuation import answered, sampler
from kdui.models.description import ModelDescription
from kdui.models.module_store import load_model, save_model
from kdui.models.seq2seq import build
from kdui.models.vocabulary import Vocabulary
from kdui.problems import bootstrap, problem_of
from kdui.problems.seq2seq import overlap
from kdui.problems.seq2seq.decoder_tokens import decoder_arrays, ends_of
from kdui.tasks.examples import Examples

WRITTEN = ("Die Katze sitzt auf der Matte.", "Wählen Sie Datei - Öffnen.", "", "Hallo")
REFERENCES = ("Die Katze saß auf der Matte.", "Wählen Sie Datei – Öffnen.", "Guten Tag", "Hallo")
FACTS = TASKS["help-de"]
PROBLEM = problem_of(FACTS)
OPTIONS = {"layers": 1, "decoder_layers": 1, "width": 32, "heads": 2, "units": 64, "vocabulary": 300, "fresh": False}
SETTINGS = {"max_length": 64, "whole": True}
ENGLISH = tuple(f"Open the {noun} now." for noun in ("file", "menu", "page", "table")) * 4
GERMAN = tuple(f"Öffnen Sie jetzt {noun}." for noun in ("die Datei", "das Menü", "die Seite", "die Tabelle")) * 4


def test_sums_of_counts_score_as_the_corpus_does():
    sums = overlap.counts(WRITTEN, REFERENCES).sum(0)
    assert overlap.chrf(sums) == pytest.approx(CHRF().corpus_score(WRITTEN, [REFERENCES]).score, abs=1e-9)
    assert overlap.bleu(sums) == pytest.approx(BLEU(force=True).corpus_score(WRITTEN, [REFERENCES]).score, abs=1e-9)
    assert overlap.chrf(np.zeros(overlap.COUNTS)) == 0


def test_differences_are_paired_by_sentence():
    better = overlap.counts(REFERENCES * 20, REFERENCES * 20)
    worse = overlap.counts(WRITTEN * 20, REFERENCES * 20)
    low, high = bootstrap.interval(worse, overlap.chrf)
    assert low < float(overlap.chrf(worse.sum(0))) < high
    gain, none = (bootstrap.difference(better, other, overlap.chrf) for other in (worse, better))
    assert gain.low > 0 and gain.is_shown and gain.examples == 80 and gain.over == "examples"
    assert (none.value, none.low, none.high, none.is_shown) == (0, 0, 0, False)
    assert PROBLEM.difference({"counts": worse}, {"counts": better}).high < 0
    scores = {metric.name: value for metric, value in PROBLEM.score(worse, None, FACTS)}
    intervals = PROBLEM.intervals(worse, None, FACTS)
    assert scores.keys() == intervals.keys() == {"chrf", "bleu"} and FACTS.headline.name in scores
    assert all(intervals[name][0] < scores[name] < intervals[name][1] for name in scores)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A model after some steps on a few sentences, its folder, and their arrays."""
    split, folder = Examples(list(ENGLISH), code_points(GERMAN)), tmp_path_factory.mktemp("seq2seq")
    torch.manual_seed(0)
    module = build.build(OPTIONS, FACTS, None)
    build.start_from_texts(module, PROBLEM.tokenizer_texts(split))
    (folder / TOKENIZER).write_text(module.tokenizer_json, encoding="utf-8")
    arrays = prepare(split.inputs, SETTINGS, folder) | PROBLEM.target_arrays(split.targets, SETTINGS, folder)
    batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
    optimizer, losses = torch.optim.AdamW(module.train().parameters(), lr=0.01), []
    for _ in range(60):
        loss = PROBLEM.loss(PROBLEM.compute(module, batch), None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return module.eval(), folder, batch, losses


def test_a_row_is_a_token_of_the_reference_and_learning_lowers_its_loss(taught):
    module, _, batch, losses = taught
    with torch.no_grad():
        outputs = PROBLEM.compute(module, batch)
        sums = PROBLEM.summarize(outputs, None)
    assert PROBLEM.rows(outputs, None).count == int(batch[DECODER_MASK].sum()) - len(ENGLISH)  # the begin is not predicted
    assert losses[-1] < 0.5 * losses[0]
    assert PROBLEM.watch(sums.numpy(), None) == pytest.approx(float((sums[:, 0].sum() / sums[:, 2].sum()).exp()), rel=1e-5)


def test_what_it_writes_with_a_cache_is_what_whole_passes_predict(taught):
    module, folder, batch, _ = taught
    ends, few = ends_of(Tokenizer.from_file(str(folder / TOKENIZER))), {name: tensor[:4] for name, tensor in batch.items()}
    written = answered(module, few, ends, 30, sampler(0.0, 1.0, torch.Generator()))
    with torch.no_grad():
        again = module(few["input_ids"], few["attention_mask"], written[:, :-1]).argmax(-1)
    live = torch.cat([torch.ones(4, 1), (written[:, 1:-1] != ends.end).cumprod(1)], dim=1) == 1
    assert torch.equal(written[:, 1:][live], again[live]) and int(written[0, 0]) == ends.begin


def test_a_student_takes_its_teachers_tokens_and_comes_back_from_its_files(taught, tmp_path):
    module, *_ = taught
    student = build.build({**OPTIONS, "vocabulary": 0, "fresh": True}, FACTS, None)
    build.start_by_chance(student, module, Vocabulary(module.tokenizer_json))
    description = ModelDescription(
        model="s2s-tiny", family="seq2seq", version=1, options=OPTIONS, task=FACTS, inputs=build.inputs(OPTIONS, FACTS, None)
    )
    save_model(student, description, tmp_path)
    again, _, inputs = load_model(tmp_path)
    assert inputs.settings["max_length"] == 256 and again.tokenizer_json == module.tokenizer_json and again.is_tied
    assert again.head.out_features == module.head.out_features == again.word_embedding.num_embeddings
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_references_are_tokens_between_begin_and_end_and_long_ones_are_refused(tmp_path):
    (tmp_path / TOKENIZER).write_text(trained_for_pairs(GERMAN, 300), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(tmp_path / TOKENIZER))
    arrays, ends = decoder_arrays(["Menü", "die Datei"], tmp_path, 32), ends_of(tokenizer)
    row, mask = arrays[DECODER_IDS][0], arrays[DECODER_MASK][0]
    assert row[0] == ends.begin and row[mask.sum() - 1] == ends.end
    assert tokenizer.decode(row[mask == 1].tolist()) == "Menü" and tokenizer.encode("Menü").ids[-1] == ends.end
    with pytest.raises(KduiError, match="more than 4 tokens"):
        decoder_arrays(["die Datei öffnen"], tmp_path, 4)


def test_texts_as_targets_come_back_and_written_ones_take_their_place():
    split = Examples(["a", "b"], code_points(["ä😀", "ß"]))
    assert [text_of(row) for row in split.targets.tolist()] == ["ä😀", "ß"] == list(PROBLEM.written_texts(split))
    assert FACTS.answer.truth(split.targets[0]) == "ä😀"
    changed = PROBLEM.with_written(split, {1: "neu"})
    assert list(PROBLEM.written_texts(changed)) == ["ä😀", "neu"] and changed.inputs == split.inputs
