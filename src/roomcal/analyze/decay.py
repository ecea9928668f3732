"""How the room decays: EDC, EDT, T20, T30, clarity and centre time per band (ISO 3382-1 style).

"Style", because a studio has no omnidirectional source. A number that the data do not carry is
NaN, with the reason beside it.
"""

from dataclasses import dataclass, fields

import numpy as np

from roomcal.analyze.arrival import arrival_index
from roomcal.analyze.decay_curve import MIN_POINTS, RANGES_DB, DecayCurve, decay_curve
from roomcal.dsp.bands import band_limits_hz, band_powers, bandwidth_hz
from roomcal.model.arrays import frozen_array
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, band_centres_hz, db_from_power

NAMES = {"edt": "EDT", "t20": "T20", "t30": "T30"}
# The noise bends a decay curve that does not run this far below its evaluation range (ISO 3382-1,
# 5.3.3: 35 dB for T20, 45 dB for T30; for EDT a little more, because little costs little).
REQUIRED_RANGE_DB = {"edt": 25.0, "t20": 35.0, "t30": 45.0}
# A narrow band of a short decay holds few independent values (bandwidth x time): chance lifts its
# peak, and so its range, by some dB. Below this many, this much more is needed.
FEW_VALUES, FEW_VALUES_MARGIN_DB = 30.0, 2.0
CLARITY_MARGIN_DB = 10.0  # late energy lies at least this far above what the noise hides
# Bandwidth times decay time below which the filter's own ring shows. The ring alone reads 4.1
# (octaves) and 2.8 (third octaves); with these limits the error of an exponential decay is below
# 1 % for T20 and T30 and 3 % for EDT, and chance seldom lifts a shorter decay over the limit.
# (ISO 3382-2, 7.3 asks 4 of time-reversed filters.)
MIN_BANDWIDTH_TIME = {1: 8.0, 3: 6.0}
MIN_BANDWIDTH_TIME_EDT = 16.0
# The early part must be longer than the filter's blur of about 1 / bandwidth.
MIN_BANDWIDTH_TIME_EARLY = 1.0
EARLY_50_S, EARLY_80_S = 0.05, 0.08  # ISO 3382-1, A.2.3
CURVED_PERCENT = 10.0  # ISO 3382-2, B.3: beyond, the decay is far from a straight line
NONLINEAR_PERMILLE = 10.0  # ISO 3382-2, B.2
# Spread of a decay time from one integrated response (ISO 3382-2, A.1: n = 10 equivalent takes).
SPREAD = {"t20": (0.88, 1.90), "t30": (0.55, 1.52)}
EQUIVALENT_TAKES = 10.0
LOWEST_BAND_HZ, HIGHEST_BAND_HZ = 25.0, 16000.0


@dataclass(frozen=True)
class BandDecay:
    """What one band says; NaN where it says nothing, and `reason` says why."""

    edt_s: float = np.nan
    t20_s: float = np.nan
    t30_s: float = np.nan
    t20_std_s: float = np.nan  # expected spread (one standard deviation)
    t30_std_s: float = np.nan
    c50_db: float = np.nan
    c80_db: float = np.nan
    d50: float = np.nan
    ts_s: float = np.nan
    curvature_percent: float = np.nan  # 100 (T30 / T20 - 1)
    nonlinearity_permille: float = np.nan  # 1000 (1 - r^2) of T30, or of T20
    range_db: float = np.nan  # usable range of the decay curve
    reason: str = ""  # why a number is NaN
    remark: str = ""  # why a number deserves caution


@dataclass(frozen=True, eq=False)
class DecayAnalysis:
    """The decay of one response, band by band; every array has one value a band.

    `bands_hz` holds exact mid-band frequencies; the other fields are those of `BandDecay`.
    """

    bands_per_octave: int
    bands_hz: FloatArray
    edt_s: FloatArray
    t20_s: FloatArray
    t30_s: FloatArray
    t20_std_s: FloatArray
    t30_std_s: FloatArray
    c50_db: FloatArray
    c80_db: FloatArray
    d50: FloatArray
    ts_s: FloatArray
    curvature_percent: FloatArray
    nonlinearity_permille: FloatArray
    range_db: FloatArray
    reason: tuple[str, ...]
    remark: tuple[str, ...]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = frozen_array(value, ndim=1, name=field.name)
                object.__setattr__(self, field.name, value)
            if field.name != "bands_per_octave" and len(value) != self.bands_hz.size:
                raise ValueError(f"{field.name} does not have one value a band")

    @property
    def best_s(self) -> FloatArray:
        """T30, or T20 where T30 lacks range: (n_bands,) float array."""
        return np.where(np.isnan(self.t30_s), self.t20_s, self.t30_s)


