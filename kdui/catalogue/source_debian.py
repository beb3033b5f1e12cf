"""Files of a Debian package: where it is installed, else downloaded by apt-get and unpacked by dpkg-deb, without root."""

import re
from pathlib import Path

from kdui.catalogue.source_attempt import CONNECT_SECONDS, OFFLINE, Attempt, Unavailable, copy, run_watched
from kdui.core.source import DebianPackage

# Programs are read by their English words, and must not wait for a network that is not there.
_ENV = {"LC_ALL": "C", "LANGUAGE": "C"}
_QUICK = [
    "-q",
    "-o",
    f"Acquire::http::Timeout={CONNECT_SECONDS}",
    "-o",
    f"Acquire::https::Timeout={CONNECT_SECONDS}",
    "-o",
    "Acquire::Retries=0",
]


def from_debian(source: DebianPackage, attempt: Attempt) -> None:
    """Copy the installed files; else download and unpack the package in the scratch folder."""
    installed = {name: Path(path) for name, path in source.members.items()}
    if not all(path.is_file() for path in installed.values()):
        if attempt.settings.offline:
            raise Unavailable(f"not installed, and the network is {OFFLINE}")
        root = _download(source, attempt)
        installed = {name: root / path.lstrip("/") for name, path in source.members.items()}
        missing = [str(path) for path in source.members.values() if not (root / path.lstrip("/")).is_file()]
        if missing:
            raise Unavailable(f"the package has no file {', '.join(missing)}")
    for name, path in installed.items():
        copy(path, name, attempt)


def _download(source: DebianPackage, attempt: Attempt) -> Path:
    options, size = _locate(source, attempt)
    # The package, what it unpacks to, and the copy in the folder.
    attempt.need(3 * size)
    run_watched(["apt-get", *options, "download", source.package], attempt, f"Fetching {attempt.resource.title}", size, _ENV)
    package = next(attempt.scratch.glob("*.deb"), None)
    if package is None:
        raise Unavailable("apt-get brought no package file")
    root = attempt.scratch / "root"
    run_watched(["dpkg-deb", "-x", str(package), str(root)], attempt, f"Unpacking {package.name}", None, _ENV)
    return root


def _locate(source: DebianPackage, attempt: Attempt) -> tuple[list[str], int]:
    """apt-get's options that find the package, and its size in bytes.

    A bare machine may have no package lists yet; then they are fetched into the scratch folder, which needs no root.
    """
    text = f"Looking for the Debian package {source.package}"
    query = ["download", "--print-uris", source.package]
    options = _QUICK
    try:
        answer = run_watched(["apt-get", *options, *query], attempt, text, None, _ENV)
    except Unavailable as error:
        if "Unable to locate" not in str(error) and "No packages found" not in str(error):
            raise
        lists, archives = attempt.scratch / "lists", attempt.scratch / "cache" / "archives"
        for folder in (lists, archives):
            (folder / "partial").mkdir(parents=True)
        options = [*_QUICK, "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={archives.parent}"]
        run_watched(["apt-get", *options, "update"], attempt, text, None, _ENV)
        # apt-get counts a failed update as a success, so only the second look tells.
        try:
            answer = run_watched(["apt-get", *options, *query], attempt, text, None, _ENV)
        except Unavailable as error:
            raise Unavailable(f"{error}, even in fresh package lists; perhaps those could not be fetched") from error
    match = re.search(r"^'[^']+' \S+\.deb (\d+)", answer, flags=re.MULTILINE)
    if not match:
        raise Unavailable("apt-get knows no download address for it")
    return options, int(match.group(1))
