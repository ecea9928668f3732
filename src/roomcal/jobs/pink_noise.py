"""Pink noise from one speaker: how loud it is, and by how much to trim the speaker."""

from dataclasses import dataclass

import numpy as np

from roomcal.dsp.pink_noise import pink_noise_period
from roomcal.dsp.weighting import weighted_level_db
from roomcal.jobs.playback import play_whole
from roomcal.jobs.studio import Place
from roomcal.jobs.wiring import Wiring
from roomcal.model.studio import Speaker
from roomcal.units import FloatArray, ratio_from_db

# The level that the alignment of rooms refers to (SMPTE RP 200; K-System, Katz 2000).
REFERENCE_DBFS = -20.0  # rms
# What `--target-spl` may say, in dB(C) for noise of `REFERENCE_DBFS`. The K-System wants 83 dB(C) a
# speaker for noise of -20, -14 or -12 dBFS (Katz, J. Audio Eng. Soc. 48 (9), 2000).
TARGETS_DB_SPL = {
    "79": 79.0,
    "82": 82.0,
    "83": 83.0,
    "85": 85.0,
    "k-20": 83.0,
    "k-14": 77.0,
    "k-12": 75.0,
}
_BAND_HZ = (500.0, 2000.0)  # a room adds little of its own there
_SUB_BAND_HZ = (40.0, 80.0)
_PERIOD_S = 2.0
_SETTLE_S = 1.0  # the room fills, the device's latency passes
_CREST_DB = (
    13.0  # noise of that many bins peaks 12 dB above its rms; it stays below the sweep's peak
)
_RAMP_S = 0.1
_SEED = 1


@dataclass(frozen=True)
class NoiseLevel:
    """Pink noise of one speaker at the microphone."""

    speaker: str
    played_dbfs: float  # rms, before the speaker's trim
    c_dbfs: float  # C-weighted rms at the microphone, without what the microphone adds
    at_reference_db_spl: float | None  # dB(C) for noise of `REFERENCE_DBFS`; None: not known
    trim_db: float | None  # turn the speaker by this to reach the target
    gain_db: float = 0.0  # of the speaker in studio.toml now


def play_noise(
    place: Place,
    wiring: Wiring,
    speaker: Speaker,
    level_dbfs: float,
    *,
    duration_s: float = 0.0,
    full_scale_db_spl: float | None = None,
    target_db: float | None = None,
) -> NoiseLevel:
    """Play noise that peaks below the sweep, watched, and measure it over whole periods.

    Parameters
    ----------
    level_dbfs : float
        Peak of the sweep that is known to be safe.
    duration_s : float
        Longer than the measurement needs, for somebody who reads a meter.
    full_scale_db_spl : float, optional
    target_db : float, optional
        dB(C) wanted for noise of `REFERENCE_DBFS`.
    """
    fs = place.studio.fs
    low_hz, high_hz = _SUB_BAND_HZ if speaker.is_sub else _BAND_HZ
    played_dbfs = level_dbfs - _CREST_DB
    n = round(_PERIOD_S * fs)
    period = pink_noise_period(
        n, fs, low_hz=low_hz, high_hz=high_hz, level_dbfs=played_dbfs, seed=_SEED
    )
    period *= min(1.0, float(ratio_from_db(level_dbfs)) / np.abs(period).max())
    played_dbfs = float(10.0 * np.log10(np.mean(period**2)))
    settle = round(_SETTLE_S * fs)
    repeats = max(1, round(duration_s / _PERIOD_S))
    row = np.concatenate([period[-settle:], np.tile(period, repeats), period[:settle]])
    row *= _ramps(row.size, round(_RAMP_S * fs)) * float(ratio_from_db(speaker.gain_db))
    recording = play_whole(
        place,
        row[np.newaxis],
        output_channels=[speaker.output_channel],
        input_channels=[place.studio.microphone.input_channel],
        guard=lambda: wiring.guard({speaker.name: row}),
    )
    start = settle + wiring.delay
    heard = recording.samples[0, start : start + n]
    c_dbfs = weighted_level_db(heard, fs, "C", calibration=place.calibration)
    reference = None
    if full_scale_db_spl is not None:
        reference = c_dbfs + full_scale_db_spl + REFERENCE_DBFS - played_dbfs
    trim = None if reference is None or target_db is None else target_db - reference
    return NoiseLevel(speaker.name, played_dbfs, c_dbfs, reference, trim, speaker.gain_db)


def _ramps(n_samples: int, n_ramp: int) -> FloatArray:
    """Return a raised cosine at both ends, 1 in between."""
    window = np.ones(n_samples)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_ramp) + 0.5) / n_ramp)
    window[:n_ramp], window[-n_ramp:] = rise, rise[::-1]
    return window
