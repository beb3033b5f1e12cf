"""Generated text: each token with its probability, marked where a reference model's first choice is another.

``assets/modules/answer_text.js`` writes the same markup for tokens that arrive one by one.
"""

from html import escape

from kdui.core.answers import Text, Token
from kdui.core.plan import Role
from kdui.ui.answers.ranked import percent

ENDINGS = {
    "end token": "Ended by the model.",
    "stop": "Ended at the stop text.",
    "limit": "Ended at the limit of tokens.",
}


def html(part: Text, role: Role) -> str:
    """The tokens as they follow one another, and why the text ends."""
    ending = f'<p class="mute">{ENDINGS[part.ended]}</p>' if part.ended else ""
    return f'<p class="generated {role}" translate="no">{"".join(map(_token, part.tokens))}</p>{ending}'


def summary(part: Text) -> tuple[str, ...]:
    """Texts differ in more ways than one: none is counted."""
    return ()


def _token(token: Token) -> str:
    shares = [("probability", token.probability), ("reference", token.reference)]
    title = " · ".join(f"{name} {percent(share)}" for name, share in shares if share is not None)
    apart = " apart" if token.agrees is False else ""
    return f'<span class="token{apart}" title="{title}">{escape(token.text)}</span>'
