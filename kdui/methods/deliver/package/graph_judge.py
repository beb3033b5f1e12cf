"""A folder with a graph and its inputs' files judged on the first test examples, of any task."""

from pathlib import Path

from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.runner import USUAL, Runner
from kdui.methods.deliver.package.read_back import Judged
from kdui.problems import problem_of
from kdui.problems.judging import judged
from kdui.runtime.runners import open_runner
from kdui.runtime.sessions import graph_batches
from kdui.training.context import StepContext
from kdui.training.teachers import limits_of


class GraphJudge:
    """Takes folders one after the other; raises StageFailed for a model from outside, which runs within limits only."""

    def __init__(self, context: StepContext):
        if limits_of(context, context.inputs["model"]) is not None:
            raise StageFailed("A model from outside is not packaged: its own file is what there is. Leave this stage out.")
        self._context, self._count = context, context.settings["test_examples"]

    def __call__(self, folder: Path) -> Judged:
        """The task's headline with its interval, where it is known."""
        context, problem = self._context, problem_of(self._context.facts)
        arrays = context.data.prepared("test", read_inputs(folder), folder, self._count)
        targets = context.data.targets("test")[: self._count]
        session: Runner = open_runner(USUAL, folder / MODEL_FILE)
        if problem.judges_written:
            from kdui.runtime.written_texts import WrittenTexts

            session = WrittenTexts(session, folder)
        batches = graph_batches(
            folder / MODEL_FILE, arrays, problem.graph_batch, check=lambda done: context.report.check(), session=session
        )
        values = judged(problem, targets, batches, judge=problem.judge_arrays).values
        headline = context.facts.headline.name
        value = next(value for metric, value in problem.score(values, targets, context.facts) if metric.name == headline)
        low, high = problem.intervals(values, targets, context.facts).get(headline, (value, value))
        return Judged(float(value), float(low), float(high), len(targets))
