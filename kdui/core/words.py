"""How figures are said in sentences, wherever they are said."""


def percent(share: float, digits: int = 0) -> str:
    """A share as people read it: 0.5 is 50 %."""
    return f"{share:.{digits}%}".replace("%", " %")


def standing(state: str, silent_seconds: float | None = None, waits: bool = False) -> str:
    """A run's state with what a person must know of it."""
    if silent_seconds is not None:
        return f"{state}, no activity for {silent_seconds:.0f} s"
    return f"{state}, waits for you" if waits else str(state)
