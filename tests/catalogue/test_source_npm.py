"""Files of an npm package, fetched by npm itself from a registry on this machine; others than the pinned ones are refused."""

import base64
import hashlib
import io
import json
import shutil
import tarfile

import pytest

from kdui.catalogue.browser_runtime import FILES, RUNTIME, installed
from kdui.catalogue.fetch import fetch
from kdui.core.errors import SourceError
from kdui.core.source import NpmPackage, Resource
from kdui.settings import Settings
from tests.catalogue.servers import served


def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        for name, text in (
            ("package/package.json", '{"name":"tiny-runtime","version":"1.0.0"}'),
            ("package/dist/a.mjs", "export {};"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            opened.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


ARCHIVE = archive()
SHA512 = base64.b64encode(hashlib.sha512(ARCHIVE).digest()).decode()


@pytest.fixture
def registry():
    def answer(path):
        if path.endswith(".tgz"):
            return "application/octet-stream", ARCHIVE, {}
        dist = {"tarball": f"{address}/tiny-runtime-1.0.0.tgz", "integrity": f"sha512-{SHA512}"}
        version = {"name": "tiny-runtime", "version": "1.0.0", "dist": dist}
        facts = {"name": "tiny-runtime", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        return "application/json", json.dumps(facts).encode(), {}

    with served(answer) as (address, _):
        yield address


def resource(sha512):
    source = NpmPackage(
        package="tiny-runtime", version="1.0.0", sha512=sha512, size=1000, members={"a.mjs": "package/dist/a.mjs"}
    )
    return Resource(name="tiny", title="Tiny runtime", licence="MIT", files=("a.mjs",), sources=(source,))


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on this machine")
def test_npm_fetches_what_was_pinned_and_nothing_else(tmp_path, registry, monkeypatch):
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    settings = Settings(home=tmp_path / "home")
    assert (fetch(resource(SHA512), settings) / "a.mjs").read_text() == "export {};"
    with pytest.raises(SourceError, match="not the one that was pinned"):
        fetch(resource(SHA512[::-1]).model_copy(update={"name": "other"}), settings)


def test_without_npm_or_network_the_page_says_what_is_missing(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match=r"npm, onnxruntime-web 1\.\d+\.\d+: npm was not found"):
        fetch(RUNTIME, settings)
    with pytest.raises(SourceError, match="KDUI_OFFLINE"):
        fetch(RUNTIME, settings.model_copy(update={"offline": True}))
    assert installed(settings) is None and set(RUNTIME.files) == set(FILES)
