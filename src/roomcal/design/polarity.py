"""Which speakers push where they should pull, and which of them the filter turns over.

Speakers that disagree cancel each other, so those are always brought together. That all of them
measure inverted is heard by nobody; it is part of the phase that mixed phase corrects, so it goes
with it.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft

from roomcal.design.align import AlignedSet
from roomcal.dsp.direct_sound import direct_spectrum, span_samples
from roomcal.dsp.minimum_phase import minimum_phase_spectrum

# The woofer decides, above the modes of the room and below most crossovers.
_BAND_HZ = (200.0, 1000.0)
_CYCLES = 3.0  # the direct sound
# Cosine of the mean phase beyond minimum phase: 0.75 to 0.83 in nine simulated rooms, -0.7 in a
# room that was recorded inverted. Nearer to 0 the response does not say.
CLEAR = 0.6


def polarity(aligned: AlignedSet) -> float:
    """Say how clearly a speaker has positive polarity, from 1 to -1 (clearly inverted).

    Parameters
    ----------
    aligned : AlignedSet

    Notes
    -----
    The phase of the direct sound beyond that of minimum phase is 0 or half a turn where nothing
    delays the band; its cosine is averaged over the logarithm of frequency and over positions.
    """
    n = span_samples(aligned.fs)
    f = scipy.fft.rfftfreq(n, 1.0 / aligned.fs)
    C = direct_spectrum(aligned.h, aligned.lead_samples, aligned.fs, n_fft=n, cycles=_CYCLES)
    inside = (f >= _BAND_HZ[0]) & (f <= _BAND_HZ[1])
    beyond = (C / minimum_phase_spectrum(np.abs(C))).real[:, inside]
    weight = 1.0 / f[inside]
    return float(aligned.weights @ (beyond @ weight) / weight.sum())


def inverted_speakers(sets: Sequence[AlignedSet], *, absolute: bool) -> dict[str, str]:
    """Find the speakers that a filter is to turn over, each with what there is to say about it.

    Parameters
    ----------
    sets : sequence of AlignedSet
        Subs are left out: their polarity belongs to their crossover.
    absolute : bool
        Turn over speakers that are all inverted, too.

    Returns
    -------
    notes : mapping of speaker to str
        Empty where any speaker leaves its polarity open: to turn over some of them only would be
        worse than none.
    """
    found = {s.speaker: polarity(s) for s in sets if not s.is_sub}
    if any(abs(p) < CLEAR for p in found.values()):
        return {}
    inverted = [name for name, p in found.items() if p < 0.0]
    if len(inverted) < len(found):
        text = (
            "inverted against the others: the filter turns it over; better swap its wires and "
            "measure again"
        )
        return dict.fromkeys(inverted, text)
    if not absolute:
        return {}
    return dict.fromkeys(
        inverted,
        "measured inverted, by the speaker or by the microphone: the filter turns it over, as part "
        "of its phase",
    )
