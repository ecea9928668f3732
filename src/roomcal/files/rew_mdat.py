"""Read the impulse responses of REW's own measurement files (`.mdat`).

The rate comes from the response's own time step: the `sampleRate` of a measurement may be another.
Samples are as REW stores them: at the level of the sweep, without window or calibration.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roomcal.errors import InputError
from roomcal.files.foreign_response import ForeignResponse
from roomcal.files.java_serial import MAGIC, JavaObject, read_stream
from roomcal.files.limited import read_limited
from roomcal.files.rew_text import SINE_RMS_DB
from roomcal.model.curve import Curve
from roomcal.model.impulse_response import TimeReference
from roomcal.units import FloatArray

MOST_BYTES = 512 << 20  # REW warns at less than this itself
SLOWEST_HZ, FASTEST_HZ = 4000, 800_000
# REW shows the level of a response plus its SPL offset less 3.000 dB; here a sine at full scale,
# whose rms is 3.010 dB below it, stands for `full_scale_db_spl` less these 3.010 dB.
SHOWN_DB = -3.000
# Two fields tell where the reference was; they agree to rounding where the reference is in use.
REFERENCE_AGREEMENT_SAMPLES = 0.5


@dataclass(frozen=True, eq=False)
class RewMeasurement:
    """One measurement of REW.

    Attributes
    ----------
    response : ForeignResponse
    window_s : tuple of float
        What REW's window keeps before and after the peak.
    window_shapes : tuple of str
        Left and right.
    spl_offset_db : float
        What REW adds to the level of the response, together with -3.000 dB, to show dB SPL.
    octave_fraction : float
        Smoothing of the stored level: 6 is a sixth of an octave, 0 is none.
    f_hz, level_db_spl : (n,) float array
        The level curve that REW stored, smoothed as it was shown.
    """

    response: ForeignResponse
    window_s: tuple[float, float]
    window_shapes: tuple[str, str]
    spl_offset_db: float
    octave_fraction: float
    f_hz: FloatArray
    level_db_spl: FloatArray


def read_mdat(path: Path) -> list[ForeignResponse]:
    """Read the response of every measurement of a file.

    Raises
    ------
    InputError
        RC-301 if it cannot be read, RC-318 if it is no such file, RC-319 if it holds no response.
    """
    return [m.response for m in read_measurements(path)]


def read_measurements(path: Path) -> list[RewMeasurement]:
    """Read every measurement of a file that has an impulse response, with what REW knows of it."""
    data = read_limited(path, most_bytes=MOST_BYTES)
    contents = read_stream(data, path=path.name)
    if not any(isinstance(c, str) and c.startswith("REW Measurement Data") for c in contents[:1]):
        raise _wrong(path, "it is a Java object stream, but not one of REW's measurements")
    found, without = [], 0
    for content in contents:
        if isinstance(content, JavaObject) and content.class_name.endswith(".MeasData"):
            stored = _object(content.fields.get("irData"))
            samples = _object(stored.fields.get("ir")) if stored else None
            if stored is None or samples is None:
                without += 1
                continue
            found.append(_measurement(path, content, stored, samples))
    if not found:
        raise InputError(
            "RC-319",
            f"{path.name} holds {without} measurements and no impulse response",
            hint="real-time analyser readings have none: measure with a sweep in REW",
            path=str(path),
        )
    return found


def is_mdat(_: Path, first: bytes) -> bool:
    """Tell a `.mdat` by its first bytes."""
    return first.startswith(MAGIC)


def _measurement(
    path: Path, data: JavaObject, stored: JavaObject, sampled: JavaObject
) -> RewMeasurement:
    name = data.fields.get("shortDesc")
    name = name.strip()[:100] if isinstance(name, str) else ""
    where = f"measurement {name!r}"
    h = _samples(path, sampled, where)
    step_s = _number(sampled, "T")
    fs = round(1.0 / step_s) if step_s > 1e-9 else 0
    if not SLOWEST_HZ <= fs <= FASTEST_HZ or abs(step_s * fs - 1.0) > 1e-6:
        raise _wrong(path, f"{where} has a time step of {step_s:g} s")
    zero = -_number(sampled, "startTime") * fs
    time_zero, reference = _reference(data, stored, zero=zero, fs=fs, n_samples=h.size)
    offset_db = _number(stored, "splOffset")
    calibration, source = _calibration(path, data, where)
    notes = []
    if calibration:
        notes.append(
            f"REW holds the calibration {source or 'without a name'} beside it; "
            "--calibrate takes it out"
        )
    sweep_level_db = _number(data, "sweepLevel")
    if math.isfinite(sweep_level_db) and sweep_level_db:
        notes.append(f"the level is that of REW's sweep at {sweep_level_db:g} dBFS")
    window = _object(stored.fields.get("windows")) or JavaObject("")
    response = ForeignResponse(
        samples=h,
        fs=fs,
        name=name,
        time_zero=time_zero,
        time_reference=reference,
        full_scale_db_spl=full_scale_db_spl(offset_db),
        calibration=calibration,
        notes=tuple(notes),
    )
    f_hz, level_db = _stored_level(data)
    return RewMeasurement(
        response,
        (_number(window, "preImpulseDurn"), _number(window, "postImpulseDurn")),
        (str(window.fields.get("preType", "")), str(window.fields.get("postType", ""))),
        offset_db,
        _number(data, "octaveFrac"),
        f_hz,
        level_db,
    )


def full_scale_db_spl(spl_offset_db: float) -> float | None:
    """Return the sound pressure level that reads 0 dBFS, from REW's SPL offset, if it has one."""
    if not math.isfinite(spl_offset_db) or spl_offset_db == 0.0:
        return None
    return spl_offset_db + SHOWN_DB - SINE_RMS_DB


