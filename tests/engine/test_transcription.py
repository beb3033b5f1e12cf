"""Transcription from data to answers: recurrent networks on dialled digits, guided, measured, compared."""

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Transcript
from kdui.core.errors import KduiError, RecipeError
from kdui.core.run import RunState
from kdui.modalities import modality_of
from kdui.modalities.audio.sound_files import wav_of
from kdui.serving.answers import Answers
from kdui.workbench.evidence import Evidence
from tests.engine.digits import Bench

FEW = 12
TASK = "dialled-digits"
SMALL = {"batch_size": 16, "learning_rate": 0.01, "train_examples": 64}
NETWORK = "cnn-bigru-ctc?width=4&hidden=16"  # one for both roles: its graph is traced once
RECIPE = {
    "task": TASK,
    "teacher": NETWORK,
    "student": NETWORK,
    "stages": [
        {"teach": {**SMALL, "epochs": 4}},
        {"guided_ctc": {**SMALL, "epochs": 2, "augment": True, "views": 2, "soft_weight": 0.5, "control": False}},
        "export",
        {"measure": {"speed": False, "robustness": 2}},
    ],
}

pytestmark = pytest.mark.usefixtures("few_examples")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("transcription"))


@pytest.fixture(scope="module")
def run(bench, few_examples):
    finished_run = bench.run(RECIPE)
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_methods_that_read_true_choices_or_labels_are_refused_in_words(bench):
    stages = RECIPE["stages"]
    with pytest.raises(RecipeError, match=r"a true choice of each distribution, but Dialled digits .* a task of transcription"):
        bench.plan({**RECIPE, "stages": [stages[0], "dkd"]})
    with pytest.raises(RecipeError, match="distributions over the frames of a recording, but Digits is a task of class"):
        bench.plan({"task": "digits", "teacher": "cnn-small", "student": "cnn-tiny", "stages": ["teach", "guided_ctc"]})
    assert bench.plan({**RECIPE, "stages": [stages[0], "distill"]})


def test_losses_fall_and_those_of_the_guide_have_their_names(bench, run):
    taught = [epoch["loss"] for epoch in bench.summary(run, "teach")["training"]["history"]]
    assert taught[-1] < taught[0]
    epochs = bench.summary(run, "guided_ctc")["training"]["history"]
    assert epochs[-1]["loss"] < epochs[0]["loss"] and {"train_hard", "train_guide", "train_soft"} <= epochs[-1].keys()
    assert bench.summary(run, "guided_ctc.outputs")["shape"] == [2, 64, 80, 13]


def test_what_is_measured_has_intervals_over_utterances(bench, run):
    measured = bench.measured(run)
    for name in ("teach", "guided_ctc"):
        words, characters = measured[name]["word_error_rate"], measured[name]["character_error_rate"]
        assert 0 <= words.low <= words.value <= words.high and words.unit == "%" and not words.higher_is_better
        assert characters.value >= 0 and measured[name]["robustness.noise.5"].value >= 0
        assert "robustness.shift.1" not in measured[name]  # what a shift pushes over the end is no longer to be transcribed
    evidence = Evidence(bench.store, lambda what, task: pytest.fail("no true labels are asked for"))
    gain = evidence.difference(run.id, "measure.guided_ctc", "measure.teach")
    apart = measured["teach"]["word_error_rate"].value - measured["guided_ctc"]["word_error_rate"].value
    assert gain.over == "examples" and gain.examples == FEW and gain.value == pytest.approx(apart, abs=1e-3)


def test_compare_transcribes_an_example_and_recordings_of_any_length(bench, run):
    answers, facts = Answers(bench.settings), TASKS[TASK]
    digests = [row["digest"] for row in bench.store.results.rows_of_run(run.id)]
    example = answers.examples(TASK, 1, 3)[0]
    assert set(example["truth"].split()) <= set(facts.answer.names) and example["sound"]
    for seconds in (0.1, 1.0, 4.0):
        wave = (9000 * np.sin(np.arange(int(8000 * seconds)) / 3)).astype(np.int16)
        raw = modality_of("recording").parse(wav_of(wave), facts)
        parts = [Transcript.model_validate(answer["parts"][0]) for answer in answers.ask(TASK, digests, raw)]
        assert {len(part.frames) for part in parts} == {((max(2000, len(wave)) - 256) // 128 + 2) // 2}
        assert all(part.seconds == pytest.approx(seconds) for part in parts)
    with pytest.raises(KduiError, match="This recording is silent"):
        modality_of("recording").parse(wav_of(np.zeros(4000, np.int16)), facts)
