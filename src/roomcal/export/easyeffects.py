"""EasyEffects (PipeWire desktops): an impulse response and a preset per sample rate.

The kernel's name carries no extension; `autogain` is true by default and would rescale the kernel,
so it is written false; the width must be 100.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from roomcal.export.impulse_files import bank_of_paths, read_impulse, refused
from roomcal.export.readme import write_readme
from roomcal.files.atomic import write_bytes
from roomcal.files.wav_stream import WavWriter
from roomcal.model.filter_bank import Bank, FilterBank

_INSTALL = """
1. Copy the .irs files to ~/.local/share/easyeffects/irs and the .json files to
   ~/.local/share/easyeffects/output.
2. Choose the preset whose rate is that of your PipeWire graph (usually 48000). Another one is
   resampled.
3. In the Convolver keep Autogain off, Dry at -100 dB, Wet at 0 dB and Stereo Width at 100 %.
"""


def refuses(bank: Bank) -> str:
    """Return why EasyEffects cannot carry a bank; it knows stereo and true stereo alone."""
    first = next(iter(bank.filters.values()))
    if len(first.inputs) == len(first.outputs) == 2:
        return ""
    return f"it takes 2 inputs and 2 outputs, not {len(first.inputs)} and {len(first.outputs)}"


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write an .irs (a WAV) and a preset per rate."""
    written = []
    for fs, filters in bank.filters.items():
        name = f"{bank.name}-{fs}"
        diagonal = all(out == inp for out, inp in filters.active_paths)
        pairs = [(inp, inp) for inp in filters.inputs]
        if not diagonal:  # LL, LR, RL, RR: input before output
            pairs = [(out, inp) for inp in filters.inputs for out in filters.outputs]
        rows = np.stack([filters.path(out, inp) for out, inp in pairs])
        impulse, preset = folder / f"{name}.irs", folder / f"{name}.json"
        with WavWriter(impulse, fs=fs, n_channels=len(rows), sample_format="float32") as wav:
            wav.write(rows)
        write_bytes(preset, (json.dumps(_preset(name), indent=4) + "\n").encode())
        written += [impulse, preset]
    return [*written, write_readme(bank, folder, program="EasyEffects", install=_INSTALL)]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every preset and its impulse response strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    presets = sorted(folder.glob("*.json"))
    if not presets:
        raise refused(folder, "holds no preset")
    banks = {}
    for path in presets:
        try:
            preset: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            name = str(preset["output"]["convolver#0"]["kernel-name"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise refused(path, f"is no preset: {error}") from error
        if preset != _preset(name) or name != path.stem or "/" in name:
            raise refused(path, "is not the preset that this export writes")
        fs = int(name.rsplit("-", 1)[1])
        banks[fs] = _read_kernel(folder / f"{name}.irs", fs)
    return banks


def _preset(name: str) -> dict[str, Any]:
    return {
        "output": {
            "blocklist": [],
            "convolver#0": {
                "autogain": False,
                "bypass": False,
                "dry": -100.0,
                "input-gain": 0.0,
                "ir-width": 100,
                "kernel-name": name,
                "output-gain": 0.0,
                "wet": 0.0,
            },
            "plugins_order": ["convolver#0"],
        }
    }


def _read_kernel(path: Path, fs: int) -> FilterBank:
    """Two channels are L and R; four are LL, LR, RL, RR."""
    import soundfile

    try:
        n_channels = soundfile.info(path).channels
    except (OSError, RuntimeError) as error:
        raise refused(path, f"cannot be read: {error}") from error
    two, four = [("1", "1"), ("2", "2")], [("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")]
    order = {2: two, 4: four}.get(n_channels)  # input, output
    if order is None:
        raise refused(path, f"has {n_channels} channels")
    taps = {(o, i): read_impulse(path, n, fs=fs) for n, (i, o) in enumerate(order)}
    return bank_of_paths(fs, taps, outputs=("1", "2"))
