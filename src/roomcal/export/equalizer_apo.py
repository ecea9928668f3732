"""Equalizer APO (Windows): a configuration with one convolution per sample rate.

Its engine skips a convolution whose rate is not the device's, and says so in a log alone; an
`If:` per rate makes the choice visible. Lines end with CRLF. A convolution feeds channel i of its
file to the i-th selected channel.
"""

import re
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
from roomcal.export.signal_graph import Carried, filtered, inputs, numbered, path_taps, summed
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank, FilterBank

_CONFIG = "roomcal.txt"
_INSTALL = """
1. Copy roomcal.txt and the fir_*.wav files to C:\\Program Files\\EqualizerAPO\\config.
2. In the Configuration Editor add "Include configuration file" with roomcal.txt, or add the line
   Include: roomcal.txt
   to config.txt. Put a Device: line before it, so that it acts on your monitors alone.
3. Set the sample rate of the device (Windows sound settings, Advanced) to one of the rates above.
   At any other rate no correction is applied.
Channels count in the order of the device: channel 1 is the first of the names above.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write `roomcal.txt` and the impulse responses."""
    files = write_impulses(bank, folder)
    lines = [f"# roomcal correction {bank.name}"]
    for fs, paths in files.items():
        block = _block(bank.filters[fs], paths)
        # What follows in the user's own configuration acts on all channels, as it did before.
        lines += [f"If: sampleRate == {fs}", *block, "Channel: all", "EndIf:"]
    write_bytes(folder / _CONFIG, ("\r\n".join(lines) + "\r\n").encode("ascii"))
    readme = write_readme(bank, folder, program="Equalizer APO", install=_INSTALL)
    return [folder / _CONFIG, *(folder / paths[0].file for paths in files.values()), readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read the configuration as Equalizer APO does, line by line.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    path = folder / _CONFIG
    try:
        text = path.read_bytes().decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise refused(path, f"cannot be read: {error}") from error
    if not text.endswith("\r\n") or "\n" in text.replace("\r\n", ""):
        raise refused(path, "does not end its lines with CRLF")
    banks: dict[int, FilterBank] = {}
    fs, block, is_reset = None, list[tuple[str, str]](), False
    for line in text.split("\r\n"):
        if not line or line.startswith("#"):
            continue
        command, _, argument = line.partition(": ")
        condition = re.fullmatch(r"sampleRate == (\d+)", argument)
        if command == "If" and condition and fs is None:
            fs, block, is_reset = int(condition[1]), [], False
        elif line == "EndIf:" and fs is not None and is_reset:
            banks[fs] = _interpret(path, fs, block)
            fs = None
        elif fs is not None and (command, argument) == ("Channel", "all"):
            is_reset = True
        elif fs is not None and command in ("Copy", "Channel", "Convolution") and not is_reset:
            block.append((command, argument))
        else:
            raise refused(path, f"has an unexpected line {line!r}")
    if not banks or fs is not None:
        raise refused(path, "ends within a block, or holds none")
    return banks


def _block(filters: FilterBank, paths: Sequence[PathFile]) -> list[str]:
    """Spread the inputs to a channel per path, convolve, and add up the outputs."""
    pairs = [(p.output, p.input) for p in paths]
    file = paths[0].file
    if pairs == list(zip(filters.outputs, filters.inputs, strict=False)):
        channels = " ".join(numbered(len(paths)))
        return [f"Channel: {channels}", f"Convolution: {file}"]
    spread = [f"P{n + 1}={filters.inputs.index(p.input) + 1}" for n, p in enumerate(paths)]
    gathered = [
        f"{o + 1}=" + "+".join(f"P{n + 1}" for n, p in enumerate(paths) if p.output == name)
        for o, name in enumerate(filters.outputs)
        if name in {p.output for p in paths}
    ]
    return [
        f"Copy: {' '.join(spread)}",
        f"Channel: {' '.join(f'P{n + 1}' for n in range(len(paths)))}",
        f"Convolution: {file}",
        f"Copy: {' '.join(gathered)}",
    ]


def _interpret(path: Path, fs: int, block: Sequence[tuple[str, str]]) -> FilterBank:
    """Run the commands of one rate."""
    used = [
        int(n) for _, argument in block for n in re.findall(r"(?<![\w.])(\d+)(?![\w.])", argument)
    ]
    channels: dict[str, Carried] = {
        str(n + 1): carried for n, carried in enumerate(inputs(max(used, default=0)))
    }
    selected: list[str] = []
    last_written: list[str] = []
    try:
        for command, argument in block:
            if command == "Channel":
                selected = argument.split(" ")
            elif command == "Convolution":
                for n, name in enumerate(selected):
                    taps = read_impulse(path.parent / argument, n, fs=fs)
                    channels[name] = filtered(channels[name], taps)
                last_written = selected
            else:
                before = dict(channels)
                assignments = [a.split("=") for a in argument.split(" ")]
                for name, sources in assignments:
                    channels[name] = summed(before[s] for s in sources.split("+"))
                last_written = [name for name, _ in assignments]
    except (KeyError, ValueError, IndexError) as error:
        raise refused(path, f"cannot be followed at {fs} Hz: {error}") from error
    n_outputs = max(int(name) for name in last_written)
    outputs = [channels[str(n + 1)] if str(n + 1) in last_written else {} for n in range(n_outputs)]
    return bank_of_paths(fs, path_taps(outputs), outputs=numbered(n_outputs))
