"""Convolver .cfg files: Hang Loose Convolver, JRiver, foobar2000 with Convolver VST, Roon.

First line: rate, inputs, outputs, output channel mask; then the delays of inputs and of outputs in
ms; then four lines a path: file, channel in the file, input and output as CHANNEL.SCALE, all
counted from 0. A scale stands in the fraction, so unity is written ".0" and gain belongs into the
taps.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from roomcal.export.impulse_files import (
    PathFile,
    bank_of_paths,
    read_impulse,
    refused,
    write_impulses,
)
from roomcal.export.readme import write_readme
from roomcal.export.signal_graph import numbered
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

_LINES_PER_PATH = 4
_INSTALL = """
Hang Loose Convolver: load the convolver_*.cfg files, one per sample rate.
JRiver Media Center: DSP Studio, Convolution, choose the folder; switch normalise off.
foobar2000, Convolver VST: choose the convolver_*.cfg of your sample rate.
The WAV files must stay beside the .cfg files. Channels stand in the order of the names above.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write a .cfg and a WAV per rate."""
    files = write_impulses(bank, folder)
    configs = []
    for fs, paths in files.items():
        configs.append(folder / f"convolver_{fs}.cfg")
        write_bytes(configs[-1], config_text(bank.filters[fs], paths).encode("ascii"))
    readme = write_readme(bank, folder, program="players with Convolver files", install=_INSTALL)
    return [*configs, *(folder / paths[0].file for paths in files.values()), readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every .cfg strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    configs = sorted(folder.glob("*.cfg"))
    if not configs:
        raise refused(folder, "holds no .cfg")
    banks = [read_config(path) for path in configs]
    return {filters.fs: filters for filters in banks}


def config_text(filters: FilterBank, paths: Sequence[PathFile]) -> str:
    """Return the text of one .cfg, with the line ends of Windows."""
    n_in, n_out = len(filters.inputs), len(filters.outputs)
    lines = [f"{filters.fs} {n_in} {n_out} 0", " ".join(["0"] * n_in), " ".join(["0"] * n_out)]
    for path in paths:
        lines += [
            path.file,
            str(path.channel),
            f"{filters.inputs.index(path.input)}.0",
            f"{filters.outputs.index(path.output)}.0",
        ]
    return "\r\n".join(lines) + "\r\n"


def read_config(path: Path) -> FilterBank:
    """Read one .cfg strictly; see `read`."""
    try:
        text = path.read_bytes().decode("ascii")
        lines = [line.strip() for line in text.splitlines()]
        fs, n_in, n_out, mask = (int(word) for word in lines[0].split())
        if mask or any(float(delay) for line in lines[1:3] for delay in line.split()):
            raise ValueError("this export has no channel mask and no delay")
        if [len(line.split()) for line in lines[1:3]] != [n_in, n_out] or len(lines[3:]) % 4:
            raise ValueError("the number of delays or lines does not fit")
        taps: dict[tuple[str, str], FloatArray] = {}
        for start in range(3, len(lines), _LINES_PER_PATH):
            file, channel, source, sink = lines[start : start + _LINES_PER_PATH]
            (i, unity_in), (o, unity_out) = source.split("."), sink.split(".")
            if (unity_in, unity_out) != ("0", "0") or "/" in file or "\\" in file:
                raise ValueError(f"unexpected {source} {sink} {file}")
            if int(i) >= n_in or int(o) >= n_out or (str(int(o) + 1), str(int(i) + 1)) in taps:
                raise ValueError(f"path {source} to {sink} does not exist or stands twice")
            taps[str(int(o) + 1), str(int(i) + 1)] = read_impulse(
                path.parent / file, int(channel), fs=fs
            )
        ordered = dict(sorted(taps.items(), key=lambda item: int(item[0][1])))
        return bank_of_paths(fs, ordered, outputs=numbered(n_out))
    except (OSError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise refused(path, f"is no configuration of this export: {error}") from error
