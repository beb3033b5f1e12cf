"""Questions of a step to a remote model: a few under way at a time, each answer kept as it comes, the cost told beforehand."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from kdui.catalogue.remote import CHARACTERS
from kdui.runtime.kept_answers import KeptAnswers
from kdui.runtime.remote_server import Question, RemoteServer, Reply
from kdui.training.context import StepContext

BEAT = 0.5  # seconds between two looks at whether to stop


class Asked(NamedTuple):
    """What was spent now: requests, tokens read and written as the server counts them."""

    requests: int
    read: int
    written: int


def ask(
    context: StepContext,
    server: RemoteServer,
    questions: Mapping[str, Question],
    kept: KeptAnswers,
    keep: Callable[[Reply], Any],
    judge: Callable[[int, Reply], None],
) -> Asked:
    """Ask each question, by its key, that has no kept answer; what has come is kept whatever happens then.

    ``keep`` makes plain data of a reply; ``judge`` gets the replies with their number among ``requests``, and raises where it is
    no use to go on. Closes the server.
    """
    missing = {key: question for key, question in questions.items() if key not in kept}
    read = sum(len(each.system) + len(each.text) for each in missing.values()) // CHARACTERS
    context.report.log(
        f"{server.title}: {len(missing):,} requests, about {read:,} tokens to read and at most "
        f"{sum(each.tokens for each in missing.values()):,} to write (estimated); {len(questions) - len(missing):,} of "
        f"{len(questions):,} questions are answered already."
    )
    spent = Asked(0, 0, 0)
    try:
        for key, reply in _replies(context, server, missing):
            kept.add(key, keep(reply))
            spent = Asked(spent.requests + 1, spent.read + reply.read, spent.written + reply.written)
            judge(spent.requests, reply)
            context.report.progress(spent.requests / len(missing))
    finally:
        server.close()
        if spent.requests < len(missing):
            context.report.log(f"{spent.requests:,} of {len(missing):,} answers have come and are kept: the next run goes on.")
    if spent.requests:
        context.report.log(
            f"{spent.requests:,} requests: {spent.read:,} tokens read and {spent.written:,} written, as the server counted them."
        )
    return spent


def _replies(context: StepContext, server: RemoteServer, questions: Mapping[str, Question]) -> Iterator[tuple[str, Reply]]:
    """Keys with their replies as they come."""
    waiting: dict[Future[Reply], str] = {}
    left = iter(questions.items())
    with ThreadPoolExecutor(context.app_settings.api_parallel, thread_name_prefix="remote") as pool:
        try:
            while True:
                while len(waiting) < 2 * context.app_settings.api_parallel and (item := next(left, None)) is not None:
                    waiting[pool.submit(server.reply, item[1])] = item[0]
                if not waiting:
                    return
                done, _ = wait(waiting, timeout=BEAT, return_when=FIRST_COMPLETED)
                context.report.check()
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            server.stop()
            pool.shutdown(wait=False, cancel_futures=True)