def _samples(path: Path, sampled: JavaObject, where: str) -> FloatArray:
    stored = sampled.fields.get("data")
    if not isinstance(stored, np.ndarray) or stored.dtype.kind != "f" or stored.size < 2:
        raise _wrong(path, f"{where} has a response without samples")
    h = _as_float64(stored)
    if not np.isfinite(h).all():
        raise _wrong(path, f"{where}: sample {int(np.argmin(np.isfinite(h)))} is no number")
    if not np.any(h):
        raise _wrong(path, f"{where} is silent")
    return h


def _reference(
    data: JavaObject, stored: JavaObject, *, zero: float, fs: int, n_samples: int
) -> tuple[float, TimeReference]:
    """Find where the sound left, if a loopback says so and both of its records agree."""
    peak = _number(stored, "refPeakIndex")
    by_delay = zero - _number(stored, "measurementDelay") * fs
    used = _object(stored.fields.get("usedTimingRef"))
    trusted = (
        data.fields.get("timingReferenceMode") == "LOOPBACK"
        and used is not None
        and bool(used.fields.get("value"))
        and abs(peak - by_delay) <= REFERENCE_AGREEMENT_SAMPLES
        and abs(peak) <= n_samples
    )
    return (peak, "loopback") if trusted else (0.0, "none")


def _calibration(path: Path, data: JavaObject, where: str) -> tuple[Curve | None, str]:
    """Return the microphone's response and the name of its file."""
    stored = _object(data.fields.get("meterCal"))
    if stored is None:
        return None, ""
    f, gain = (stored.fields.get(key) for key in ("freqArray", "gainArray"))
    if not isinstance(f, np.ndarray) or not isinstance(gain, np.ndarray) or f.size < 2:
        return None, ""
    f, gain = _as_float64(f), _as_float64(gain[: f.size])
    usable = f.size == gain.size and np.isfinite(f).all() and np.isfinite(gain).all()
    if not usable or not (np.diff(f) > 0.0).all():
        raise _wrong(path, f"{where} has a calibration that is no curve")
    above = f > 0.0
    name = stored.fields.get("sourceName")
    curve = Curve(f[above], gain[above], name=name if isinstance(name, str) else "")
    return curve, curve.name


def _stored_level(data: JavaObject) -> tuple[FloatArray, FloatArray]:
    """Return the curve that REW showed, or nothing."""
    level = data.fields.get("splValues")
    first_hz = _number(data, "startFreq")
    if not isinstance(level, np.ndarray) or not first_hz > 0.0:
        return np.zeros(0), np.zeros(0)
    n = np.arange(level.size)
    if data.fields.get("isLogSpaced"):
        with np.errstate(over="ignore"):
            f = first_hz * np.exp(_number(data, "logStepLog") * n)
    else:
        f = first_hz + _number(data, "freqStep") * n
    return f, _as_float64(level)


def _as_float64(stored: np.ndarray[Any, Any]) -> FloatArray:
    """Convert numbers of a stream; a signalling NaN is a NaN, and the caller looks for those."""
    with np.errstate(invalid="ignore"):
        return stored.astype(np.float64)


def _object(value: Any) -> JavaObject | None:  # noqa: ANN401 - any value of a stream
    return value if isinstance(value, JavaObject) else None


def _number(owner: JavaObject, key: str) -> float:
    """Return a field that is a number, bare or in Java's box; NaN if it is neither."""
    value = owner.fields.get(key)
    if isinstance(value, JavaObject):
        value = value.fields.get("value")
    return float(value) if isinstance(value, int | float) else float("nan")


def _wrong(path: Path, what: str) -> InputError:
    return InputError(
        "RC-318",
        f"{path.name}: {what}",
        hint="open it in REW and save it again",
        path=str(path),
    )
