"""Pre-training: the teacher's body guesses words in the training texts; the head that it guesses with is discarded."""

from typing import Any

from kdui.core.contracts import Split
from kdui.methods.teach.pretrain.language_model import HiddenWords, LanguageModel, questions, reads_forward
from kdui.methods.teach.pretrain.losses import HiddenWordsProblem
from kdui.training.context import StepContext
from kdui.training.device_dataset import ResidentData
from kdui.training.fit import keep, knobs_of, resident
from kdui.training.initial_weights import start_model
from kdui.training.loop import LOSS, Trainer

HEAD_RATE = 5.0  # the head starts from nothing, the body does not


def pretrain(context: StepContext) -> dict[str, Any]:
    """Train the teacher as a language model; the epoch with the lowest loss on the validation texts is kept. No label is read."""
    settings = context.settings
    saved = start_model(context, seed=settings["seed"])
    classifier: Any = saved.module
    causal = reads_forward(classifier)
    vocabulary = len(classifier.word_embedding.weight)
    hiding = None if causal else HiddenWords(classifier.tokenizer_json, vocabulary, settings["masked"], settings["seed"])
    model = LanguageModel(classifier, causal, settings["seed"])
    learnable = any(parameter.requires_grad for parameter in model.head.parameters())
    model.head.to(context.device)
    knobs = knobs_of(context)
    scoring = HiddenWordsProblem()

    def texts(split: Split, limit: int) -> ResidentData:
        return questions(resident(context, split, saved.inputs, saved.folder, limit), hiding, training=split == "train")

    trainer = Trainer(
        model=model,
        data=texts("train", knobs.train_examples),
        validation=texts("validation", knobs.validation_examples),
        problem=scoring,
        metric=LOSS,
        losses=lambda outputs, batch: {"total": scoring.loss(outputs, batch.targets)},
        knobs=knobs.model_copy(update={"augment": not causal}),  # every epoch hides other words
        seed=settings["seed"],
        report=context.report,
        checkpoint=context.checkpoint,
        companion=model.head if learnable else None,
        companion_rate=HEAD_RATE,
    )
    return {**keep(context, saved, trainer.run()), "language_model": "causal" if causal else "masked"}
