"""WAV impulse responses for the convolver plug-ins of a DAW.

One 32-bit float file per sample rate and layout, and a 24-bit copy for old hosts. The channel
order of a true-stereo file is LL, LR, RL, RR, input before output, as REVerence and ir.lv2 read it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.export.impulse_files import bank_of_paths, read_impulse, refused
from roomcal.export.readme import write_readme
from roomcal.files.atomic import write_bytes
from roomcal.files.wav_stream import SampleFormat, WavWriter
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

_MANIFEST = "channels.txt"
_INSTALL = """
1. Insert a convolution plug-in on the monitor bus (control room, listen bus): never on the mix
   bus that is bounced, or the correction is printed into the mix.
2. Load {which}.
   Take it from the folder whose name is the sample rate of your project: a plug-in that loads
   another rate resamples it, or shifts the correction by the ratio.
   For plug-ins that want four channels take -true-stereo: LL, LR, RL, RR, input before output.{two}
   For hosts without 32-bit float take the 24-bit copy, if there is one.
3. Set dry to zero (off), wet to 0 dB, predelay to 0, and switch off normalise, auto gain, trim,
   fade and any limit of the length. These alter the correction.

channels.txt says what each channel of each file holds.
"""
_TWO_FILES = """
   For plug-ins that load two stereo files (Waves IR, Reverberate) take -from-, one for each input:
   each holds the ways of that input to both outputs."""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write all rates: a folder per rate, `channels.txt` and `README.txt`."""
    paths: list[Path] = []
    lines = ["# file<TAB>channel<TAB>input<TAB>output; channels count from 1"]
    for fs, filters in bank.filters.items():
        for name, pairs, sample_format in _layout(bank.name, filters):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            rows = np.stack([filters.path(output, inp) for output, inp in pairs])
            with WavWriter(path, fs=fs, n_channels=len(pairs), sample_format=sample_format) as wav:
                wav.write(rows)
            paths.append(path)
            lines += [f"{name}\t{n}\t{inp}\t{out}" for n, (out, inp) in enumerate(pairs, start=1)]
    write_bytes(folder / _MANIFEST, ("\n".join(lines) + "\n").encode())
    first = next(iter(bank.filters.values()))
    stereo = f"the -stereo file (channel 1 is {first.outputs[0]})"
    which = stereo if len(first.active_paths) == 2 else "one file a channel"
    two = _TWO_FILES if any("-from-" in path.name for path in paths) else ""
    readme = write_readme(
        bank,
        folder,
        program="convolver plug-ins",
        install=_INSTALL.format(which=which, two=two),
        notes="\n".join(loses(bank)),
    )
    return [*paths, folder / _MANIFEST, readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read the float files of every rate by `channels.txt`.

    Raises
    ------
    InputError
        RC-314 when a file is missing, contradicts another or is no float WAV of its rate.
    """
    by_rate: dict[int, dict[tuple[str, str], FloatArray]] = {}
    for name, channel, inp, out in _manifest(folder):
        if "24-bit" in name:
            continue
        fs = int(name.split("/")[0])
        taps = read_impulse(folder / name, channel - 1, fs=fs)
        pairs = by_rate.setdefault(fs, {})
        if (out, inp) in pairs and not np.array_equal(pairs[out, inp], taps):
            raise refused(folder / name, f"differs from another file in {inp} to {out}")
        pairs[out, inp] = taps
    return {fs: bank_of_paths(fs, pairs) for fs, pairs in by_rate.items()}


def loses(bank: Bank) -> tuple[str, ...]:
    """Say for which rates there is no 24-bit copy, and why."""
    loud = [fs for fs, filters in bank.filters.items() if not _fits_integers(filters)]
    if not loud:
        return ()
    peak = max(float(np.abs(bank.filters[fs].taps).max()) for fs in loud)
    return (
        f"no 24-bit copy at {', '.join(map(str, loud))} Hz: a tap of {peak:.3g} is beyond full "
        "scale, and integers would clip it; use a host that reads 32-bit float",
    )


def _fits_integers(filters: FilterBank) -> bool:
    """Whether no tap is beyond what 24 bits hold, with room for their dither."""
    return bool(np.abs(filters.taps).max() < 1.0 - 2.0**-22)


def _layout(
    name: str, filters: FilterBank
) -> list[tuple[str, list[tuple[str, str]], SampleFormat]]:
    """File name, (output, input) of each channel, and sample format."""
    fs = filters.fs
    stem = f"{fs}/{name}-{fs}"
    active = list(filters.active_paths)
    diagonal = all(output == inp for output, inp in active)
    files: list[tuple[str, list[tuple[str, str]], SampleFormat]] = [
        (
            f"{stem}-{output}.wav" if diagonal else f"{stem}-{inp}-to-{output}.wav",
            [(output, inp)],
            "float32",
        )
        for output, inp in active
    ]
    if diagonal and len(active) > 1:
        kind = "stereo" if len(active) == 2 else f"{len(active)}ch"
        files.append((f"{stem}-{kind}.wav", active, "float32"))
        if _fits_integers(filters):
            files.append((f"{stem}-{kind}-24-bit.wav", active, "pcm24"))
    if len(filters.inputs) == len(filters.outputs) == 2:
        pairs = [(output, inp) for inp in filters.inputs for output in filters.outputs]
        files.append((f"{stem}-true-stereo.wav", pairs, "float32"))
        if not diagonal:
            files += [
                (f"{stem}-from-{inp}.wav", [(out, inp) for out in filters.outputs], "float32")
                for inp in filters.inputs
            ]
    return files


def _manifest(folder: Path) -> list[tuple[str, int, str, str]]:
    path = folder / _MANIFEST
    rows = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                name, channel, inp, out = line.split("\t")
                rows.append((name, int(channel), inp, out))
        if not rows or not all(name.split("/")[0].isdigit() for name, *_ in rows):
            raise ValueError("it names no file in a folder of a sample rate")
    except (OSError, ValueError) as error:
        raise InputError(
            "RC-314", f"{path} cannot be used: {error}", hint="export the bank again"
        ) from error
    return rows
