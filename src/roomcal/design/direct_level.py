"""The level of the direct sound, which the ear takes for the loudspeaker, beside that of the room.

Above the transition both count: the power average is the balance at the seat, the direct sound
is what localises and what colours transients. The magnitude follows a blend of the two.
"""

import numpy as np

from roomcal.design.align import AlignedSet
from roomcal.design.average import weights_over_frequency
from roomcal.dsp.direct_sound import direct_spectrum, span_samples
from roomcal.dsp.smoothing import smoothed_power
from roomcal.units import FloatArray, db_from_power, log_ramp

# Window of the direct sound: five cycles, as DRC-FIR's users have found pleasant for 20 years.
CYCLES = 5.0
_SMOOTHING = 6  # bands per octave
# Share of the direct sound in the blend. Half of it between the transition and 2 kHz is the most
# that leaves the balance at other seats as good as it was; above, positions hardly differ and the
# power average already is the direct sound, but for a tilt. At few positions the reflections within
# five cycles are those of a place, and the balance there is all that is known: less.
SHARE, SHARE_FEW = 0.5, 0.35
FADE_IN_HZ, FADE_OUT_HZ = (250.0, 400.0), (1800.0, 3000.0)
# The direct sound rises towards the treble against the power, which rooms and directivity fill
# from below. Of this tilt between middle and treble so much is followed.
TILT_SHARE = 0.66
_MIDDLE_HZ, _TREBLE_HZ = (300.0, 2000.0), (2000.0, 16000.0)


def direct_level_db(aligned: AlignedSet, f_hz: FloatArray) -> FloatArray:
    """Level of the direct sound, averaged over positions in dB.

    Parameters
    ----------
    aligned : AlignedSet
    f_hz : (n,) float array

    Returns
    -------
    level_db : (n,) float array
        Without a level of its own: `blended` brings it to that of the average.
    """
    n = span_samples(aligned.fs)
    C = direct_spectrum(aligned.h, aligned.lead_samples, aligned.fs, n_fft=n, cycles=CYCLES)
    power = smoothed_power(np.abs(C) ** 2, aligned.fs / n, f_hz, _SMOOTHING)
    weights = weights_over_frequency(aligned.weights, f_hz)
    return np.asarray((weights * db_from_power(power)).sum(axis=0))


def blended(
    level_db: FloatArray,
    direct_db: FloatArray,
    f_hz: FloatArray,
    high_hz: float,
    *,
    most_share: float,
) -> FloatArray:
    """Move the level of the average towards that of the direct sound.

    Parameters
    ----------
    level_db, direct_db, f_hz : (n,) float array
    high_hz : float
        Nothing was measured above.
    most_share : float
        Of the direct sound: `SHARE` or `SHARE_FEW`.

    Returns
    -------
    level_db : (n,) float array
    """
    top_hz = min(_TREBLE_HZ[1], 0.9 * high_hz)
    middle = (f_hz >= _MIDDLE_HZ[0]) & (f_hz < min(_MIDDLE_HZ[1], top_hz))
    treble = (f_hz >= _TREBLE_HZ[0]) & (f_hz < top_hz)
    if not middle.any() or not treble.any():
        return level_db
    difference = direct_db - level_db
    to_treble = log_ramp(f_hz, FADE_OUT_HZ)
    own = (1.0 - to_treble) * np.mean(difference[middle]) + to_treble * np.mean(difference[treble])
    whole = np.mean(difference[middle | treble])
    difference = difference - (1.0 - TILT_SHARE) * own - TILT_SHARE * whole
    share = most_share * log_ramp(f_hz, FADE_IN_HZ) * (1.0 - to_treble)
    return level_db + share * difference
