"""WAV impulse responses for the convolver plug-ins of a DAW.

One 32-bit float file per sample rate and layout, and a 24-bit copy for old hosts. The channel
order of a true-stereo file is LL, LR, RL, RR, input before output, as REVerence and ir.lv2 read it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.dsp.gain import pink_gain_db
from roomcal.errors import InputError
from roomcal.files.atomic import write_bytes
from roomcal.files.wav_stream import SampleFormat, WavWriter
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

_MANIFEST = "channels.txt"


def write(bank: Bank, folder: Path) -> list[Path]:
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
    write_bytes(folder / "README.txt", _readme(bank).encode())
    return [*paths, folder / _MANIFEST, folder / "README.txt"]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read the float files of every rate by `channels.txt`, with scipy and not with our writer.

    Raises
    ------
    InputError
        RC-314 when a file is missing, contradicts another or is no float WAV of its rate.
    """
    banks: dict[int, FilterBank] = {}
    by_rate: dict[int, dict[tuple[str, str], FloatArray]] = {}
    for name, channel, inp, out in _manifest(folder):
        if "24-bit" in name:
            continue
        fs, taps = _channel(folder / name, channel)
        pairs = by_rate.setdefault(fs, {})
        if (out, inp) in pairs and not np.array_equal(pairs[out, inp], taps):
            raise InputError("RC-314", f"{folder / name}: {inp} to {out} differs between files")
        pairs[out, inp] = taps
    for fs, pairs in by_rate.items():
        inputs = tuple(dict.fromkeys(inp for _, inp in pairs))
        outputs = tuple(dict.fromkeys(out for out, _ in pairs))
        n_taps = max(taps.size for taps in pairs.values())
        matrix = np.zeros((len(outputs), len(inputs), n_taps))
        for (out, inp), taps in pairs.items():
            matrix[outputs.index(out), inputs.index(inp), : taps.size] = taps
        banks[fs] = FilterBank(taps=matrix, fs=fs, inputs=inputs, outputs=outputs)
    return banks


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
        files.append((f"{stem}-{kind}-24-bit.wav", active, "pcm24"))
    if len(filters.inputs) == len(filters.outputs) == 2:
        pairs = [(output, inp) for inp in filters.inputs for output in filters.outputs]
        files.append((f"{stem}-true-stereo.wav", pairs, "float32"))
    return files


def _manifest(folder: Path) -> list[tuple[str, int, str, str]]:
    path = folder / _MANIFEST
    rows = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                name, channel, inp, out = line.split("\t")
                rows.append((name, int(channel), inp, out))
        if not rows:
            raise ValueError("it names no file")
    except (OSError, ValueError) as error:
        raise InputError(
            "RC-314", f"{path} cannot be used: {error}", hint="export the bank again"
        ) from error
    return rows


def _channel(path: Path, channel: int) -> tuple[int, FloatArray]:
    from scipy.io import wavfile

    try:
        fs, frames = wavfile.read(path)
    except (OSError, ValueError) as error:
        raise InputError(
            "RC-314", f"{path} cannot be read: {error}", hint="export the bank again"
        ) from error
    columns = frames[:, np.newaxis] if frames.ndim == 1 else frames
    if (
        columns.dtype != np.float32
        or not 1 <= channel <= columns.shape[1]
        or str(fs) not in path.name
    ):
        raise InputError(
            "RC-314",
            f"{path}: expected channel {channel} as 32-bit float at the rate in its name",
            hint="export the bank again",
        )
    return int(fs), columns[:, channel - 1].astype(np.float64)


def _readme(bank: Bank) -> str:
    first = next(iter(bank.filters.values()))
    rates = ", ".join(str(fs) for fs in bank.filters)
    latencies = ", ".join(
        f"{f.latency_samples} samples at {fs} Hz" for fs, f in bank.filters.items()
    )
    stereo = len(first.active_paths) == 2
    which = (
        f"the -stereo file (channel 1 is {first.outputs[0]})" if stereo else "one file a channel"
    )
    quieter = -max(pink_gain_db(first.path(o, i), first.fs) for o, i in first.active_paths)
    return f"""Correction {bank.name} for convolver plug-ins

Sample rates: {rates} Hz. Load the file whose rate is the rate of your project:
a plug-in that loads another one may resample it, or shift the correction by the ratio.
Inputs: {", ".join(first.inputs)}. Outputs: {", ".join(first.outputs)}.
Length: {first.n_taps} samples at {first.fs} Hz. Latency: {latencies}.
Headroom: {first.headroom_db:.2f} dB are taken off inside the files, so that no full-scale sine
clips. Pink noise plays {quieter:.1f} dB quieter than without the plug-in; expect much the same of
music.

How to install
1. Insert a convolution plug-in on the monitor bus (control room, listen bus): never on the mix
   bus that is bounced, or the correction is printed into the mix.
2. Load {which}.
   For plug-ins that want four channels take -true-stereo: LL, LR, RL, RR, input before output.
   For hosts without 32-bit float take the 24-bit copy.
3. Set dry to zero (off), wet to 0 dB, predelay to 0, and switch off normalise, auto gain, trim,
   fade and any IR length limit. These alter the correction.

How to bypass fairly
Lower the bypassed path by {quieter:.1f} dB, or it will seem better because it is louder.

channels.txt says what each channel of each file holds.
"""
