"""The sound without a bank's correction, as loud and as late: what a fair comparison needs.

What is louder sounds better, and what is earlier sounds different. So the bypass of a bank has its
latency, and its loudness for pink noise (ITU-R BS.1770). A crossover stays, with the gain, delay
and polarity that belong to it: without it, a sub or a tweeter would get what it was not made for.
"""

import dataclasses

import numpy as np

from roomcal.design.crossover import crossover_taps
from roomcal.dsp.loudness import pink_loudness_db
from roomcal.model.filter_bank import FilterBank, PathStructure
from roomcal.units import FloatArray, ratio_from_db


def bypass_of(bank: FilterBank) -> tuple[FilterBank, float]:
    """Return the bypass of a bank, and its gain in dB.

    Returns
    -------
    bypass : FilterBank
        With the paths of the bank that carry a speaker's sound, its latency and its loudness.
    gain_db : float
        What the loudness of the bank asks for, contained in the taps; mostly below 0.
    """
    taps = _plain(bank)
    gain_db = pink_loudness_db(bank.taps, bank.fs) - pink_loudness_db(taps, bank.fs)
    bypass = dataclasses.replace(bank, taps=taps * float(ratio_from_db(gain_db)), headroom_db=0.0)
    return bypass, gain_db


def _plain(bank: FilterBank) -> FloatArray:
    """Taps of the paths without correction, at their natural level."""
    taps: FloatArray = np.zeros(bank.taps.shape)
    for structure in bank.paths or _strongest(bank):
        place = bank.outputs.index(structure.output), bank.inputs.index(structure.input)
        at, h = bank.latency_samples, taps[place]
        if structure.crossover is None:
            h[min(at, bank.n_taps - 1)] = 1.0
            continue
        at = max(0, at + round(structure.delay_s * bank.fs))
        high, low = crossover_taps(structure.crossover, bank.fs, bank.n_taps)
        half = high if structure.crossover_half == "high" else low
        gain = float(ratio_from_db(structure.gain_db)) * (-1.0 if structure.inverted else 1.0)
        h[at:] = gain * half[: bank.n_taps - at]
    return taps


def _strongest(bank: FilterBank) -> list[PathStructure]:
    """For every output of a bank that does not say what is in it: the input it plays most of."""
    energy = np.sum(bank.taps**2, axis=-1)
    return [
        PathStructure(name, bank.inputs[int(np.argmax(energy[output]))])
        for output, name in enumerate(bank.outputs)
        if energy[output].any()
    ]
