"""Gradio's HTML of the page without what kdui does not serve."""

from collections.abc import Callable

import gradio.routes
import jinja2

# Of a page that can be installed, which this one is not: an address outside of the path that a reverse proxy gives the page.
MANIFEST = '<link rel="manifest" href="/manifest.json" />'


class WithoutManifest(jinja2.BaseLoader):
    """Loads what ``loader`` does, without the link to a manifest."""

    def __init__(self, loader: jinja2.BaseLoader):
        self._loader = loader

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The template's text, its file, and whether the text is still the file's."""
        source, file, is_current = self._loader.get_source(environment, template)
        return source.replace(MANIFEST, ""), file, is_current


def leave_out_manifest() -> None:
    """For every page that this process serves."""
    environment = gradio.routes.templates.env
    if not isinstance(environment.loader, WithoutManifest):
        environment.loader = WithoutManifest(environment.loader)
