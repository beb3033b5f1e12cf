"""Next-token distributions of a teacher, its student and the control, for the lesson on language models."""

from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.lessons.outputs import whole
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.layout import TOKENIZER
from kdui.models.module_store import load_model
from kdui.settings import Settings

RECIPE = "books-lm"
MODELS = {"teacher": "teach", "student": "distill", "control": "distill.control"}
TOKENS = 48  # of the passage
SHOWN = 8  # of the teacher's most likely next tokens
KEPT = 256  # probabilities of each token, the largest first


def tokens(settings: Settings) -> dict[str, Any]:
    """What the models of a built-in recipe predict at each token of the first test passage that is long enough."""
    recipe = read_recipe(RECIPE, settings)
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, recipe.task)
        steps = laboratory.plan(recipe)
        folders = {name: laboratory.make(steps, step).path for name, step in MODELS.items()}
        tokenizer = Tokenizer.from_file(str(folders["teacher"] / TOKENIZER))
        tokenizer.no_padding()
        texts = whole(laboratory).splits["test"].inputs
        ids = next(found for text in texts if len(found := tokenizer.encode(text).ids) >= TOKENS)[:TOKENS]
        rows = {name: _log_probabilities(load_model(folder)[0].eval(), ids) for name, folder in folders.items()}
    teacher, words = rows["teacher"], [tokenizer.decode([token]) for token in ids]
    order = np.argsort(-teacher, 1, kind="stable")
    return {
        "title": "Jane Austen's Persuasion, which none of the models was trained on; models of the recipe " + RECIPE,
        "vocabulary": int(teacher.shape[1]),
        "words": words,
        "places": [
            {
                "next": [tokenizer.decode([int(token)]) for token in order[place, :SHOWN]],
                **{name: _rounded(np.exp(row[place, order[place, :SHOWN]])) for name, row in rows.items()},
                "kept": _rounded(np.exp(teacher[place, order[place, :KEPT]])),
                "bits": {name: round(float(-row[place, ids[place + 1]] / np.log(2)), 3) for name, row in rows.items()},
                "divergence": {name: _divergence(teacher[place], rows[name][place]) for name in ("student", "control")},
            }
            for place in range(len(ids) - 1)
        ],
    }


def _log_probabilities(module: torch.nn.Module, ids: list[int]) -> np.ndarray:
    """[places, vocabulary] float64: of the token after each place."""
    row = torch.tensor([ids])
    with torch.inference_mode():
        logits = module(input_ids=row, attention_mask=torch.ones_like(row))
    found: np.ndarray = logits[0].double().log_softmax(-1).numpy()
    return found


def _divergence(teacher: np.ndarray, model: np.ndarray) -> float:
    """Kullback-Leibler divergence of the model from the teacher over the whole vocabulary, nats."""
    return round(float(np.sum(np.exp(teacher) * (teacher - model))), 4)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]
