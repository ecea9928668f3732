"""Whether a bounced mix carries the correction of a bank."""

from pathlib import Path

import numpy as np

from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.errors import InputError
from roomcal.files.wav import inspect_audio
from roomcal.files.wav_stream import read_blocks
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray
from roomcal.verify.printed_correction import (
    PER_OCTAVE,
    MixAnalysis,
    PrintedCorrection,
    bands_hz,
    judge_mix,
)

_BLOCK = 1 << 18
_RESOLUTION_S = 4  # of the filters: bins of 1/4 Hz


def check_bounce(path: Path, bank: Bank) -> PrintedCorrection:
    """Look for the correction of a bank in an audio file.

    A mix at a rate that the bank does not have is held against the filters of the nearest one:
    they do the same at every frequency that both have.

    Raises
    ------
    InputError
        RC-301, RC-302 for a file that cannot be read; RC-305 if it has more channels than the bank.
    """
    info = inspect_audio(path)
    fs = min(bank.filters, key=lambda rate: abs(rate - info.fs))
    filters = bank.filters[fs]
    channels = _own_filters(filters)
    if info.n_channels > len(channels):
        raise InputError(
            "RC-305",
            f"{path.name} has {info.n_channels} channels, the bank {bank.name} corrects "
            f"{len(channels)}",
            hint="name a mix with the channels of the bank, or a mono one",
            path=str(path),
        )
    f = bands_hz(min(info.fs, fs))
    levels = np.array([_level_db(h, fs, f) for h in channels])
    if info.n_channels == 1:
        levels = levels.mean(axis=0, keepdims=True)
    mix = MixAnalysis(info.n_channels, info.fs, f)
    for block in read_blocks(path, _BLOCK):
        mix.add(block)
    return judge_mix(mix.spectrum(), levels[: info.n_channels])


def _own_filters(filters: FilterBank) -> list[FloatArray]:
    """Return the filter from each input to its own output, in the order of the outputs."""
    return [filters.path(name, name) for name in filters.outputs if name in filters.inputs]


def _level_db(taps: FloatArray, fs: int, f_hz: FloatArray) -> FloatArray:
    n_fft = 1 << int(np.ceil(np.log2(max(taps.size, _RESOLUTION_S * fs))))
    return smoothed_level_db(taps, fs, f_hz, PER_OCTAVE, n_fft=n_fft)
