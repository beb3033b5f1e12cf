"""The container files and the manifest as text: what they name exists, and they agree with each other and with the settings."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from kdui.settings import VARIABLES, Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "deploy").glob("Dockerfile*"))
MANIFEST = (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_copies_what_there_is_and_runs_as_any_user(path):
    text = path.read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.M) for name in line.split()]
    assert {"app.py", "setup.py", "pyproject.toml", "requirements.txt", "kdui", "assets"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert re.search(r"^USER [1-9]\d*:0$", text, re.M) and "chgrp 0 /data" in text and "KDUI_HOME=/data" in text
    assert [name for name in re.findall(r"KDUI_[A-Z_]+", text) if name not in VARIABLES.values()] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[(\w+)\]"', text)) <= set(extras)


def test_the_manifest_names_what_its_parts_have():
    parts = {(part["kind"], part["metadata"]["name"]): part for part in yaml.safe_load_all(MANIFEST)}
    secret = parts["Secret", "kdui"]["stringData"]
    container = parts["Deployment", "kdui"]["spec"]["template"]["spec"]["containers"][0]
    environment = {each["name"]: each for each in container["env"]}
    assert set(environment) <= set(VARIABLES.values())
    asked = re.findall(r"secretKeyRef: \{name: kdui, key: ([\w-]+)\}", MANIFEST)
    assert set(asked) == set(secret) and secret["database-password"] in secret["database-url"]
    assert ("Service", secret["database-url"].partition("@")[2].partition("/")[0]) in parts
    port = Settings.model_fields["port"].default
    probes = [container[probe]["httpGet"] for probe in ("readinessProbe", "livenessProbe")]
    assert [probe["port"] for probe in probes] == [container["ports"][0]["containerPort"]] * 2 == [port] * 2
    assert {probe["path"] for probe in probes} == {"/healthz"}
    assert parts["Service", "kdui"]["spec"]["ports"][0]["targetPort"] == port
    claims = [
        each["persistentVolumeClaim"]["claimName"] for each in parts["Deployment", "kdui"]["spec"]["template"]["spec"]["volumes"]
    ]
    assert [("PersistentVolumeClaim", name) in parts for name in claims] == [True]
