"""The only reader and writer of level.json: what the last level check found."""

from pathlib import Path

import msgspec

import roomcal
from roomcal.errors import InputError
from roomcal.files.documents import read_document, write_document
from roomcal.model.level_check import LevelCheck

FILE_NAME = "level.json"
_CURE = f"remove {FILE_NAME}, then run `roomcal level` again"  # which reads it too


def save_level(root: Path, check: LevelCheck) -> Path:
    """Write a level check in place of an older one."""
    path = root / FILE_NAME
    root.mkdir(parents=True, exist_ok=True)
    data = msgspec.to_builtins(check)
    write_document(path, {**data, "roomcal_version": roomcal.__version__})
    return path


def load_level(root: Path) -> LevelCheck | None:
    """Read the last level check of a studio folder, or None.

    Raises
    ------
    InputError
        RC-310 when the file is damaged, RC-312 when a newer roomcal wrote it.
    """
    path = root / FILE_NAME
    if not path.exists():
        return None
    data = read_document(path, what="level check", cure=_CURE)
    try:
        return msgspec.convert(data, LevelCheck)
    except msgspec.ValidationError as error:
        raise InputError(
            "RC-310",
            f"{path}: {error}",
            hint=_CURE,
            path=str(path),
        ) from error
