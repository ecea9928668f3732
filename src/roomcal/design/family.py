"""A family of banks from one measurement: the same sound at several latencies, equally loud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.gain import pink_gain_db
from roomcal.dsp.prediction import predict
from roomcal.dsp.rate import at_rate
from roomcal.model.design_spec import DesignSpec
from roomcal.model.filter_bank import FilterBank
from roomcal.model.impulse_response import ImpulseResponse
from roomcal.units import FloatArray, db_from_power, ratio_from_db

# What is added to the name of a bank, and the latency limit. 0 for singing to, 5 for playing to,
# 20 and full for mixing.
FAMILY_S = {"0ms": 0.0, "5ms": 0.005, "20ms": 0.020, "full": 0.100}
_BASS_HZ = (30.0, 200.0)
_LATE_S = 0.300
_EARLY_S = 0.005
_TREBLE_HZ = (1000.0, 12000.0)


@dataclass(frozen=True)
class FamilyMember:
    """What one member of the family does and gives up; means over speakers and positions.

    Attributes
    ----------
    tail_db : float
        Bass later than 300 ms, re that without a correction.
    direct_ms : float
        Time over which the direct sound spreads, above 1 kHz (energy-weighted deviation).
    before_db : float
        Energy that comes more than 5 ms before the arrival, re all of it.
    lowered_db : float
        Gain taken off so that all members are equally loud.
    """

    name: str
    latency_s: float
    tail_db: float
    direct_ms: float
    before_db: float
    lowered_db: float


def family_specs(spec: DesignSpec) -> dict[str, DesignSpec]:
    """Specs of the members, from low latency to high, by what is added to the bank's name."""
    return {
        name: replace(spec, phase="mixed", max_latency_s=limit) for name, limit in FAMILY_S.items()
    }


def equally_loud(banks: Mapping[str, FilterBank]) -> tuple[dict[str, FilterBank], dict[str, float]]:
    """Lower the louder banks until pink noise is as loud through all of them.

    Returns
    -------
    banks : by name
        What is taken off counts as headroom.
    lowered_db : by name
    """
    loudness_db = {name: _loudness_db(bank) for name, bank in banks.items()}
    quietest = min(loudness_db.values())
    lowered_db = {name: level - quietest for name, level in loudness_db.items()}
    return {
        name: replace(
            bank,
            taps=bank.taps * float(ratio_from_db(-lowered_db[name])),
            headroom_db=bank.headroom_db + lowered_db[name],
        )
        for name, bank in banks.items()
    }, lowered_db


def describe_member(
    name: str, bank: FilterBank, responses: Sequence[ImpulseResponse], lowered_db: float
) -> FamilyMember:
    """Figures of one member, from the responses that it was designed from."""
    tails, spreads, befores = [], [], []
    for r in responses:
        if (r.speaker, r.speaker) not in bank.active_paths:
            continue
        h = at_rate(r.samples, r.fs, bank.fs)
        y = predict(h, bank.path(r.speaker, r.speaker))
        tails.append(_tail_db(y, bank.fs) - _tail_db(h, bank.fs))
        spreads.append(_direct_spread_s(y, bank.fs))
        at = int(arrival_sample(y, bank.fs)) - round(_EARLY_S * bank.fs)
        befores.append(float(db_from_power(np.sum(y[: max(at, 0)] ** 2) / np.sum(y**2))))
    return FamilyMember(
        name=name,
        latency_s=bank.latency_s,
        tail_db=float(np.mean(tails)),
        direct_ms=1000.0 * float(np.mean(spreads)),
        before_db=float(np.mean(befores)),
        lowered_db=lowered_db,
    )


def _loudness_db(bank: FilterBank) -> float:
    """Mean gain for pink noise over all outputs."""
    return float(
        np.mean([pink_gain_db(bank.path(out, inp), bank.fs) for out, inp in bank.active_paths])
    )


def _band(h: FloatArray, fs: int, band_hz: tuple[float, float]) -> FloatArray:
    """Keep a band without phase; what rings before index 0 wraps to the end."""
    n = scipy.fft.next_fast_len(2 * h.size, real=True)
    f = scipy.fft.rfftfreq(n, 1.0 / fs)
    low, high = band_hz
    octaves = np.minimum(np.log2(np.maximum(f, 0.1) / low), np.log2(high / np.maximum(f, 0.1)))
    gain = 0.5 - 0.5 * np.cos(np.pi * np.clip(octaves / 0.5 + 0.5, 0.0, 1.0))
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(h, n) * gain, n)[: h.size])


def _tail_db(h: FloatArray, fs: int) -> float:
    """Bass that comes late, re all of it."""
    start = int(arrival_sample(h, fs)) + round(_LATE_S * fs)
    e = _band(h, fs, _BASS_HZ) ** 2
    return float(db_from_power(np.sum(e[start:]) / np.sum(e)))


def _direct_spread_s(h: FloatArray, fs: int) -> float:
    """Return the standard deviation in time of the first 4 ms above 1 kHz."""
    e = _band(h, fs, _TREBLE_HZ) ** 2
    at = int(arrival_sample(h, fs))
    k = np.arange(max(at - round(0.002 * fs), 0), min(at + round(0.002 * fs), h.size))
    weight = e[k] / np.sum(e[k])
    t = k / fs
    return float(np.sqrt(weight @ (t - weight @ t) ** 2))
