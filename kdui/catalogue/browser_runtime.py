"""ONNX Runtime for browsers, which lets a visitor's own processor run a model: fetched once, when somebody wants it.

The page needs no package of npm; this one is for the class that compares its own devices, and says so where it is missing.
"""

import sys
from pathlib import Path

from kdui.catalogue.fetch import Report, fetch, receipt
from kdui.core.errors import KduiError
from kdui.core.source import NpmPackage, Resource
from kdui.settings import Settings

VERSION = "1.30.0"
ENTRY, LOADER, PROGRAM = "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"
FILES = (ENTRY, LOADER, PROGRAM)
RUNTIME = Resource(
    name=f"onnxruntime-web-{VERSION}",
    title=f"ONNX Runtime Web {VERSION}",
    licence="MIT",
    homepage="https://onnxruntime.ai",
    files=FILES,
    sources=(
        NpmPackage(
            package="onnxruntime-web",
            version=VERSION,
            sha512="q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
            size=33_106_585,
            members={name: f"package/dist/{name}" for name in FILES},
        ),
    ),
)


def installed(settings: Settings) -> Path | None:
    """The folder with the three files, None where they were not fetched yet."""
    folder = settings.cache / RUNTIME.name
    return folder if receipt(folder, RUNTIME) else None


def install(settings: Settings, report: Report | None = None) -> Path:
    """Fetch them with npm (33 MB, of which 14 are kept); raises SourceError in words that says what is missing."""
    return fetch(RUNTIME, settings, report)


def main() -> int:
    """``python -m kdui.catalogue.browser_runtime``: fetch it now and say where it lies, or why it could not be fetched."""
    try:
        print(f"{RUNTIME.title} lies in {install(Settings.from_environment())}")
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
