"""Studies: arms over seeds, and a table that claims no more than the repeats show."""

import json
from pathlib import Path

import pytest

from kdui import machine
from kdui.catalogue.studies import Study, read_study, study_names
from kdui.cli.study import conclusions, held_against, markdown, queue_study, result_of, study_table
from kdui.cli.verdicts import gain, judged, proposal, question_words
from kdui.core.errors import RecipeError, UnknownName
from kdui.launch.dispatcher import Dispatcher
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench

SMALL = Study.model_validate(
    {
        "name": "small",
        "title": "Small",
        "task": "digits",
        "teacher": "cnn-small",
        "student": "cnn-tiny",
        "seeds": [0, 1],
        "before": [{"teach": {"epochs": 2, "learning_rate": 0.01}}],
        "training": {"epochs": 2, "learning_rate": 0.02},
        "after": [{"measure": {"speed": False}}],
        "arms": [
            {"title": "Soft targets", "stages": [{"distill": {"smooth_control": True}}]},
            {"title": "DKD", "stages": [{"dkd": {"epochs": 1}}]},
        ],
    }
)


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The small study, worked off in this process."""
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("study"), launcher="inline", quickstart=False))
    runs = queue_study(bench, SMALL)
    dispatcher = Dispatcher(bench.store)
    for _ in range(4):
        dispatcher.tick()
    yield bench, runs
    bench.close()


def test_every_arm_runs_with_every_seed_and_equal_compute(worked):
    _, runs = worked
    assert {title: [run.recipe.seed for run in group] for title, group in runs.items()} == {"Soft targets": [0, 1], "DKD": [0, 1]}
    assert runs["Soft targets"][0].recipe.stage("distill").settings["epochs"] == 2
    assert runs["DKD"][0].recipe.stage("dkd").settings == {"epochs": 1, "learning_rate": 0.02}  # an arm's own value wins


def test_the_table_holds_paired_gains_over_both_controls(worked):
    bench, runs = worked
    table = study_table(bench, SMALL, runs)
    soft, dkd = table["arms"]
    assert soft["result"] == "distill" and dkd["result"] == "dkd"
    by_seed = [
        student - control
        for student, control in zip(
            soft["models"]["distill"]["headline"], soft["models"]["distill.control"]["headline"], strict=True
        )
    ]
    assert soft["gain_over_control"]["by_seed"] == pytest.approx(by_seed, abs=1e-3)
    assert soft["gain_over_control"]["mean"] == pytest.approx(sum(by_seed) / 2, abs=1e-3)
    assert "gain_over_smoothed" in soft and "gain_over_smoothed" not in dkd
    assert soft["minutes"] >= 0 and "latency_ms" not in soft["models"]["distill"]
    assert json.loads(json.dumps(table)) == table
    assert markdown(table).count("\n") == 3 and "| level |" in markdown(table)
    assert table["question"]["seeds"] == 2 and conclusions(table).startswith(
        "The study asks about an effect of 1 point. The minimum detectable effect with 2 seeds is"
    )
    assert table["trained_on"] == [machine.cpu_name()]


def test_a_teacher_alone_is_a_result(worked):
    bench, _ = worked
    alone = Study.model_validate(
        {
            **SMALL.model_dump(mode="json"),
            "student": None,
            "seeds": [0],
            "before": [],
            "arms": [{"title": "Teacher", "stages": SMALL.before}],
            "aims": [{"what": "accuracy", "at_least": 1}],
        }
    )
    runs = queue_study(bench, alone)
    Dispatcher(bench.store).tick()
    table = study_table(bench, alone, runs)
    taught = bench.store.artifacts.manifest(runs["Teacher"][0].steps[0].digest)
    assert table["arms"][0]["minutes"] == round(taught.seconds / 60, 2) and taught.seconds > 0
    assert table["arms"][0]["result"] == "teach" and table["aims"][0]["met"]
    assert markdown(table).splitlines()[2].startswith("| Teacher |")


def test_teachers_of_their_own_are_trained_anew_with_each_seed():
    stages = [{"pretrain": {"epochs": 1}}, {"teach": {"seed": 7}}, "measure"]
    plain = {"title": "Reads", "task": "reuters-r8", "teacher": "minilm-l6", "seeds": [0, 3], "after": []}
    arm = {"title": "All", "stages": stages}
    shared, own = (Study.model_validate({**plain, "arms": [arm], "own_teachers": own}) for own in (False, True))
    seeds = [[stage.settings.get("seed") for stage in study.recipes(study.arms[0])[1].stages] for study in (shared, own)]
    assert seeds == [[None, 7, None], [3, 7, None]]


def test_each_result_is_compared_with_its_own_control():
    read = {"teach": {"role": "teacher"}, "teach.plain": {"role": "teacher"}}
    assert result_of(read) == "teach"
    assert held_against(read, "teach", "plain") == "teach.plain" and held_against(read, "teach", "control") is None
    roles = {"teach": "teacher", "both": "student", "both.control": "control", "both.separate": "assistant"}
    models = {name: {"role": role} for name, role in roles.items()}
    assert result_of(models) == "both"
    by_name = {control: held_against(models, "both", control) for control in ("control", "smoothed", "plain", "separate")}
    assert by_name == {"control": "both.control", "smoothed": None, "plain": None, "separate": "both.separate"}
    pruned = {"distill": {"role": "student"}, "distill.control": {"role": "control"}, "prune": {"role": "compressed"}}
    assert held_against(pruned, "prune", "control") == "distill.control"
    assert held_against({**pruned, "prune.control": {"role": "control"}}, "prune", "control") == "prune.control"
    row = {"arm": "Reads", "models": {"teach": {"mean": 90.0, "half_width": None}}, "result": "teach", "minutes": 1.0}
    table = markdown({"arms": [{**row, "gain_over_plain": {**gain([1.0, 1.1, 0.9]), "verdict": "better"}}]}).splitlines()
    assert table[0] == "| method | accuracy, % | over no pre-training | minutes |"
    assert table[2] == "| Reads | 90.00 | +1.00 ± 0.25: better | 1.0 |"


def test_a_run_that_failed_is_named(worked):
    bench, runs = worked
    waiting = bench.submit(SMALL.recipes(SMALL.arms[0])[0])
    with pytest.raises(RecipeError, match=waiting.id):
        study_table(bench, SMALL, {**runs, "DKD": [waiting]})
    bench.cancel(waiting.id)


def table(**gains):
    """The plain data of a study's table: one arm for each list of gains, over a control at 90 %."""
    arms = []
    for title, by_seed in gains.items():
        headline = [90.0 + value for value in by_seed]
        model = {"role": "student", "mean": sum(headline) / len(headline), "half_width": None, "headline": headline}
        row = {"arm": title, "seeds": [*range(len(by_seed))], "models": {"distill": model}, "result": "distill", "minutes": 1.0}
        arms.append({**row, "gain_over_control": {"by_seed": by_seed}})
    return {"arms": arms}


