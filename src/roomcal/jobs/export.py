"""Export a bank: write beside the place, read back, prove, and only then put it there."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from roomcal.errors import InputError, StorageError
from roomcal.export.level_proof import prove_curves, prove_levels
from roomcal.export.proof import Proof, prove
from roomcal.export.registry import FORMATS, Format
from roomcal.files.atomic import refuse_existing, replacing_folder
from roomcal.files.folders import unknown_name
from roomcal.model.filter_bank import Bank


@dataclass(frozen=True)
class Exported:
    """One finished export."""

    format: str
    folder: Path
    files: tuple[str, ...]  # relative to the folder
    proof: Proof


def export_bank(bank: Bank, format_name: str, folder: Path, *, force: bool = False) -> Exported:
    """Write a bank in one format and prove that it is what was designed.

    Raises
    ------
    InputError
        RC-309 for an unknown format, RC-317 for one that cannot carry this bank.
    StorageError
        RC-602 if the folder exists and `force` is not given, or if it holds something else than
        an export in this format.
    ProofError
        RC-902 if what was written is not what was designed; nothing is left behind.
    """
    if format_name not in FORMATS:
        raise unknown_name("format", format_name, list(FORMATS))
    reason = FORMATS[format_name].refuses(bank)
    if reason:
        raise InputError(
            "RC-317",
            f"{format_name} cannot carry the bank {bank.name}: {reason}",
            hint="choose another format; `roomcal export --list` shows them",
        )
    refuse_existing(folder, force=force)
    if folder.is_file() or folder.resolve() == Path.cwd():
        raise InputError("RC-313", f"{folder} cannot be replaced", hint="choose another -o")
    chosen = FORMATS[format_name]
    _refuse_other_content(folder, chosen, format_name)
    with replacing_folder(folder) as fresh:
        paths = chosen.write(bank, fresh, folder.resolve())
        proof = _prove(bank, chosen, fresh)
        files = tuple(path.relative_to(fresh).as_posix() for path in paths)
    return Exported(format_name, folder, files, proof)


def _prove(bank: Bank, chosen: Format, folder: Path) -> Proof:
    """Read back what was written, and hold it against what the format is to carry."""
    found = chosen.read(folder)
    if chosen.carries is None:
        return dataclasses.replace(prove(bank, found), losses=chosen.loses(bank))
    carried = chosen.carries(bank)
    proof = dataclasses.replace(prove_levels(carried.filters, found), losses=carried.losses)
    if chosen.read_levels is not None:
        curves_db = prove_curves(bank, chosen.read_levels(folder), width=chosen.levels_width)
        proof = dataclasses.replace(proof, worst_db=max(proof.worst_db or 0.0, curves_db))
    return proof


def _refuse_other_content(folder: Path, chosen: Format, format_name: str) -> None:
    """Replace nothing that is not an earlier export: --force is for these."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        chosen.read(folder)
    except InputError as error:
        raise StorageError(
            "RC-602",
            f"{folder} holds something else than an export in the format {format_name}",
            hint="choose another -o, or move what is there",
            path=str(folder),
        ) from error
