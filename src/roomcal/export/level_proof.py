"""Hold an export of bands against what it should carry: level, delay and polarity a channel."""

from collections.abc import Mapping

import numpy as np

from roomcal.dsp.smoothing import smoothed_level_db
from roomcal.errors import ProofError
from roomcal.export.proof import Proof
from roomcal.model.curve import Curve
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray, db_from_ratio

# Rounding of printed frequencies, gains and Q; FIR beside bands is rounded to 32-bit floats.
LEVEL_TOLERANCE_DB = 0.05
DELAY_TOLERANCE_SAMPLES = 0.01  # between channels
_RANGE_HZ = (20.0, 20000.0)
_HIGH_SHARE = 0.44  # of the sample rate, where that is lower: a fractional delay ends there
_DELAY_FROM_HZ, _DELAY_SHARE = 100.0, 0.4
_PER_OCTAVE = 96
_CURVE_S = 8  # resolves a twelfth of an octave at 20 Hz


def prove_levels(carried: Mapping[int, FilterBank], found: Mapping[int, FilterBank]) -> Proof:
    """Compare every channel of every rate by its name.

    Raises
    ------
    ProofError
        RC-902 with the rate and the channel that differs.
    """
    if set(found) != set(carried):
        raise _wrong(f"the export holds the rates {sorted(found)}, the bank {sorted(carried)}")
    worst_db, n_paths = 0.0, 0
    for fs, wanted in carried.items():
        got = found[fs]
        if set(got.active_paths) != set(wanted.active_paths):
            raise _wrong(f"at {fs} Hz it holds {got.active_paths}, not {wanted.active_paths}")
        delays = []
        for out, inp in wanted.active_paths:
            differs_db, delay, is_turned = _difference(wanted, got, out, inp)
            if not differs_db <= LEVEL_TOLERANCE_DB or is_turned:
                what = "its polarity" if is_turned else f"{differs_db:.2g} dB"
                raise _wrong(
                    f"{out} at {fs} Hz differs by {what} (limit {LEVEL_TOLERANCE_DB:g} dB)"
                )
            worst_db = max(worst_db, differs_db)
            delays.append(delay)
            n_paths += 1
        spread = max(delays) - min(delays)
        if not spread <= DELAY_TOLERANCE_SAMPLES:
            raise _wrong(
                f"delays at {fs} Hz differ by {spread:.3g} samples between channels "
                f"(limit {DELAY_TOLERANCE_SAMPLES:g})"
            )
    return Proof(float(10.0 ** (worst_db / 20.0) - 1.0), n_paths, worst_db=worst_db)


def prove_curves(bank: Bank, found: Mapping[int, Mapping[str, Curve]], *, width: int) -> float:
    """Compare level curves with the level of the taps, smoothed alike; return the difference in dB.

    Raises
    ------
    ProofError
        RC-902 with the rate, the channel and the frequency that differs.
    """
    worst_db = 0.0
    for fs, filters in bank.filters.items():
        names = {out for out, _ in filters.active_paths}
        if set(found.get(fs, {})) != names:
            raise _wrong(f"at {fs} Hz it holds levels of {sorted(found.get(fs, {}))}")
        for name, curve in found[fs].items():
            taps = filters.path(name, name)
            n_fft = 1 << int(np.ceil(np.log2(max(taps.size, _CURVE_S * fs))))
            wanted = smoothed_level_db(taps, fs, curve.f_hz, width, n_fft=n_fft)
            off = np.abs(curve.level_db - wanted)
            worst = int(np.argmax(off))
            if not off[worst] <= LEVEL_TOLERANCE_DB:
                raise _wrong(
                    f"the level of {name} at {curve.f_hz[worst]:.0f} Hz ({fs} Hz) differs by "
                    f"{off[worst]:.2g} dB (limit {LEVEL_TOLERANCE_DB:g} dB)"
                )
            worst_db = max(worst_db, float(off[worst]))
    return worst_db


def _difference(
    wanted: FilterBank, got: FilterBank, output: str, input_name: str
) -> tuple[float, float, bool]:
    """Largest difference of the level in dB, delay in samples, and whether polarity is turned."""
    fs = wanted.fs
    a, b = wanted.path(output, input_name), got.path(output, input_name)
    n = 1 << int(np.ceil(np.log2(2 * max(a.size, b.size))))
    A, B = np.fft.rfft(a, n), np.fft.rfft(b, n)
    high = min(_RANGE_HZ[1], _HIGH_SHARE * fs)
    n_points = int(_PER_OCTAVE * np.log2(high / _RANGE_HZ[0]))
    bins = np.unique(np.round(np.geomspace(_RANGE_HZ[0], high, n_points) * n / fs).astype(int))
    differs_db = float(np.abs(db_from_ratio(B[bins]) - db_from_ratio(A[bins])).max())
    inside = np.arange(int(_DELAY_FROM_HZ * n / fs), int(_DELAY_SHARE * n))
    w: FloatArray = 2.0 * np.pi * inside / n
    phase = np.unwrap(np.angle(B[inside] * np.conj(A[inside])))
    slope, start = np.polyfit(w, phase, 1)
    return differs_db, float(-slope), bool(np.cos(start) < 0.0)


def _wrong(what: str) -> ProofError:
    return ProofError("RC-902", what, hint="this is a defect of roomcal: please report it")
