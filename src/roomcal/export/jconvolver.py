"""jconvolver, fconvolver and mcfx_convolver: one configuration per sample rate.

All numbers count from 1, the gain is linear. Files are not resampled, and a response longer than
`maxlen` is cut, so `maxlen` is at least the length of the taps.
"""

from collections.abc import Mapping
from pathlib import Path

from roomcal.export.impulse_files import (
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

_PARTITION = 256
_INSTALL = """
jconvolver (JACK): go to this folder, then: jconvolver jconvolver_RATE.conf
   with JACK's sample rate. The partition (256) must be 1 to 16 times JACK's period.
fconvolver (files): fconvolver jconvolver_RATE.conf in.wav out.wav
mcfx_convolver (plug-in): copy this folder into its preset folder, then choose in the plug-in's
   preset menu the configuration of your project's sample rate. The preset folder is
   ~/Library/mcfx/convolver_presets (macOS), %APPDATA%\\mcfx\\convolver_presets (Windows) or
   ~/mcfx/convolver_presets (Linux). Take an mcfx_convolver with at least as many channels.
Inputs and outputs count from 1, in the order of the names above.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write a configuration and a WAV per rate."""
    files = write_impulses(bank, folder)
    configs = []
    for fs, paths in files.items():
        filters = bank.filters[fs]
        n_in, n_out = len(filters.inputs), len(filters.outputs)
        lines = [
            f"# roomcal correction {bank.name}, {fs} Hz",
            "#               in out partition maxlen density",
            f"/convolver/new  {n_in} {n_out} {_PARTITION} {filters.n_taps} "
            f"{len(paths) / (n_in * n_out):.3f}",
            "#               in out gain delay offset length chan file",
        ]
        lines += [
            f"/impulse/read   {filters.inputs.index(p.input) + 1} "
            f"{filters.outputs.index(p.output) + 1} 1.0 0 0 0 {p.channel + 1} {p.file}"
            for p in paths
        ]
        configs.append(folder / f"jconvolver_{fs}.conf")
        write_bytes(configs[-1], ("\n".join(lines) + "\n").encode("ascii"))
    readme = write_readme(bank, folder, program="jconvolver and mcfx_convolver", install=_INSTALL)
    return [*configs, *(folder / paths[0].file for paths in files.values()), readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every configuration strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    configs = sorted(folder.glob("jconvolver_*.conf"))
    if not configs:
        raise refused(folder, "holds no jconvolver_*.conf")
    return {fs: _read_one(path, fs) for path in configs if (fs := _rate_of(path))}


def _rate_of(path: Path) -> int:
    text = path.stem.removeprefix("jconvolver_")
    if not text.isdigit():
        raise refused(path, "does not carry its sample rate in its name")
    return int(text)


def _read_one(path: Path, fs: int) -> FilterBank:
    taps: dict[tuple[str, str], FloatArray] = {}
    n_outputs = max_length = 0
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            words = line.split()
            if not words or line.startswith("#"):
                continue
            if words[0] == "/convolver/new":
                n_outputs, max_length = int(words[2]), int(words[4])
            elif words[0] == "/impulse/read" and n_outputs:
                inp, out, gain, *zeros, channel, file = words[1:]
                if float(gain) != 1.0 or zeros != ["0", "0", "0"] or "/" in file:
                    raise ValueError(f"unexpected {line!r}")
                h = read_impulse(path.parent / file, int(channel) - 1, fs=fs)
                if h.size > max_length or (out, inp) in taps:
                    raise ValueError(f"{file} is cut, or {line!r} stands twice")
                taps[out, inp] = h
            else:
                raise ValueError(f"unexpected {line!r}")
        ordered = dict(sorted(taps.items(), key=lambda item: int(item[0][1])))
        return bank_of_paths(fs, ordered, outputs=numbered(n_outputs))
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise refused(path, f"is no configuration of this export: {error}") from error
