"""Taps and structure of a bank as one JSON document, for programs of one's own."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from roomcal.errors import InputError
from roomcal.export.readme import write_readme
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank, FilterBank, PathStructure

FILE_NAME = "bank.json"
_INSTALL = """
bank.json holds every sample rate: fs_hz, inputs, outputs, latency_samples, headroom_db, and a list
of paths with output, input and taps. A path that is silent is left out. The structure of a path
(gain, delay, polarity, crossover, bands) is contained in its taps already: apply one of the two.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write `bank.json`: every number in full precision."""
    document = {
        "format": "roomcal-taps",
        "version": 1,
        "bank": bank.name,
        "filters": [
            {
                "fs_hz": filters.fs,
                "inputs": list(filters.inputs),
                "outputs": list(filters.outputs),
                "latency_samples": filters.latency_samples,
                "headroom_db": filters.headroom_db,
                "n_taps": filters.n_taps,
                "paths": [
                    {
                        "output": output,
                        "input": input_name,
                        "structure": _structure(filters, output, input_name),
                        "taps": filters.path(output, input_name).tolist(),
                    }
                    for output, input_name in filters.active_paths
                ],
            }
            for filters in bank.filters.values()
        ],
    }
    path = folder / FILE_NAME
    write_bytes(path, json.dumps(document, allow_nan=False).encode() + b"\n")
    readme = write_readme(bank, folder, program="programs of your own", install=_INSTALL)
    return [path, readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read `bank.json` strictly.

    Raises
    ------
    InputError
        RC-314 when it is not such a document.
    """
    path = folder / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if (document["format"], document["version"]) != ("roomcal-taps", 1):
            raise ValueError(f"format {document['format']!r} version {document['version']!r}")
        return {entry["fs_hz"]: _filters(entry) for entry in document["filters"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            "RC-314", f"{path} is no roomcal taps document: {error}", hint="export the bank again"
        ) from error


def _structure(filters: FilterBank, output: str, input_name: str) -> dict[str, object] | None:
    for path in filters.paths:
        if (path.output, path.input) == (output, input_name):
            return dict(msgspec.to_builtins(path))
    return None


def _filters(entry: dict[str, object]) -> FilterBank:
    inputs, outputs = entry["inputs"], entry["outputs"]
    paths = entry["paths"]
    if not isinstance(inputs, list) or not isinstance(outputs, list) or not isinstance(paths, list):
        raise TypeError("inputs, outputs and paths are lists")
    taps = np.zeros((len(outputs), len(inputs), int(str(entry["n_taps"]))))
    for path in paths:
        values = np.array(path["taps"], dtype=np.float64)
        taps[outputs.index(path["output"]), inputs.index(path["input"])] = values
    structures = [path["structure"] for path in paths if path["structure"] is not None]
    return FilterBank(
        taps=taps,
        fs=int(str(entry["fs_hz"])),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        latency_samples=int(str(entry["latency_samples"])),
        headroom_db=float(str(entry["headroom_db"])),
        paths=tuple(msgspec.convert(s, PathStructure) for s in structures),
    )
