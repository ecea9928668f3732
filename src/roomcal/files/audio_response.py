"""An impulse response in an audio file: what its format did to it is mended, or said."""

from pathlib import Path

import numpy as np

from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.wav import read_mono
from roomcal.units import FloatArray, db_from_ratio

_BITS = {
    "PCM_U8": 8,
    "PCM_S8": 8,
    "ALAW": 13,
    "ULAW": 14,
    "PCM_16": 16,
    "PCM_24": 24,
    "PCM_32": 32,
}
_ENOUGH_BITS = 20  # of a good converter
_TAIL = 4  # the last 1/4 of a response is all but silence: its mean is an offset
# An offset is a step in the response, and lifts the lowest bass. Below this it does no harm:
# 1 s of it is then 48000 x 1e-7 = 0.5 % of the direct sound at 0 Hz.
_LEAST_OFFSET = 1e-7  # re the peak
_SURE = 5.0  # times the standard error of the mean
_CLIP_RUN = 4  # equal samples at full scale (FAULTS.md, detector "clip")
_FULL_SCALE = 0.9999


def read_audio_response(path: Path) -> ForeignResponse:
    """Read a response from a WAV, AIFF or FLAC file of one channel.

    An offset is taken out; what cannot be mended is noted.

    Raises
    ------
    InputError
        RC-315 for silence; otherwise as `files.wav.read_mono`.
    """
    wav = read_mono(path)
    samples = wav.samples[0]
    peak = float(np.max(np.abs(samples)))
    if peak == 0.0:
        raise InputError(
            "RC-315",
            f"{path.name} is silent: all {samples.size} samples are 0",
            hint="was the right channel exported?",
            path=str(path),
        )
    notes = []
    bits = _BITS.get(wav.subtype)
    step = 2.0 ** (1 - bits) if bits is not None else 0.0  # rounding down is half a step off
    offset = _offset(samples, least=max(_LEAST_OFFSET * peak, step))
    if offset:
        samples = samples - offset
        notes.append(f"an offset (DC) of {offset:.3g} was taken out")
    if bits is not None and bits < _ENOUGH_BITS:
        notes.append(
            f"it has {bits} bits: what is {6.02 * bits:.0f} dB below its loudest sample is lost; "
            "export 24 bits or floats"
        )
    if peak > 1.0:
        level_db = float(db_from_ratio(peak))
        notes.append(f"its peak is {level_db:.1f} dB above full scale, which floats may be")
    clipped = 0 if peak > 1.0 else _longest_run(np.abs(wav.samples[0]) >= _FULL_SCALE)
    if clipped >= _CLIP_RUN:
        notes.append(f"it is clipped: {clipped} samples in a row at full scale")
    return ForeignResponse(samples, wav.fs, notes=tuple(notes))


def _offset(samples: FloatArray, *, least: float) -> float:
    """Mean of the tail, if it is no accident; else 0."""
    tail = samples[-max(samples.size // _TAIL, 1) :]
    mean, error = float(tail.mean()), float(tail.std() / np.sqrt(tail.size))
    return mean if abs(mean) > max(least, _SURE * error) else 0.0


def _longest_run(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Length of the longest stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return int(np.max(edges[1::2] - edges[::2])) if edges.size else 0
