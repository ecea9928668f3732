"""The only reader and writer of sensitivity.json: what was confirmed, for each microphone."""

from pathlib import Path

import msgspec

import roomcal
from roomcal.errors import InputError
from roomcal.files.documents import read_document, write_document
from roomcal.model.sensitivity import Confirmation, MicrophoneInput

FILE_NAME = "sensitivity.json"
_CURE = f"remove {FILE_NAME}, then confirm the sensitivity again"  # which reads it too


def save_confirmation(root: Path, confirmation: Confirmation) -> None:
    """Keep what was confirmed of one microphone, beside that of the others."""
    others = [c for c in _load(root) if c.microphone != confirmation.microphone]
    root.mkdir(parents=True, exist_ok=True)
    data = {"confirmations": msgspec.to_builtins([*others, confirmation])}
    write_document(root / FILE_NAME, {**data, "roomcal_version": roomcal.__version__})


def load_confirmation(root: Path, microphone: MicrophoneInput) -> Confirmation | None:
    """Read what was confirmed last of a microphone, or None.

    Raises
    ------
    InputError
        RC-310 when the file is damaged, RC-312 when a newer roomcal wrote it.
    """
    return next((c for c in _load(root) if c.microphone == microphone), None)


def _load(root: Path) -> list[Confirmation]:
    path = root / FILE_NAME
    if not path.exists():
        return []
    data = read_document(path, what="sensitivity", cure=_CURE)
    try:
        return msgspec.convert(data.get("confirmations"), list[Confirmation])
    except msgspec.ValidationError as error:
        raise InputError(
            "RC-310",
            f"{path}: {error}",
            hint=_CURE,
            path=str(path),
        ) from error
