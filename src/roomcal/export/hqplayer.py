"""HQPlayer: one mono WAV a channel."""

from collections.abc import Mapping
from pathlib import Path

from roomcal.export.impulse_files import bank_of_paths, read_impulse, refused
from roomcal.export.readme import write_readme
from roomcal.files.wav_stream import WavWriter
from roomcal.model.filter_bank import Bank, FilterBank

_INSTALL = """
1. HQPlayer: Matrix or Convolution settings; choose for each channel the file that ends in its
   name, of the highest sample rate. HQPlayer converts it to the rate of the music.
2. Leave "Expand HF" off and the gain compensation at 0 dB: the filters contain their headroom.
"""


def refuses(bank: Bank) -> str:
    """Return why HQPlayer cannot carry a bank: a path between two different channels."""
    first = next(iter(bank.filters.values()))
    crossed = [f"{inp} to {out}" for out, inp in first.active_paths if inp != out]
    return f"it takes one filter a channel, not {crossed[0]}" if crossed else ""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write RATE-NUMBER-NAME.wav for every channel and rate."""
    written = []
    for fs, filters in bank.filters.items():
        for n, (out, inp) in enumerate(filters.active_paths, start=1):
            path = folder / f"{fs}-{n}-{out}.wav"
            with WavWriter(path, fs=fs, n_channels=1, sample_format="float32") as wav:
                wav.write(filters.path(out, inp)[None])
            written.append(path)
    return [*written, write_readme(bank, folder, program="HQPlayer", install=_INSTALL)]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read the files by their names.

    Raises
    ------
    InputError
        RC-314 for a file that is no float WAV at the rate in its name.
    """
    by_rate: dict[int, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.glob("*.wav")):
        parts = path.stem.split("-", 2)
        if len(parts) != 3 or not parts[0].isdigit():
            raise refused(path, "is not named RATE-NUMBER-NAME.wav")
        by_rate.setdefault(int(parts[0]), {})[parts[2], parts[2]] = path
    if not by_rate:
        raise refused(folder, "holds no WAV")
    return {
        fs: bank_of_paths(fs, {pair: read_impulse(p, 0, fs=fs) for pair, p in paths.items()})
        for fs, paths in by_rate.items()
    }
