"""The class's board: small recipes that participants queue, worked off in turns, and a point for each that has ended.

The store's queue gets few of them at a time, so that a latecomer's first run waits for one turn and not for everybody's runs.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

from pydantic import Field

from kdui.catalogue.recipe_files import class_board_recipe
from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe
from kdui.workbench.classroom.participants import Refused

MOST_WAITING = 3  # of one participant
MOST_RUNS = 12  # of one participant, until the board is cleared
AT_ONCE = 2  # runs in the store's queue; one works, the next is ready
MOST_POINTS = 1_000
RUN_NAME = "Class · "  # what the names of its runs begin with

STUDENTS = {
    "cnn-tiny?width=2": "2 channels",
    "cnn-tiny": "4 channels",
    "cnn-small": "8 channels",
    "cnn-small?width=16": "16 channels",
}
UNQUANTIZED = 32
KEYS = {"temperature": "distill.temperature", "soft_weight": "distill.soft_weight", "bits": "quantize.bits"}
BITS = {32: "32 bits (not quantized)", 8: "8 bits", 4: "4 bits", 3: "3 bits", 2: "2 bits"}


class Knobs(Frozen):
    """What a participant may turn; everything else of the recipe is fixed."""

    student: Literal["cnn-tiny?width=2", "cnn-tiny", "cnn-small", "cnn-small?width=16"] = "cnn-small"
    temperature: float = Field(default=4, ge=1, le=20)
    soft_weight: float = Field(default=0.7, ge=0, le=1)
    bits: Literal[32, 8, 4, 3, 2] = 8

    @property
    def words(self) -> str:
        """The settings in a line."""
        return f"{STUDENTS[self.student]}, T {self.temperature:g}, α {self.soft_weight:g}, {self.bits} bits"


def recipe_of(knobs: Knobs, nickname: str) -> Recipe:
    """The board's recipe with what the participant turned; without a bit-width its stage goes."""
    recipe = class_board_recipe()
    settings = {key: getattr(knobs, name) for name, key in KEYS.items()}
    if knobs.bits == UNQUANTIZED:
        left_out = KEYS["bits"].partition(".")[0]
        settings.pop(KEYS["bits"])
        recipe = recipe.model_copy(update={"stages": tuple(stage for stage in recipe.stages if stage.name != left_out)})
    words = {"name": f"{RUN_NAME}{nickname}", "summary": f"Queued on the class's board: {knobs.words}."}
    return recipe.with_values({**words, "student": knobs.student, **settings})


class Wish(NamedTuple):
    """A run that somebody wants; ``number`` counts all wishes of this class."""

    number: int
    nickname: str
    knobs: Knobs


@dataclass(frozen=True)
class Point:
    """One run on the board: ``accuracy`` in % with the mark of its origin, ``kilobytes`` of what would be downloaded.

    Neither is known before its end.
    """

    wish: Wish
    run: str
    state: str = "queued"
    accuracy: float | None = None
    mark: str = ""
    kilobytes: float | None = None


class Runner(Protocol):
    """Where runs go and what has come of them."""

    def submit(self, recipe: Recipe, nickname: str) -> str:
        """Queue it; its id."""

    def outcome(self, point: Point) -> Point:
        """The point as its run stands now."""


class Board:
    """Wishes that wait, and runs that were started, of all participants."""

    def __init__(self, runner: Runner):
        self.runner = runner
        self.frozen = False
        self.waiting: list[Wish] = []
        self.points: list[Point] = []
        self._wishes = 0
        self._turns: dict[str, int] = {}  # nickname -> number of its latest turn

    def wish(self, nickname: str, knobs: Knobs) -> None:
        """Put it behind the participant's other wishes; raises Refused in words beyond a limit or while the board is frozen."""
        if self.frozen:
            raise Refused("The board is frozen: nothing new is taken at the moment.")
        mine = [wish for wish in self.waiting if wish.nickname == nickname]
        started = [point for point in self.points if point.wish.nickname == nickname]
        if len(mine) >= MOST_WAITING:
            raise Refused(f"{MOST_WAITING} of your runs are waiting already. Look at their results first.")
        if len(mine) + len(started) >= MOST_RUNS or len(self.points) + len(self.waiting) >= MOST_POINTS:
            raise Refused(f"You have queued {MOST_RUNS} runs, which is what each participant may, until the board is cleared.")
        self._wishes += 1
        self.waiting.append(Wish(self._wishes, nickname, knobs))

    def withdraw(self, nickname: str, number: int) -> None:
        """Take one's own wish back; nothing happens where it has started."""
        self.waiting = [wish for wish in self.waiting if (wish.nickname, wish.number) != (nickname, number)]

    def next(self) -> Wish | None:
        """Whose turn it is: whoever had none yet, then whoever's last turn is longest ago; of theirs the oldest wish."""
        return min(self.waiting, key=lambda wish: (self._turns.get(wish.nickname, 0), wish.number), default=None)

    def advance(self) -> None:
        """Look what has become of the runs, and start the next ones while there is room and the board is not frozen."""
        self.points = [self.runner.outcome(point) if point.state in ("queued", "running") else point for point in self.points]
        while not self.frozen and sum(point.state in ("queued", "running") for point in self.points) < AT_ONCE:
            wish = self.next()
            if wish is None:
                return
            self.waiting.remove(wish)
            self._turns[wish.nickname] = max(self._turns.values(), default=0) + 1
            point = Point(wish, self.runner.submit(recipe_of(wish.knobs, wish.nickname), wish.nickname))
            self.points.append(self.runner.outcome(replace(point)))

    def clear(self) -> None:
        """Forget wishes and points; runs that were started go on, and stay in the store."""
        self.waiting, self.points, self._turns = [], [], {}
