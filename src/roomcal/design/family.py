"""A family of banks from one measurement: the same sound at several latencies, equally loud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from roomcal.design.crossover import SubJoin, joined_responses
from roomcal.dsp.arrival import arrival_sample
from roomcal.dsp.fractional_delay import HALF_WIDTH
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
        Bass later than 300 ms, re that without a correction: of the main alone, or with a sub of
        both as the crossover alone joins them.
    direct_ms : float
        Time over which the direct sound spreads, above 1 kHz (energy-weighted deviation).
    before_db : float
        Energy that comes more than 5 ms before the arrival, re all of it.
    lowered_db : float
        Gain taken off so that all members are equally loud.
    same_as : str or None
        An earlier member with the same filters: there is nothing to switch between.
    """

    name: str
    latency_s: float
    tail_db: float
    direct_ms: float
    before_db: float
    lowered_db: float
    same_as: str | None = None


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


def same_members(banks: Mapping[str, FilterBank]) -> dict[str, str]:
    """Members whose filters an earlier one has already, with the name of that one."""
    same: dict[str, str] = {}
    names = list(banks)
    for k, name in enumerate(names):
        for earlier in names[:k]:
            a, b = banks[earlier], banks[name]
            if a.latency_samples == b.latency_samples and np.array_equal(a.taps, b.taps):
                same[name] = earlier
                break
    return same


def describe_member(
    name: str,
    bank: FilterBank,
    responses: Sequence[ImpulseResponse],
    lowered_db: float,
    same_as: str | None = None,
) -> FamilyMember:
    """Figures of one member, from the responses that it was designed from.

    What an input sounds like is the sum over all outputs that play it.
    """
    by_place = {(r.speaker, r.position): r for r in responses}
    tails, spreads, befores = [], [], []
    for r in responses:
        outputs = [out for out, source in bank.active_paths if source == r.speaker]
        played = [by_place.get((out, r.position)) for out in outputs]
        if r.speaker not in outputs or any(p is None for p in played):
            continue
        heard = [p for p in played if p is not None]
        h = _uncorrected(bank, r, heard)
        y = _summed(
            [
                replace(p, samples=predict(p.samples, bank.path(p.speaker, r.speaker)))
                for p in (_at_rate(p, bank.fs) for p in heard)
            ]
        )
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
        same_as=same_as,
    )


def _uncorrected(
    bank: FilterBank, main: ImpulseResponse, heard: Sequence[ImpulseResponse]
) -> FloatArray:
    """Sound of an input without a correction; a sub joined by its crossover, level and delay."""
    paths = {p.output: p for p in bank.paths if p.input == main.speaker}
    high = paths[main.speaker]
    for sub in heard:
        low = paths[sub.speaker]
        if low.crossover is None or low.crossover_half != "low":
            continue
        later_s = low.delay_s - high.delay_s
        join = SubJoin(
            sub=sub.speaker,
            crossover=low.crossover,
            gain_db=low.gain_db - high.gain_db,
            sub_delay_s=max(later_s, 0.0),
            main_delay_s=max(-later_s, 0.0),
            inverted=low.inverted,
            worst_dip_db=np.nan,
            without_db=np.nan,
        )
        turned = replace(main, samples=-main.samples) if high.inverted else main
        return joined_responses({main.speaker: [turned]}, [sub], join, bank.fs)[main.speaker][
            0
        ].samples
    return at_rate(main.samples, main.fs, bank.fs)


def _at_rate(r: ImpulseResponse, fs: int) -> ImpulseResponse:
    """Bring a response to another rate, with its time zero."""
    return replace(
        r, samples=at_rate(r.samples, r.fs, fs), fs=fs, time_zero=r.time_zero * fs / r.fs
    )


def _summed(parts: Sequence[ImpulseResponse]) -> FloatArray:
    """Add what several speakers play at one place, on their common clock."""
    if len(parts) == 1:
        return parts[0].samples
    first_zero = max(p.time_zero for p in parts)
    late = [first_zero - p.time_zero for p in parts]  # what has less before its zero moves back
    n = max(p.samples.size for p in parts) + int(np.ceil(max(late))) + HALF_WIDTH
    n_fft = scipy.fft.next_fast_len(2 * n, real=True)
    f = scipy.fft.rfftfreq(n_fft)
    total = sum(
        scipy.fft.rfft(p.samples, n_fft) * np.exp(-2j * np.pi * f * (d + HALF_WIDTH))
        for p, d in zip(parts, late, strict=True)
    )
    return np.asarray(scipy.fft.irfft(total, n_fft)[:n])


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
