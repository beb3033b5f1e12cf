"""Where a reference to a model leads: a name on the Hub, the folder of a checkpoint, an artifact of the store."""

import re
from pathlib import Path

from kdui.catalogue.checkpoint_files import require_merged
from kdui.core.errors import RecipeError
from kdui.core.plain import is_digest
from kdui.core.recipe import ModelRef
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore

_HUB_NAME = re.compile(r"(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


def hub_parts(ref: ModelRef) -> tuple[str, str]:
    """Repository and revision; raises RecipeError for what is no name."""
    match = _HUB_NAME.fullmatch(ref.name)
    if match is None:
        raise RecipeError(f"'{ref}' is not a name on the Hugging Face Hub. Write hub:OWNER/NAME or hub:OWNER/NAME@REVISION.")
    return match["repo"], match["revision"] or "main"


def checkpoint_folder(ref: ModelRef) -> Path:
    """A folder with a Hugging Face checkpoint in safetensors; raises RecipeError for another one."""
    folder = Path(ref.name).expanduser()
    if not folder.is_dir():
        raise RecipeError(f"There is no folder {folder}. Write folder:PATH with the path of a checkpoint.")
    require_merged((path.name for path in folder.iterdir()), str(folder))
    if not (folder / "config.json").is_file():
        raise RecipeError(
            f"{folder} has no config.json, so it is no Hugging Face checkpoint. Point at the folder that save_pretrained wrote."
        )
    if not any(folder.glob("*.safetensors")):
        raise RecipeError(
            f"{folder} has no .safetensors weights, and kdui does not open pickled ones. Save the checkpoint again "
            "with save_pretrained(safe_serialization=True)."
        )
    return folder


def artifact_folder(ref: ModelRef, settings: Settings) -> Path:
    """The artifact's folder in the store; raises RecipeError where it is not there."""
    folder = ArtifactStore(settings).bring(ref.name) if is_digest(ref.name) else None
    if folder is None or not folder.is_dir():
        raise RecipeError(f"There is no artifact '{ref.name}' in the store. Copy the digest of a model from a finished run.")
    return folder
