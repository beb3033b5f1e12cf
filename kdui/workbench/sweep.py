"""What a sweep tries: each combination of values, random draws, or a list; counted before any recipe is built."""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from kdui.core.errors import RecipeError
from kdui.core.family import Axis, FamilyKind
from kdui.core.recipe import MOST_NAME, Recipe

MOST_IN_SWEEP = 200
DRAWS_A_MEMBER = 50  # that a random sweep makes at the most to find values which it has not tried

Values = dict[str, Any]


def sweep_recipes(recipe: Recipe, values: Mapping[str, Sequence[Any]]) -> list[Recipe]:
    """A grid's recipes, each named by what differs. Raises RecipeError where they are none or too many, before any is built."""
    counted(math.prod(len(chosen) for chosen in values.values()))
    return [recipe_of(recipe, chosen) for chosen in grid_values(values)]


def counted(count: int) -> int:
    """The number of a sweep's runs; raises RecipeError where it is none or too many."""
    if not 1 <= count <= MOST_IN_SWEEP:
        raise RecipeError(f"A sweep has 1 to {MOST_IN_SWEEP} runs; this one has {count:,}. Give fewer values.")
    return count


def grid_values(values: Mapping[str, Sequence[Any]]) -> Iterator[Values]:
    """Each combination, the last setting fastest."""
    return (dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))


def kind_of(values: Mapping[str, Sequence[Any]]) -> FamilyKind:
    """Repeats where nothing but the seed varies, else a grid."""
    return "seeds" if set(values) == {"seed"} else "grid"


def drawn(axes: Sequence[Axis], count: int, seed: int, known: Sequence[Values] = ()) -> list[Values]:
    """``count`` combinations beyond those known, drawn evenly and independently; none twice, so fewer where there are no more.

    The draws of a seed are always the same ones, so that a sweep which is extended continues them.
    """
    generator = random.Random(seed)
    seen, fresh = {_key(each) for each in known}, list[Values]()
    for _ in range(DRAWS_A_MEMBER * (count + len(known))):
        values = {axis.name: _draw(axis, generator) for axis in axes}
        if len(fresh) < count and _key(values) not in seen:
            seen.add(_key(values))
            fresh.append(values)
    return fresh


def _draw(axis: Axis, generator: random.Random) -> Any:
    if not axis.is_range:
        return generator.choice(axis.values)
    low, high = float(axis.low or 0.0), float(axis.high or 0.0)
    if axis.whole:
        exact = round(math.exp(generator.uniform(math.log(low), math.log(high)))) if axis.log else generator.randint(*_ends(axis))
        return min(max(exact, _ends(axis)[0]), _ends(axis)[1])
    value = math.exp(generator.uniform(math.log(low), math.log(high))) if axis.log else generator.uniform(low, high)
    return float(f"{value:.4g}")  # what a person can read and type again


def _ends(axis: Axis) -> tuple[int, int]:
    return math.ceil(axis.low or 0.0), math.floor(axis.high or 0.0)


def _key(values: Values) -> str:
    return repr(sorted(values.items()))


def unlike(wanted: Sequence[Values], known: Sequence[Values]) -> list[Values]:
    """Those that are not known yet, each once."""
    seen, fresh = {_key(each) for each in known}, list[Values]()
    for values in wanted:
        if _key(values) not in seen:
            seen.add(_key(values))
            fresh.append(values)
    return fresh


def axis_of(name: str, text: str, parse: Callable[[str], Any]) -> Axis:
    """``1, 2, 4`` as values, ``0.1..0.9`` as a range, ``0.0001..0.1 log`` as one by ratios; ``parse`` reads one value.

    A range between whole numbers is one of whole numbers where ``parse`` gives such. Raises RecipeError in words.
    """
    ends = text.removesuffix("log").strip().split("..")
    try:
        if len(ends) == 2:
            low, high = (parse(end.strip()) for end in ends)
            if not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in (low, high)):
                raise RecipeError(f"{name}: '{text[:60]}' is no range between two numbers.")
            whole = isinstance(low, int) and isinstance(high, int)
            return Axis(name=name, low=low, high=high, log=text.rstrip().endswith("log"), whole=whole)
        values = tuple(dict.fromkeys(parse(part.strip()) for part in text.replace(";", ",").split(",") if part.strip()))
        if not values:
            raise RecipeError(f"{name}: write the values to try, separated by commas, or a range such as 0.1..0.9.")
        return Axis(name=name, values=values)
    except ValidationError as error:
        raise RecipeError(f"{error.errors()[0]['msg'].partition(', ')[2]}.") from None


def recipe_of(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe of one member, named by what differs."""
    return recipe.with_values({**values, "name": _name(recipe, values)})


def _name(recipe: Recipe, chosen: Mapping[str, Any]) -> str:
    """What differs stands in full; the recipe's own name is cut where both are too long."""
    values = ", ".join(f"{key}={value}" for key, value in chosen.items())[: MOST_NAME - 4]
    return f"{(recipe.name or recipe.task)[: MOST_NAME - len(values) - 3]} · {values}"
