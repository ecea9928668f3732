"""How loud a take will be at the microphone: peak, sound pressure, and the dose of a day."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from roomcal.dsp.microphone import microphone_db
from roomcal.dsp.weighting import Weighting, weighting_db
from roomcal.model.curve import Curve
from roomcal.model.level_check import SpeakerProfile
from roomcal.model.sensitivity import Confirmation, Sensitivity
from roomcal.units import FloatArray, db_from_power, power_from_db

SINE_RMS_DB = -10.0 * float(np.log10(2.0))  # of a sine, re its peak
# An estimate knows nothing of a capture slider: it may be louder by this.
ESTIMATE_MARGIN_DB = 6.0
# The microphone put back within 5 cm changes a first sound by up to 0.7 dB in the virtual rooms.
TURNED_DB = 3.0
# miniDSP's nominal sensitivity: 94 dB SPL read -18 dBFS, and the Sens Factor says by how much one
# microphone differs (a UMIK-2 of -13.5 dB gives 125 dB SPL at full scale, its data sheet the same).
_NOMINAL_DBFS = -18.0
_REFERENCE_DB_SPL = 94.0
# Sound exposure of a day: 85 dB(A) for 8 hours, half the time for each 3 dB more
# (NIOSH, Criteria for a Recommended Standard: Occupational Noise Exposure, 98-126, 1998).
DOSE_LEVEL_DB = 85.0
DOSE_S = 8.0 * 3600.0
DOSE_EXCHANGE_DB = 3.0


@dataclasses.dataclass(frozen=True)
class FullScale:
    """The sound pressure level that reads 0 dBFS, and how well it is known."""

    sensitivity: Sensitivity = "unknown"
    db_spl: float | None = None  # where the microphone's calibration is 0 dB
    source: str = ""
    calibration: Curve | None = None  # what the microphone itself adds
    confirmation: Confirmation | None = None  # the last, even if it is doubted now

    @property
    def at_most_db_spl(self) -> float | None:
        """The level that safety has to assume."""
        if self.db_spl is None:
            return None if self.confirmation is None else self.confirmation.worst_db_spl
        return self.db_spl + (ESTIMATE_MARGIN_DB if self.sensitivity == "estimated" else 0.0)

    @property
    def source_text(self) -> str:
        """Where the figure comes from, to stand behind a sentence; empty where none is known."""
        return f" (0 dBFS is {self.db_spl:.1f} dB SPL, after {self.source})" if self.db_spl else ""

    @property
    def after_turning(self) -> str:
        """What else to do when the microphone's gain is turned."""
        return ", then confirm its sensitivity again" if self.sensitivity == "confirmed" else ""


def turned_db(before: Mapping[str, float], now: Mapping[str, float]) -> float | None:
    """By how much all speakers have become louder at the microphone, in dB; None: they have not.

    Speakers are turned one by one; a microphone's gain, or the volume of all, moves every speaker.
    """
    moved = [now[name] - gain_db for name, gain_db in before.items() if name in now]
    if not moved or not (min(moved) > TURNED_DB or max(moved) < -TURNED_DB):
        return None
    return float(np.median(moved))


def full_scale_of_sens_factor(sens_factor_db: float) -> float:
    """Sound pressure level at full scale, estimated from a miniDSP Sens Factor."""
    return _REFERENCE_DB_SPL - (_NOMINAL_DBFS + sens_factor_db)


def sweep_peak_dbfs(profile: SpeakerProfile, level_dbfs: float) -> float:
    """Peak at the microphone of a sweep with this peak at the output."""
    return level_dbfs + max(profile.gain_db)


def sweep_spl_db(
    profile: SpeakerProfile,
    level_dbfs: float,
    full_scale_db_spl: float,
    weighting: Weighting,
    *,
    calibration: Curve | None = None,
) -> float:
    """Weighted sound pressure level at the loudest moment of a sweep.

    The profile is averaged over third octaves: a sweep of 5.5 s needs 170 ms for one, about what
    a sound level meter integrates with the time weighting F (125 ms).
    """
    f_hz = np.array(profile.f_hz)
    power = _pressure(profile, weighting, calibration)
    steps = round(np.log2(f_hz[-1] / f_hz[0]) ** -1 * (f_hz.size - 1) / 3.0)
    mean = np.convolve(power, np.ones(steps) / steps, mode="valid")
    return level_dbfs + SINE_RMS_DB + full_scale_db_spl + float(db_from_power(mean.max()))


def sweep_leq_a_db(
    profile: SpeakerProfile,
    level_dbfs: float,
    full_scale_db_spl: float,
    *,
    calibration: Curve | None = None,
) -> float:
    """A-weighted level of a whole sweep, which stays equally long in every octave."""
    power = _pressure(profile, "A", calibration)
    return level_dbfs + SINE_RMS_DB + full_scale_db_spl + float(db_from_power(np.mean(power)))


def _pressure(
    profile: SpeakerProfile, weighting: Weighting, calibration: Curve | None
) -> FloatArray:
    """Weighted power gain, without what the microphone adds."""
    f_hz = np.array(profile.f_hz)
    gain_db = np.array(profile.gain_db) + weighting_db(f_hz, weighting)
    if calibration is not None:
        gain_db -= microphone_db(calibration, f_hz)
    return power_from_db(gain_db)


def allowed_s(level_a_db: float) -> float:
    """Time after which a level has reached the dose of a day."""
    return float(DOSE_S * 2.0 ** ((DOSE_LEVEL_DB - level_a_db) / DOSE_EXCHANGE_DB))


def dose_percent(level_a_db: float, duration_s: float) -> float:
    """Share of the dose of a day."""
    return 100.0 * duration_s / allowed_s(level_a_db)


def band_gain_db(profile: SpeakerProfile, low_hz: float, high_hz: float) -> float:
    """Gain of a profile for a sweep through a band: the power mean over log frequency."""
    f_hz = np.array(profile.f_hz)
    inside = (f_hz >= low_hz) & (f_hz <= high_hz)
    return float(db_from_power(np.mean(power_from_db(np.array(profile.gain_db)[inside]))))


@dataclasses.dataclass(frozen=True)
class Tone:
    """The tone of a calibrator in a recording."""

    f_hz: float
    level_dbfs: float  # root mean square
    above_db: float  # re the rest of the recording


def find_tone(x: FloatArray, fs: int, *, near_hz: Sequence[float]) -> Tone:
    """Find the tone of a calibrator, and how far it stands above everything else.

    Parameters
    ----------
    x : (n,) float array
    fs : int
    near_hz : sequence of float
        Frequencies at which calibrators work; the tone may be off by a fortieth.
    """
    window = np.hanning(x.size)
    power = np.abs(np.fft.rfft((x - x.mean()) * window)) ** 2
    f = np.fft.rfftfreq(x.size, 1.0 / fs)
    near = np.zeros(f.size, dtype=bool)
    for f_hz in near_hz:
        near |= np.abs(f / f_hz - 1.0) <= 1.0 / 40.0
    peak = int(np.argmax(np.where(near, power, 0.0)))
    tone = slice(max(0, peak - 4), peak + 5)
    total = 2.0 * power / (x.size * np.sum(window**2))
    of_tone = float(total[tone].sum())
    rest = max(float(total.sum()) - of_tone, 1e-30)
    return Tone(float(f[peak]), float(db_from_power(of_tone)), float(db_from_power(of_tone / rest)))
