"""Proxies of the environment: never for this machine itself, and said where they cannot be used."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import requests

from kdui import proxies
from kdui.catalogue.source_wheel import _get, _in_words
from kdui.settings import Settings
from kdui.ui.page import launch
from kdui.workbench.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def proxied(monkeypatch):
    """Every proxy variable leads nowhere, and nothing is spared."""
    for name in list(os.environ):
        if name.lower() in (*proxies.VARIABLES, "no_proxy"):
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")  # given back by monkeypatch, whatever the code under test sets
    monkeypatch.setenv("no_proxy", "")


@pytest.mark.parametrize(
    ("given", "spared"),
    [
        ("", "localhost,127.0.0.1,::1"),
        ("corp.example, localhost", "corp.example,localhost,127.0.0.1,::1"),
        ("*", "*"),
        ("127.0.0.1,localhost,::1", "127.0.0.1,localhost,::1"),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_this_machine_is_spared_and_what_was_spared_stays(monkeypatch, name, given, spared):
    monkeypatch.delenv(name.swapcase())
    monkeypatch.setenv(name, given)
    proxies.spare_loopback()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == spared


def test_loopback_is_asked_directly_and_the_world_by_the_proxy():
    proxies.spare_loopback()
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert requests.utils.select_proxy(f"http://{host}:1/", requests.utils.get_environ_proxies(f"http://{host}:1/")) is None
    assert requests.utils.get_environ_proxies("http://pypi.example/")["http"] == NOWHERE


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_the_page_is_served_beside_any_proxy_under_any_name_of_this_machine(tmp_path, host):
    bench = Workbench(Settings(home=tmp_path, quickstart=False))
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    demo = launch(bench, host=host, port=port, block=False)
    try:
        assert os.environ["HTTP_PROXY"] == NOWHERE  # for workers, who fetch things
        address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        request = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=30)
        assert request.status == 200 and b"kdui" in request.read()
    finally:
        demo.close()


def test_the_page_can_be_imported_beside_a_socks_proxy_without_its_package():
    done = subprocess.run([sys.executable, "-c", "import kdui.ui.page"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_socks_proxy_without_its_package_is_reported_by_every_source(settings, monkeypatch):
    for name in ("HTTP_PROXY", "https_proxy"):
        monkeypatch.delenv(name)
    assert "ALL_PROXY names a SOCKS proxy" in str(proxies.missing_support("requests"))
    with pytest.raises(requests.RequestException) as refused:
        _get("http://index.example/x/", "http://index.example", {})
    assert _in_words(refused.value, "http://index.example").endswith("run 'pip install PySocks'")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert proxies.missing_support("requests") is None is proxies.missing_support("httpx")
