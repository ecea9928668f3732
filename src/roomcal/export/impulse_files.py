"""The WAV files that exports for convolvers share: one a sample rate, one channel a path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.wav_stream import WavWriter
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray


@dataclass(frozen=True)
class PathFile:
    """Where the taps of one path stand."""

    output: str
    input: str
    file: str  # relative to the folder
    channel: int  # of the file, counted from 0


def write_impulses(
    bank: Bank, folder: Path, *, name: str = "fir_{fs}.wav"
) -> dict[int, list[PathFile]]:
    """Write one 32-bit float WAV a rate with a channel for every path that is not silent.

    Returns
    -------
    files : dict of int to list of PathFile
        By sample rate, in the order of the channels.
    """
    written = {}
    for fs, filters in bank.filters.items():
        file = name.format(fs=fs)
        pairs = filters.active_paths
        rows = np.stack([filters.path(output, inp) for output, inp in pairs])
        with WavWriter(folder / file, fs=fs, n_channels=len(pairs), sample_format="float32") as wav:
            wav.write(rows)
        written[fs] = [PathFile(out, inp, file, n) for n, (out, inp) in enumerate(pairs)]
    return written


def read_impulse(path: Path, channel: int, *, fs: int | None = None) -> FloatArray:
    """Read one channel (counted from 0) of a float WAV, with scipy and not with our writer.

    Raises
    ------
    InputError
        RC-314 when it is missing, at another rate, no 32-bit float, or has no such channel.
    """
    from scipy.io import wavfile

    try:
        rate, frames = wavfile.read(path)
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be read: {error}") from error
    columns = frames[:, np.newaxis] if frames.ndim == 1 else frames
    if columns.dtype != np.float32:
        raise refused(path, f"holds {columns.dtype} samples, not 32-bit floats")
    if fs is not None and rate != fs:
        raise refused(path, f"has {rate} Hz, expected {fs} Hz")
    if not 0 <= channel < columns.shape[1]:
        raise refused(path, f"has no channel {channel + 1}")
    return np.asarray(columns[:, channel], dtype=np.float64)


def bank_of_paths(
    fs: int, taps: Mapping[tuple[str, str], FloatArray], *, outputs: Sequence[str] = ()
) -> FilterBank:
    """Build a filter bank out of (output, input) -> taps; paths of one pair add up."""
    names = list(dict.fromkeys([*outputs, *(out for out, _ in taps)]))
    inputs = list(dict.fromkeys(inp for _, inp in taps))
    matrix = np.zeros((len(names), len(inputs), max(h.size for h in taps.values())))
    for (out, inp), h in taps.items():
        matrix[names.index(out), inputs.index(inp), : h.size] += h
    return FilterBank(taps=matrix, fs=fs, inputs=tuple(inputs), outputs=tuple(names))


def refused(path: Path, what: str) -> InputError:
    """Build the error of a strict reader."""
    return InputError("RC-314", f"{path} {what}", hint="export the bank again", path=str(path))
