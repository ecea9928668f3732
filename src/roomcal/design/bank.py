"""The filters of all speakers in one matrix: gain, delay, crossover and headroom in the taps."""

from collections.abc import Mapping, Sequence, Set

import numpy as np
import scipy.fft

from roomcal.design.crossover import SubJoin, crossover_taps
from roomcal.design.headroom import headroom_db
from roomcal.dsp.fractional_delay import HALF_WIDTH, WHOLE_SAMPLE, delayed
from roomcal.errors import InputError
from roomcal.model.biquad import Biquad
from roomcal.model.filter_bank import FilterBank, PathStructure
from roomcal.units import FloatArray, ratio_from_db


def build_bank(
    filters: Sequence[FloatArray],
    fs: int,
    *,
    names: Sequence[str],
    own_latency: int,
    max_latency: int | None,
    gain_db: Mapping[str, float],
    delay_s: Mapping[str, float],
    inverted: Set[str],
    join: SubJoin | None,
    bands: Sequence[tuple[Biquad, ...]],
    fir_taps: int | None,
) -> FilterBank:
    """Build the bank of one sample rate.

    Parameters
    ----------
    filters : sequence of (n_taps,) float array
        One an input.
    fs : int
    names : sequence of str
        Of the inputs, which are outputs as well.
    own_latency : int
        Of the filters, in samples.
    max_latency : int or None
        Samples; where it leaves no room for a fractional delay, delays are whole samples.
    gain_db, delay_s : by name
        What matches the speakers.
    inverted : set of str
        Speakers whose polarity is turned over.
    join : SubJoin or None
        A sub that takes the bass of all inputs.
    bands : sequence of tuple of Biquad
        That the filters contain, one tuple an input.
    fir_taps : int or None
        Length of a FIR beside them.
    """
    names = tuple(names)
    wanted = {n: delay_s[n] * fs for n in names}
    fractional = any(abs(d - round(d)) >= WHOLE_SAMPLE for d in wanted.values())
    extra = HALF_WIDTH if fractional else 0
    main_delay = round(join.main_delay_s * fs) if join is not None else 0
    if max_latency is not None and own_latency + main_delay + extra > max_latency:
        wanted = {n: float(round(d)) for n, d in wanted.items()}  # 7 mm of path at most
        extra = 0
    n_taps = filters[0].size
    longest = max(wanted.values()) + extra + main_delay
    if longest > n_taps / 4:
        raise InputError(
            "RC-316",
            f"{n_taps} taps at {fs} Hz are too short to hold the delay of {longest:.0f} samples "
            "that matches the speakers",
            hint="use more taps, or leave the delays unmatched",
            n_taps=n_taps,
            delay_samples=longest,
        )
    outputs = names if join is None else (*names, join.sub)
    taps: FloatArray = np.zeros((len(outputs), len(names), n_taps))
    paths = []
    for i, (n, filter_taps) in enumerate(zip(names, filters, strict=True)):
        gain = float(ratio_from_db(gain_db[n]))
        whole = gain * delayed(filter_taps, wanted[n] + extra)
        turn = -1.0 if n in inverted else 1.0
        if join is None:
            taps[i, i] = turn * whole
            paths.append(
                PathStructure(
                    n,
                    n,
                    gain_db=gain_db[n],
                    delay_s=delay_s[n],
                    inverted=n in inverted,
                    biquads=bands[i],
                    fir_taps=fir_taps,
                )
            )
            continue
        high, low = crossover_taps(join.crossover, fs, n_taps)
        sign = -1.0 if join.inverted else 1.0
        low = low * sign * float(ratio_from_db(join.gain_db))
        taps[i, i] = turn * delayed(_convolved(whole, high), main_delay)
        taps[-1, i] = delayed(_convolved(whole, low), round(join.sub_delay_s * fs))
        paths.append(
            PathStructure(
                n,
                n,
                gain_db=gain_db[n],
                delay_s=delay_s[n],
                inverted=n in inverted,
                crossover=join.crossover,
                crossover_half="high",
                biquads=bands[i],
                fir_taps=fir_taps,
            )
        )
        paths.append(
            PathStructure(
                join.sub,
                n,
                gain_db=gain_db[n] + join.gain_db,
                delay_s=delay_s[n] + join.sub_delay_s - join.main_delay_s,
                inverted=join.inverted,
                crossover=join.crossover,
                crossover_half="low",
                biquads=bands[i],
                fir_taps=fir_taps,
            )
        )
    headroom = headroom_db(taps)
    taps *= float(ratio_from_db(-headroom))
    return FilterBank(
        taps=taps,
        fs=fs,
        inputs=names,
        outputs=outputs,
        latency_samples=own_latency + extra + main_delay,
        headroom_db=headroom,
        paths=tuple(paths),
    )


def _convolved(a: FloatArray, b: FloatArray) -> FloatArray:
    """Two filters after each other, cut to the length of the first."""
    n_fft = scipy.fft.next_fast_len(a.size + b.size, real=True)
    return np.asarray(
        scipy.fft.irfft(scipy.fft.rfft(a, n_fft) * scipy.fft.rfft(b, n_fft), n_fft)[: a.size]
    )
