"""Repositories of the Hugging Face Hub, online or from the local hub cache; pickled weights are never taken."""

import io
import os
import shutil
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from kdui.catalogue.checkpoint_files import DECIDING, require_merged
from kdui.catalogue.source_attempt import CONNECT_SECONDS, OFFLINE, Attempt, Unavailable
from kdui.core.source import HubRepo, HubTables
from kdui.proxies import missing_support

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.joblib", "*.npy", "*.npz")

MOST_ANSWER = 50_000_000  # bytes of one answer about a repository; a page of its files has a thousandth of it


def from_hub(source: HubRepo, attempt: Attempt) -> None:
    """Bring the members, or, where none are named, a model's own files or a whole data set.

    Raises RecipeError where a model's repository holds adapters.
    """
    model = source.repo_type == "model"
    allow: list[str] | None
    if source.members:
        allow, ignore = list(source.members.values()), []
    else:
        # The hub's patterns match across folders: "*/*" leaves out other variants of the weights in subfolders.
        allow, ignore = (list(DECIDING), ["*/*"]) if model else (None, list(PICKLES))
    snapshot = _snapshot(source, attempt, allow, ignore)
    attempt.commit = snapshot.name  # the hub's cache has a folder for each commit
    members = source.members or _everything(snapshot, allow, ignore)
    if model and not source.members:
        require_merged(members, source.repo)
        if not any(name.endswith(".safetensors") for name in members):
            raise Unavailable("it has no .safetensors weights, and kdui does not open pickled ones")
    for name, path in members.items():
        if not (snapshot / path).is_file():
            raise Unavailable(f"it has no file {path}")
        _place((snapshot / path).resolve(), attempt.target(name))


def tables_from_hub(source: HubTables, attempt: Attempt) -> None:
    """Bring the files that match, where there are some."""
    found = HubRepo(repo=source.repo, revision=source.revision, repo_type="dataset")
    snapshot = _snapshot(found, attempt, list(source.patterns), [])
    attempt.commit = snapshot.name
    members = _everything(snapshot, list(source.patterns), [])
    if not members:
        raise Unavailable(f"it holds no tables ({', '.join(source.patterns)})")
    for name, path in members.items():
        _place((snapshot / path).resolve(), attempt.target(name))


def _snapshot(source: HubRepo, attempt: Attempt, allow: list[str] | None, ignore: list[str]) -> Path:
    from huggingface_hub import errors, snapshot_download

    _bound_answers()
    try:
        return Path(
            snapshot_download(
                source.repo,
                repo_type=source.repo_type,
                revision=source.revision,
                allow_patterns=allow,
                ignore_patterns=ignore,
                local_files_only=attempt.settings.offline,
                etag_timeout=CONNECT_SECONDS,
                max_workers=2,
                tqdm_class=_progress(attempt),
            )
        )
    except ImportError as error:  # what httpx raises beside a SOCKS proxy that it cannot speak to
        raise Unavailable(missing_support("httpx") or str(error)) from error
    except errors.GatedRepoError as error:
        raise Unavailable("access must be requested on its page; then log in with HF_TOKEN") from error
    except errors.RepositoryNotFoundError as error:
        raise Unavailable("the hub has no such repository, or it is private (log in with HF_TOKEN)") from error
    except errors.RevisionNotFoundError as error:
        raise Unavailable(f"it has no revision '{source.revision}'") from error
    except errors.LocalEntryNotFoundError as error:
        if attempt.settings.offline:
            raise Unavailable(f"not in the hub cache, and the hub itself was {OFFLINE}") from error
        raise Unavailable("not in the hub cache, and the hub could not be reached") from error
    except errors.HFValidationError as error:
        raise Unavailable(f"'{source.repo}' is not a repository name: {error}") from error
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:  # a page of HTML, or JSON without end, where the hub's own was expected
        raise Unavailable(
            f"what answered is not the hub ({type(error).__name__}); a proxy or a login page may stand before it"
        ) from error
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        raise Unavailable(f"the hub gave no usable answer ({(str(error) or type(error).__name__).splitlines()[0]})") from error


@cache
def _bound_answers() -> None:
    """What the hub says about a repository is read up to a limit, counted unpacked: its library would read all there is."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def bounded(response: Any) -> None:
        path = response.request.url.path
        if "/api/" not in path or "/resolve/" in path:
            return  # files go to the disk piece by piece
        read = bytearray()
        for piece in response.iter_bytes():
            read += piece
            if len(read) > MOST_ANSWER:
                raise Unavailable(f"what it says of the repository is longer than {MOST_ANSWER // 1_000_000} MB")
        response._content = bytes(read)  # where the client's own read() would have put it

    def client() -> Any:
        made = default_client_factory()
        hooks = made.event_hooks
        made.event_hooks = {**hooks, "response": [*hooks.get("response", []), bounded]}
        return made

    set_client_factory(client)


def _everything(snapshot: Path, allow: list[str] | None, ignore: list[str]) -> dict[str, str]:
    """File name -> path of all that was requested; a cached snapshot may hold more than that."""
    paths = [path.relative_to(snapshot).as_posix() for path in sorted(snapshot.rglob("*")) if path.is_file()]
    wanted = [path for path in paths if allow is None or any(fnmatch(path, pattern) for pattern in allow)]
    return {path: path for path in wanted if not any(fnmatch(path, pattern) for pattern in ignore)}


def _place(source: Path, target: Path) -> None:
    """A hard link where the file system allows it, so that a large checkpoint lies on the disk once; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _progress(attempt: Attempt) -> type:
    """A progress bar class that draws nothing and reports bytes."""
    from tqdm import tqdm

    class Progress(tqdm):  # type: ignore[misc]
        """The hub's two byte bars (network and disk) run side by side; the greater count is reported."""

        most = 0

        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "disable": False})

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            if self.unit == "B":
                Progress.most = max(Progress.most, int(self.n))
                attempt.report(f"Fetching {attempt.resource.title}", Progress.most, int(self.total) if self.total else None)
            return drawn

    return Progress
