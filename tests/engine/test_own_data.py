"""A person's own data and models from beginning to end: trained above a floor, and matched by the names of labels."""

import pytest
import torch

from kdui.catalogue.tasks import described, own_task
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.models.building import build_model
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.engine.digits import DEVICE
from tests.models.small import facts_of, random_tokens, small_bert, text_checkpoint
from tests.tasks.own_files import digit_folder, reviews


@pytest.fixture
def bench(tmp_path):
    bench = Workbench(Settings(home=tmp_path / "home", launcher="inline", quickstart=False))
    yield bench
    bench.close()


def test_real_digits_of_ones_own_are_learned(tmp_path, bench):
    folder = digit_folder(tmp_path / "digits", classes=3, each=100)
    recipe = Recipe.model_validate(
        {
            "task": f"own-pictures:{folder}",
            "teacher": "lenet-300-100",
            "stages": [{"teach": {"epochs": 12, "batch_size": 16}}, "export", {"measure": {"speed": False, "robustness": 20}}],
        }
    )
    run = bench.submit(recipe, DEVICE)
    Dispatcher(bench.store).tick()
    detail = bench.run(run.id)
    assert detail.run.state is RunState.SUCCEEDED, detail.run.error
    assert detail.results[0].measurements["accuracy"].value >= 80.0  # chance is 33.3
    assert detail.run.recipe.task.startswith("own-pictures:digits@") and not detail.unlearned


def test_a_checkpoint_of_ones_own_teaches_and_learns_by_the_names_of_its_labels(tmp_path, bench):
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in reviews(60)))
    task = own_task(f"own-texts:{table}", bench.settings)
    facts = described(task, bench.settings)

    def plan(folder, options=""):
        ref = f"folder:{folder}{options}"
        return bench.plan(
            Recipe.model_validate({"task": task, "teacher": ref, "student": ref, "stages": ["distill", "export", "measure"]})
        )

    own = text_checkpoint(tmp_path / "own", ("GOOD", "Bad"))
    assert "take_trained" in {step.operation for step in plan(own).steps}
    tokens = random_tokens(2, 5)
    theirs = small_bert(("GOOD", "Bad")).eval()(**tokens).logits
    module = build_model(facts_of(f"folder:{own}", facts, bench.settings), facts, own, None, seed=0).eval()
    torch.testing.assert_close(module(**tokens), theirs.flip(1))  # the task has bad before good
    with pytest.raises(RecipeError, match=r"has no head for the labels of Own texts: reviews: its config\.json names cat, dog"):
        plan(text_checkpoint(tmp_path / "other", ("cat", "dog")))
    nameless = text_checkpoint(tmp_path / "nameless", ("LABEL_0", "LABEL_1"))
    with pytest.raises(RecipeError, match=r"does not name its labels.*\?labels=bad,good"):
        plan(nameless)
    assert plan(nameless, "?labels=good,bad").steps
