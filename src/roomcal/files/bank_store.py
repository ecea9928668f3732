"""The only reader and writer of banks: one folder a bank, one WAV a path, bank.json."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from roomcal.errors import InputError, StorageError
from roomcal.files.atomic import refuse_existing, replacing_folder
from roomcal.files.documents import convert_document, read_document, write_document
from roomcal.files.folders import document_path, existing_folder, new_folder
from roomcal.files.wav import read_mono, write_wav
from roomcal.model.curve import Curve
from roomcal.model.design_spec import MAX_TAPS
from roomcal.model.filter_bank import Bank, Explanation, FilterBank, PathStructure
from roomcal.model.ledger import LedgerEntry
from roomcal.model.studio import check_name

_MOST_TAPS = 16 * MAX_TAPS  # taps are counted at 48 kHz, and no rate is 16 times as high


@dataclasses.dataclass(frozen=True)
class _PathRecord:
    file: str
    n_samples: int
    sha256: str
    structure: PathStructure


@dataclasses.dataclass(frozen=True)
class _FilterRecord:
    fs: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    n_taps: int
    latency_samples: int
    headroom_db: float
    paths: tuple[_PathRecord, ...]


@dataclasses.dataclass(frozen=True)
class _CurveRecord:
    f_hz: tuple[float, ...]
    level_db: tuple[float, ...]
    name: str = ""


@dataclasses.dataclass(frozen=True)
class _ExplanationRecord:
    speaker: str
    curves: dict[str, _CurveRecord]
    gain_db: float = 0.0
    delay_s: float = 0.0
    inverted: bool = False
    notes: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()


@dataclasses.dataclass(frozen=True)
class _BankRecord:
    name: str
    filters: tuple[_FilterRecord, ...]
    provenance: dict[str, Any]
    explanations: tuple[_ExplanationRecord, ...] = ()


def save_bank(root: Path, bank: Bank, *, force: bool = False) -> Path:
    """Write a bank, whole or not at all, and return its folder.

    Raises
    ------
    StorageError
        RC-602 if a bank of that name exists and `force` is not given, or if the folder holds
        something else than a bank.
    """
    folder = new_folder(root, "bank", bank.name)
    refuse_existing(folder, force=force)
    if folder.exists() and not document_path(folder, "bank").is_file():
        raise StorageError(
            "RC-602",
            f"{folder} is no bank: it is not replaced",
            hint="choose another name, or move what is there",
            path=str(folder),
        )
    with replacing_folder(folder) as fresh:
        filters = tuple(_write_filters(fresh, bank.filters[fs]) for fs in bank.filters)
        record = _BankRecord(
            name=folder.name,
            filters=filters,
            provenance=dict(bank.provenance),
            explanations=tuple(_explanation_record(e) for e in bank.explanations),
        )
        write_document(document_path(fresh, "bank"), msgspec.to_builtins(record))
    return folder


def load_bank(root: Path, name: str) -> Bank:
    """Read a bank by name or path, proven whole."""
    folder = existing_folder(root, "bank", name)
    path = document_path(folder, "bank")
    try:
        data = read_document(path, what="bank")
        record = convert_document(path, data, _BankRecord, what="bank")
        return Bank(
            name=folder.name,
            filters={f.fs: _read_filters(folder, f) for f in record.filters},
            provenance=record.provenance,
            explanations=tuple(_explanation(e) for e in record.explanations),
        )
    except ValueError as error:  # of msgspec for a wrong type, of the nouns for a wrong value
        raise InputError(
            "RC-310", f"{path}: {error}", hint="design the bank again", path=str(path)
        ) from error


def filters_for(bank: Bank, fs: int) -> FilterBank:
    """Return the filters of a bank for one sample rate.

    Raises
    ------
    InputError
        RC-311 with the rates there are.
    """
    if fs not in bank.filters:
        rates = ", ".join(str(rate) for rate in bank.filters)
        wanted = ",".join(str(rate) for rate in (*bank.filters, fs))
        raise InputError(
            "RC-311",
            f"the bank {bank.name} has no filter for {fs} Hz; it has {rates}",
            hint=f"design it for this rate too: roomcal design ... --fs {wanted}",
            fs=fs,
            have=list(bank.filters),
        )
    return bank.filters[fs]


def _write_filters(folder: Path, filters: FilterBank) -> _FilterRecord:
    structures = {(p.output, p.input): p for p in filters.paths}
    records = []
    for output, input_name in filters.active_paths:
        name = f"{filters.fs}/{output}-{input_name}.wav"
        (folder / name).parent.mkdir(exist_ok=True)
        taps = filters.path(output, input_name)
        write_wav(folder / name, taps[np.newaxis], filters.fs, sample_format="float32")
        records.append(
            _PathRecord(
                file=name,
                n_samples=taps.size,
                sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest(),
                structure=structures.get(
                    (output, input_name), PathStructure(output=output, input=input_name)
                ),
            )
        )
    return _FilterRecord(
        fs=filters.fs,
        inputs=filters.inputs,
        outputs=filters.outputs,
        n_taps=filters.n_taps,
        latency_samples=filters.latency_samples,
        headroom_db=filters.headroom_db,
        paths=tuple(records),
    )


def _read_filters(folder: Path, record: _FilterRecord) -> FilterBank:
    for name in (*record.outputs, *record.inputs):  # they become names of files in exports
        check_name(name, "speaker")
    if not 1 <= record.n_taps <= _MOST_TAPS:
        raise ValueError(f"{record.n_taps} taps are out of range")
    taps = np.zeros((len(record.outputs), len(record.inputs), record.n_taps))
    for path in record.paths:
        file = folder / path.file
        if not file.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                "RC-310", f"{file} lies outside of its bank", hint="design the bank again"
            )
        wav = read_mono(file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if (digest, wav.samples[0].size, wav.fs) != (path.sha256, record.n_taps, record.fs):
            raise InputError(
                "RC-310",
                f"{file} is not the filter that was designed: its content differs",
                hint="design the bank again, or restore the file from a backup",
                path=str(file),
            )
        output = record.outputs.index(path.structure.output)
        taps[output, record.inputs.index(path.structure.input)] = wav.samples[0]
    return FilterBank(
        taps=taps,
        fs=record.fs,
        inputs=record.inputs,
        outputs=record.outputs,
        latency_samples=record.latency_samples,
        headroom_db=record.headroom_db,
        paths=tuple(p.structure for p in record.paths),
    )


def _explanation_record(explanation: Explanation) -> _ExplanationRecord:
    return _ExplanationRecord(
        speaker=explanation.speaker,
        curves={
            key: _CurveRecord(
                tuple(np.round(c.f_hz, 4).tolist()), tuple(np.round(c.level_db, 4).tolist()), c.name
            )
            for key, c in explanation.curves.items()
        },
        gain_db=explanation.gain_db,
        delay_s=explanation.delay_s,
        inverted=explanation.inverted,
        notes=explanation.notes,
        ledger=explanation.ledger,
    )


def _explanation(record: _ExplanationRecord) -> Explanation:
    return Explanation(
        speaker=record.speaker,
        curves={
            key: Curve(np.array(c.f_hz), np.array(c.level_db), name=c.name)
            for key, c in record.curves.items()
        },
        gain_db=record.gain_db,
        delay_s=record.delay_s,
        inverted=record.inverted,
        notes=record.notes,
        ledger=record.ledger,
    )
