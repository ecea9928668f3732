"""Something on the way out that turns loud sounds down (FAULTS.md, row 26).

A sweep has one level, so a limiter that holds it down looks like a quieter speaker. Only two levels
show it: a linear chain has the same response at both.
"""

import numpy as np

from roomcal.dsp.arrival import arrival_sample
from roomcal.measure.detectors.snr import played_bands
from roomcal.measure.snr import band_energies
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.model.verdict import Verdict
from roomcal.units import FloatArray, db_from_power, frequency_text

LEVEL_STEP_DB = 6.0  # between the two measurements
TOLERANCE_DB = 0.2  # MEASURING.md: responses 6 dB apart are equal within this
REJECTED_DB = 1.0  # of the step that is missing
# Between the quiet sounds and a take somebody may have moved an arm: half of it is not told.
TOLERANCE_LATER_DB = 0.5
_LEAST_SNR_DB = 26.0
_UNCERTAINTIES = 3.0
_BEFORE_S, _AFTER_S, _FADE_S = 0.03, 0.4, 0.1  # around the arrival: what both responses hold


def compression(
    loud: ImpulseResponse,
    quiet: ImpulseResponse,
    *,
    step_db: float = LEVEL_STEP_DB,
    tolerance_db: float = TOLERANCE_DB,
) -> list[Verdict]:
    """Compare the responses of one path at two levels.

    Parameters
    ----------
    loud, quiet : ImpulseResponse
        Re what was sent, as every response is: equal in a linear chain.
    step_db : float
        By how much the first was sent louder.
    tolerance_db : float
        What may differ beside the noise.

    Returns
    -------
    verdicts : list of Verdict
        Empty when they are equal within the tolerance and the noise.

    Raises
    ------
    ValueError
        If a response comes without its signal-to-noise ratio.
    """
    if loud.snr is None or quiet.snr is None:
        raise ValueError("both responses need their signal-to-noise ratio")
    f_hz = loud.snr.f_hz
    quiet_db, loud_db = (
        db_from_power(band_energies(_around_arrival(r), r.fs, f_hz)) for r in (quiet, loud)
    )
    missing_db = quiet_db - loud_db
    snr_db = np.minimum(
        _known(loud.snr.snr_db), np.interp(f_hz, quiet.snr.f_hz, _known(quiet.snr.snr_db))
    )
    uncertainty_db = _UNCERTAINTIES * 8.7 * 10.0 ** (-snr_db / 20.0)
    judged = played_bands(loud.samples, loud.snr, loud.fs) & (snr_db >= _LEAST_SNR_DB)
    excess_db = np.where(judged, np.abs(missing_db) - uncertainty_db, -np.inf)
    worst = int(np.argmax(excess_db))
    if not excess_db[worst] > tolerance_db:
        return []
    # A limiter of 2:1 takes half of what exceeds its threshold away.
    lower_db = min(step_db, max(LEVEL_STEP_DB, np.ceil(2.0 * abs(missing_db[worst]))))
    came_db = step_db - float(missing_db[worst])
    where = frequency_text(float(f_hz[worst]))
    word = "compresses" if missing_db[worst] > 0.0 else "expands"
    return [
        Verdict(
            "compression",
            "rejection" if abs(missing_db[worst]) > REJECTED_DB else "warning",
            "RC-524",
            f"the output {word}: {step_db:+.1f} dB drive gave {came_db:+.1f} dB at {where}",
            hint=f"a limiter or a speaker's protection is at work: measure at least {lower_db:.0f} "
            "dB lower (`roomcal level` finds where), with more sweeps against the noise",
            channel=loud.speaker,
            evidence={"f_hz": round(float(f_hz[worst]), 1), "gave_db": round(came_db, 2)},
        )
    ]


def _around_arrival(response: ImpulseResponse) -> FloatArray:
    """Cut what both responses hold: as much around the arrival, faded out, (n,)."""
    fs = response.fs
    first = round(arrival_sample(response.samples, fs)) - round(_BEFORE_S * fs)
    n, n_fade = round((_BEFORE_S + _AFTER_S) * fs), round(_FADE_S * fs)
    piece = np.array(response.samples[max(0, first) : first + n])
    piece[-n_fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(n_fade) + 0.5) / n_fade)
    return np.pad(piece, (0, n - piece.size))


def _known(snr_db: FloatArray) -> FloatArray:
    """Signal-to-noise ratios, without noise as a large one."""
    return np.nan_to_num(snr_db, nan=200.0)
