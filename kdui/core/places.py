"""Where the files that come with kdui lie: beside the package in a checkout, inside it where it was installed as a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ASSETS = PACKAGE / "assets" if (PACKAGE / "assets").is_dir() else PACKAGE.parent / "assets"
