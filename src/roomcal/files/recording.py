"""Read a recording of the microphone that a DAW has written: the one channel that holds it."""

from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.wav import Wav, read_wav
from roomcal.units import FloatArray

# Formats, as libsndfile calls them, whose rounding is above the noise of a good converter.
COARSE_SUBTYPES = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "ALAC_16")
_ALIKE = 1e-4  # of the peak: two channels of one mono track differ by their dither at most


def read_recording(path: Path, channel: int | None = None) -> Wav:
    """Read the channel of a recording that holds the microphone.

    Parameters
    ----------
    path : Path
    channel : int, optional
        Counted from 1. By default the only one, or the only one that is not silent; a mono track
        that was written as stereo holds the same twice.

    Raises
    ------
    InputError
        RC-305 if it cannot be told, or is not there; otherwise as `read_wav`.
    """
    wav = read_wav(path)
    n = len(wav.samples)
    if channel is not None and channel > n:
        raise InputError(
            "RC-305",
            f"{path.name} has {n} channel{'' if n == 1 else 's'}, not {channel}",
            hint=f"give --channel 1{'' if n == 1 else f' to {n}'}, or leave it out",
            path=str(path),
            n_channels=n,
        )
    row = _only_one(wav.samples) if channel is None else channel - 1
    if row is None:
        raise InputError(
            "RC-305",
            f"{path.name} has {n} channels with different sounds, and one is the microphone",
            hint="say which one with --channel, like --channel 1",
            path=str(path),
            n_channels=n,
        )
    return Wav(wav.samples[row : row + 1], wav.fs, wav.subtype)


def _only_one(rows: FloatArray) -> int | None:
    """Index of the channel that matters, None if several do."""
    peaks = np.abs(rows).max(axis=1, initial=0.0)
    loudest = int(np.argmax(peaks))
    for k in np.flatnonzero(peaks):
        if np.abs(rows[k] - rows[loudest]).max() > _ALIKE * peaks[loudest]:
            return None
    return loudest