def analyze_decay(response: ImpulseResponse, *, bands_per_octave: int = 3) -> DecayAnalysis:
    """Decay of one response in octave or third-octave bands.

    Parameters
    ----------
    response : ImpulseResponse
    bands_per_octave : int
        1 or 3.

    Returns
    -------
    analysis : DecayAnalysis
        Bands from 25 Hz (octaves: 31.5 Hz) to 16 kHz, as far as the sample rate carries them.
    """
    h, fs = response.samples, response.fs
    centres = band_centres_hz(LOWEST_BAND_HZ, HIGHEST_BAND_HZ, bands_per_octave=bands_per_octave)
    edges = [band_limits_hz(c, bands_per_octave)[1] for c in centres]
    centres = centres[np.asarray(edges) <= fs / 2.0]
    start_s = arrival_index(response) / fs
    bands = []
    for centre, power in zip(
        centres, band_powers(h, fs, centres, bands_per_octave=bands_per_octave), strict=True
    ):
        width = bandwidth_hz(centre, bands_per_octave)
        try:
            curve = decay_curve(power, start_s, response.duration_s, width_hz=width)
        except ValueError as fault:
            bands.append(BandDecay(reason=str(fault)))
            continue
        bands.append(read_decay(curve, width_hz=width, bands_per_octave=bands_per_octave))
    numbers = {
        name: np.array([getattr(b, name) for b in bands], dtype=np.float64)
        for name in (f.name for f in fields(BandDecay))
        if name not in ("reason", "remark")
    }
    return DecayAnalysis(
        bands_per_octave=bands_per_octave,
        bands_hz=centres,
        reason=tuple(b.reason for b in bands),
        remark=tuple(b.remark for b in bands),
        **numbers,
    )


def read_decay(curve: DecayCurve, *, width_hz: float, bands_per_octave: int) -> BandDecay:
    """Read all numbers off one decay curve, as far as it carries them.

    Parameters
    ----------
    curve : DecayCurve
    width_hz : float
        Bandwidth; infinite for an unfiltered curve.
    bands_per_octave : int
    """
    numbers: dict[str, float] = {"range_db": curve.range_db}
    reasons: list[str] = []
    nonlinearity: dict[str, float] = {}
    # Chance spreads EDT most and T30 least: the steadiest decides whether the filter is too slow.
    times = {key: _decay_time(curve, key, width_hz) for key in ("t30", "t20", "edt")}
    steady_s = next((time_s for time_s, _, reason in times.values() if not reason), np.nan)
    for key in ("edt", "t20", "t30"):
        time_s, nonlinear, reason = times[key]
        least = MIN_BANDWIDTH_TIME_EDT if key == "edt" else MIN_BANDWIDTH_TIME[bands_per_octave]
        if not reason and width_hz * steady_s < least:
            reason = (
                "the band filter rings as long as the room "
                f"(bandwidth x time is {width_hz * steady_s:.1f}, needs {least:.0f})"
            )
        if reason:
            reasons.append(f"{NAMES[key]}: {reason}")
            time_s = np.nan
        else:
            nonlinearity[key] = nonlinear
        numbers[f"{key}_s"] = time_s
        if key in SPREAD:
            numbers[f"{key}_std_s"] = _spread_s(time_s, width_hz, key)
    early, reason = _early_energy(curve, width_hz)
    numbers |= early
    if reason:
        reasons.append(reason)
    remarks = []
    curvature = 100.0 * (numbers["t30_s"] / numbers["t20_s"] - 1.0)
    if abs(curvature) > CURVED_PERCENT:
        remarks.append(f"the decay is bent: T30 is {curvature:+.0f} % from T20")
    worst = nonlinearity.get("t30", nonlinearity.get("t20", np.nan))
    if worst > NONLINEAR_PERMILLE:
        remarks.append(f"the decay is not straight: non-linearity {worst:.0f} per mille")
    if not curve.floor.reached:
        remarks.append("the response ends before its decay does")
    return BandDecay(
        **numbers,
        curvature_percent=curvature,
        nonlinearity_permille=worst,
        reason="; ".join(_merged(reasons)),
        remark="; ".join(remarks),
    )


