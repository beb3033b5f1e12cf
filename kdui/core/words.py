"""How figures are said in sentences, wherever they are said."""


def percent(share: float, digits: int = 0) -> str:
    """A share as people read it: 0.5 is 50 %."""
    return f"{share:.{digits}%}".replace("%", " %")
