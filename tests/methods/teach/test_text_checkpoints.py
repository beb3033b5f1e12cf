"""Text checkpoints as people have them, taken as trained teachers by a run: read rightly and said, or stopped in words."""

import json
import re
import shutil
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.run import Run
from kdui.engine.pipeline import Pipeline
from kdui.engine.reporter import RunReporter
from tests.engine.digits import Bench, digest_of
from tests.models.small import WORDS

SENTIMENT = TASKS["sentiment"]


@pytest.fixture(scope="module")
def sentiment(tmp_path_factory, shared_cache):
    """A store, and the training texts with their labels."""
    home = tmp_path_factory.mktemp("sentiment")
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    bench = Bench(home)
    return bench, load_task("sentiment", bench.settings)[1]["train"]


@pytest.fixture(scope="module")
def plain(sentiment, tmp_path_factory) -> Path:
    """What save_pretrained leaves of a BERT of one layer that tells the reviews apart by their lower-case words."""
    _, train = sentiment
    folder = tmp_path_factory.mktemp("plain")
    frequent = Counter(word for text in train.inputs for word in re.findall(r"[a-z]+", text.lower())).most_common(4000)
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = dict.fromkeys([*WORDS[:4], *letters, *(f"##{letter}" for letter in letters), *(word for word, _ in frequent)])
    (folder / "vocab.txt").write_text("\n".join(words))
    tokens = BertTokenizerFast.from_pretrained(ruled(folder, lower=True))(list(train.inputs), add_special_tokens=False)
    counts = np.ones((2, len(words)))
    for ids, target in zip(tokens["input_ids"], train.targets, strict=True):
        np.add.at(counts[target], ids, 1)
    odds = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    odds -= np.average(odds, weights=counts.sum(0))  # so that reviews lie evenly about zero
    odds[:4] = 0
    naive_bayes(torch.from_numpy(odds).clamp(-2, 2)).save_pretrained(folder)
    return folder


@torch.no_grad()
def naive_bayes(odds: torch.Tensor) -> BertForSequenceClassification:
    """A BERT whose attention takes the mean over all tokens, and whose head tells the sign of their mean log-odds [words]."""
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    names = {"id2label": dict(enumerate(SENTIMENT.labels)), "label2id": {name: i for i, name in enumerate(SENTIMENT.labels)}}
    network = BertForSequenceClassification(BertConfig(vocab_size=len(odds), max_position_embeddings=128, **shape, **names))
    for name, parameter in network.named_parameters():
        parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    even = torch.full_like(odds, 3.0)  # so that the norms hardly change with the odds
    network.bert.embeddings.word_embeddings.weight[:, :4] = torch.stack([odds, -odds, even, -even], 1).float()
    attention = network.bert.encoder.layer[0].attention
    for layer in (attention.self.value, attention.output.dense):
        layer.weight.copy_(torch.eye(16))
    network.bert.pooler.dense.weight[0, 0] = 5.0
    network.classifier.weight[:, 0] = torch.tensor([-3.0, 3.0])
    return network


def ruled(folder: Path, lower: bool) -> Path:
    """The folder with that rule of its tokenizer."""
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizerFast", "do_lower_case": lower}))
    return folder


@pytest.fixture
def another(plain, tmp_path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(plain, tmp_path / "another"))


def changed(folder: Path, change) -> Path:
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def taken(bench: Bench, folder: Path, options: str = "", stages=("export",)) -> Run:
    """A run whose first step, the teacher, was made; raises what that step raises."""
    run = bench.submit({"task": "sentiment", "teacher": f"folder:{folder}{options}", "stages": list(stages)})
    first = bench.plan(run.recipe.model_dump(mode="json"))[:1]
    Pipeline(bench.store, run, first, torch.device("cpu"), RunReporter(bench.store, run.id, {})).run()
    return run


def score(bench: Bench, run: Run) -> float:
    """Validation accuracy in % of the teacher as it came."""
    step_summary: float = bench.summary(run, "teacher")["training"]["validation"]
    return step_summary


@pytest.fixture(scope="module")
def known(sentiment, plain) -> Run:
    """The run that took the plain checkpoint."""
    return taken(sentiment[0], plain)


def test_a_checkpoint_that_is_as_it_should_be_is_taken(sentiment, known):
    bench, _ = sentiment
    assert score(bench, known) > 65
    assert any(line.endswith("% of the validation examples right as it comes.") for line in bench.said(known))


def test_a_wrappers_prefix_costs_nothing_and_is_reported(sentiment, known, another):
    bench, _ = sentiment
    run = taken(bench, changed(another, lambda weights: {f"module.{name}": tensor for name, tensor in weights.items()}))
    assert score(bench, run) == score(bench, known)
    assert any("'module.…': that prefix of a wrapper was taken off" in line for line in bench.said(run))


def test_another_rule_of_the_tokenizer_is_another_model(sentiment, known, another):
    bench, _ = sentiment
    run = taken(bench, ruled(another, lower=False))
    assert digest_of(run, "teacher") != digest_of(known, "teacher")
    assert score(bench, run) < score(bench, known)  # capital letters are unknown to it


def test_unnamed_labels_are_asked_for_before_the_run_and_checked_in_it(sentiment, known, another):
    bench, _ = sentiment
    config = json.loads((another / "config.json").read_text())
    config |= {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    (another / "config.json").write_text(json.dumps(config))
    own, turned = ",".join(SENTIMENT.labels), ",".join(reversed(SENTIMENT.labels))
    with pytest.raises(RecipeError, match=rf"does not name its labels.*Write 'folder:{another}\?labels={own}'"):
        taken(bench, another)
    assert score(bench, taken(bench, another, f"?labels={own}")) == score(bench, known)
    with pytest.raises(StageFailed, match=rf"\?labels={own}'"):
        taken(bench, another, f"?labels={turned}")


def test_a_missing_head_stops_the_run_and_a_teach_stage_is_the_way_on(sentiment, another):
    bench, _ = sentiment
    changed(another, lambda weights: {name: tensor for name, tensor in weights.items() if not name.startswith("classifier.")})
    words = r"lacks weights of the classifier \(classifier\.bias, classifier\.weight\).*Put a 'teach' stage before the others"
    with pytest.raises(StageFailed, match=words):
        taken(bench, another)
    taught = taken(bench, another, stages=({"teach": {"epochs": 0}}, "export"))
    assert any("comes without 2 weights of the classifier" in line for line in bench.said(taught))