def verdicts(**gains):
    return [arm["gain_over_control"]["verdict"] for arm in judged(table(**gains), SMALL)["arms"]]


def test_verdicts_state_no_more_than_the_paired_interval():
    assert verdicts(a=[1.0]) == ["one seed is not enough to tell"]
    assert verdicts(a=[1.0, 1.1, 0.9]) == ["better"] and verdicts(a=[-1.0, -1.1, -0.9]) == ["worse"]
    (arm,) = judged(table(a=[1.0, -0.5, 0.3]), SMALL)["arms"]
    assert arm["gain_over_control"]["verdict"] == "no difference shown"
    assert "no difference shown (detectable from 2.5)" in markdown(judged(table(a=[1.0, -0.5, 0.3]), SMALL))
    one = 100 / 359  # one example more for each of three seeds is within what rounding to examples hides for two
    assert verdicts(a=[one, one]) == ["no difference shown"]


def test_the_more_gains_a_table_holds_the_more_each_must_show():
    alone = [0.5, 0.9, 1.1]
    assert verdicts(a=alone) == ["better"]
    noise = {f"n{number}": [0.3, -0.2, -0.15 + number / 100] for number in range(12)}
    assert verdicts(a=alone, **noise)[0] == "no difference shown"


def test_arms_that_are_level_share_a_letter():
    verdict_table = judged(table(best=[3.0, 3.1, 2.9], low=[1.0, 1.2, 0.9], same=[1.1, 1.0, 1.0]), SMALL)
    assert [arm["level"] for arm in verdict_table["arms"]] == ["a", "b", "b"]
    assert "do not differ significantly" in conclusions(verdict_table) and "controlled at 5 %" in conclusions(verdict_table)


