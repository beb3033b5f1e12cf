"""Files of a package of npm, pinned by its digest: packed by npm itself, read out of the archive, never installed or run."""

import base64
import hashlib
import shutil
import tarfile

from kdui.catalogue.source_attempt import OFFLINE, Attempt, Unavailable, chunks, run_watched, write
from kdui.core.source import NpmPackage

QUIET = ["--loglevel", "error", "--no-update-notifier", "--no-fund", "--no-audit", "--ignore-scripts"]


def from_npm(source: NpmPackage, attempt: Attempt) -> None:
    """Let npm fetch the archive into the scratch folder, hold it against its digest, and unpack the files that are named."""
    if attempt.settings.offline:
        raise Unavailable(f"the network is {OFFLINE}")
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm was not found. Debian, Ubuntu: apt install npm; macOS: brew install node")
    attempt.need(3 * source.size)
    text = f"Fetching {attempt.resource.title}"
    run_watched([npm, "pack", f"{source.package}@{source.version}", *QUIET], attempt, text, source.size)
    archive = next(attempt.scratch.glob("*.tgz"), None)
    if archive is None:
        raise Unavailable("npm brought no archive")
    with archive.open("rb") as stream:
        digest = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
    if digest != source.sha512:
        raise Unavailable(f"{archive.name} is not the one that was pinned: its sha512 is {digest}")
    with tarfile.open(archive) as opened:
        for name, path in source.members.items():
            member = opened.extractfile(path) if path in opened.getnames() else None
            if member is None:
                raise Unavailable(f"{archive.name} has no file {path}")
            with member:
                write(chunks(member), attempt.target(name), attempt.report, f"Unpacking {name}", None)