def _decay_time(curve: DecayCurve, key: str, width_hz: float) -> tuple[float, float, str]:
    """Time for 60 dB, non-linearity in per mille, and the reason why there is none."""
    needed = REQUIRED_RANGE_DB[key]
    if curve.range_db < needed:
        where = "above the noise" if curve.floor.reached else "before the response ends"
        return np.nan, np.nan, f"needs {needed:.0f} dB {where}, has {curve.range_db:.0f} dB"
    slope, unexplained, n_points = curve.line(*RANGES_DB[key])
    if n_points < MIN_POINTS:
        return np.nan, np.nan, "the decay is over before it can be timed"
    if slope >= 0.0:
        return np.nan, np.nan, "the level does not fall"
    time_s = -60.0 / slope
    few = key in SPREAD and width_hz * time_s < FEW_VALUES
    if few and curve.range_db < needed + FEW_VALUES_MARGIN_DB:
        return (
            np.nan,
            np.nan,
            (
                f"needs {needed + FEW_VALUES_MARGIN_DB:.0f} dB in so narrow a band, has "
                f"{curve.range_db:.0f} dB"
            ),
        )
    return time_s, 1000.0 * unexplained, ""


def _spread_s(time_s: float, width_hz: float, key: str) -> float:
    """Return the standard deviation that chance alone gives a decay time (ISO 3382-2, A.1)."""
    factor, averaging = SPREAD[key]
    takes = 1.0 + averaging / EQUIVALENT_TAKES
    return float(factor * time_s * np.sqrt(takes / (width_hz * time_s)))


def _early_energy(curve: DecayCurve, width_hz: float) -> tuple[dict[str, float], str]:
    """C50, C80, D50 and Ts, and the reason why one of them is missing."""
    numbers = {"c50_db": np.nan, "c80_db": np.nan, "d50": np.nan, "ts_s": np.nan}
    if curve.range_db < REQUIRED_RANGE_DB["edt"]:
        where = "above the noise" if curve.floor.reached else "before the response ends"
        needed = REQUIRED_RANGE_DB["edt"]
        return numbers, (
            f"C50, C80, D50, Ts: needs {needed:.0f} dB {where}, has {curve.range_db:.0f} dB"
        )
    missing = []
    for key, limit_s in (("c50_db", EARLY_50_S), ("c80_db", EARLY_80_S)):
        name = key[:3].upper()
        late_db = float(np.interp(limit_s, curve.t_s, curve.edc_db))
        if width_hz * limit_s < MIN_BANDWIDTH_TIME_EARLY:
            missing.append(f"{name}: the band filter blurs {1000 * limit_s:.0f} ms")
        elif -late_db > curve.range_db - CLARITY_MARGIN_DB:
            missing.append(f"{name}: the late sound is lost in the noise")
        else:
            late = 10.0 ** (late_db / 10.0)
            numbers[key] = float(db_from_power((1.0 - late) / late))
            if key == "c50_db":
                numbers["d50"] = 1.0 - late
    # Ts is the area under the normalised decay curve (integration by parts of its definition).
    share = 10.0 ** (curve.edc_db / 10.0)
    after = curve.t_s > 0.0
    tail = share[-1] * 10.0 / np.log(10.0) / -curve.floor.late_slope_db_per_s
    # The curve has no point at the direct sound itself: read it there.
    share = np.append(np.interp(0.0, curve.t_s, share), share[after])
    t = np.append(0.0, curve.t_s[after])
    numbers["ts_s"] = float(np.sum(0.5 * (share[1:] + share[:-1]) * np.diff(t)) + tail)
    return numbers, "; ".join(missing)


def _merged(reasons: list[str]) -> list[str]:
    """Reasons with the same cause, said once: `T20: x`, `T30: x` -> `T20, T30: x`."""
    names: dict[str, list[str]] = {}
    for reason in reasons:
        name, _, cause = reason.partition(": ")
        names.setdefault(cause, []).append(name)
    return [f"{', '.join(found)}: {cause}" for cause, found in names.items()]