def test_a_table_states_whether_its_question_was_answered():
    answered, open_ = (judged(table(a=by_seed), SMALL)["question"] for by_seed in ([1.0, 1.1, 0.9], [1.0, 3.0, -2.0]))
    assert answered["answered"] and not open_["answered"] and open_["needed"] > 30
    assert f"it needs {open_['needed']} seeds" in question_words(open_)
    assert "needs" not in question_words(answered) and "which is enough" in question_words(answered)
    single = question_words(judged(table(a=[1.0]), SMALL)["question"])
    assert "it needs 5 seeds at an assumed standard deviation of 0.5 points" in single


def test_built_in_studies_have_the_seeds_that_their_question_needs():
    for study in map(read_study, study_names()):
        if study.effect is not None:
            assert len(study.seeds) >= int(proposal(study).split()[0]), study.name
    assert "estimated" in proposal(read_study("digits-outputs")) and "3 recorded" in proposal(read_study("joint"))


def test_built_in_studies_can_be_planned(tmp_path):
    bench = Workbench(Settings(home=tmp_path, quickstart=False))
    for name in study_names():
        study = read_study(name)
        for arm in study.arms:
            (recipe,) = study.recipes(arm, study.seeds[:1])
            bench.check(recipe)
    bench.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [("title: [", "is not valid YAML"), ("title: A\ntask: digits\narms: []", "arms"), ("- 1", "is not a study")],
)
def test_a_broken_study_is_refused_in_words(tmp_path: Path, text: str, words: str):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=words):
        read_study(str(path))


def test_an_unknown_study_suggests_the_nearest():
    with pytest.raises(UnknownName, match="digits-outputs"):
        read_study("digit-outputs")


def test_a_study_of_compression_tells_what_became_smaller():
    before = {"role": "teacher", "label": "LeNet", "mean": 89.1, "half_width": 0.0, "file_mb": 1.0}
    after = {
        "role": "compressed",
        "label": "packed",
        "mean": 89.0,
        "half_width": 0.12,
        "file_mb": 1.0,
        "packed_mb": [0.02, 0.025],
    }
    table = {"arms": [{"arm": "LeNet", "models": {"teach": before, "encode": after}, "result": "encode", "minutes": 1.0}]}
    assert markdown(table).splitlines()[2] == "| LeNet | 89.10 | 89.00 ± 0.12 | 99.9 | 22.5 kB | 40.0 to 50.0 × | – |"


def test_a_study_of_steps_shows_every_model_on_the_way():
    models = {
        "teach": {"role": "teacher", "label": "Big", "mean": 90.0, "half_width": 0.0, "file_mb": 8.0, "speedup": 1.0},
        "distill": {"role": "student", "label": "Small", "mean": 89.1, "half_width": 0.2, "file_mb": 2.0, "speedup": [4.0, 5.0]},
        "distill.control": {"role": "control", "label": "Small alone", "mean": 88.0, "half_width": 0.2, "file_mb": 2.0},
        "prune": {"role": "compressed", "label": "Small, sparse", "mean": 88.2, "half_width": None, "file_mb": 1.0},
    }
    arm = {"arm": "Clothes", "models": models, "result": "prune", "minutes": 1.0, "gain_over_control": gain([91.0], [90.0])}
    assert markdown({"arms": [arm], "steps": True}).splitlines()[2:] == [
        "| Clothes: Small | 90.00 | 89.10 ± 0.20 | 99.0 | 2,000.0 kB | 4.0 × | 4.0 to 5.0 × |",
        "| Clothes: Small, sparse | 90.00 | 88.20 | 98.0 | 1,000.0 kB | 8.0 × | – |",
    ]
