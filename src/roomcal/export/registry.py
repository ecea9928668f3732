"""The export formats: one line each. Everything else follows this dictionary."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from roomcal.export import daw_wav, json_taps
from roomcal.model.filter_bank import Bank, FilterBank


@dataclass(frozen=True)
class Format:
    """One way to carry a bank to another program."""

    description: str
    write: Callable[[Bank, Path], list[Path]]  # into an existing, empty folder
    read: Callable[[Path], Mapping[int, FilterBank]]  # strict, written apart from the writer


FORMATS: dict[str, Format] = {
    "daw-wav": Format("WAV impulse responses for convolver plug-ins", daw_wav.write, daw_wav.read),
    "json": Format("taps and structure as one JSON document", json_taps.write, json_taps.read),
}
