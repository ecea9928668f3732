"""What each channel of a configuration carries, as strict readers work it out."""

from collections.abc import Iterable, Mapping

import numpy as np

from roomcal.units import FloatArray

# Taps by the index of the input that they lead from.
Carried = dict[int, FloatArray]


def inputs(n: int) -> list[Carried]:
    """Return channels that carry one input each."""
    return [{i: np.ones(1)} for i in range(n)]


def filtered(carried: Mapping[int, FloatArray], taps: FloatArray) -> Carried:
    """Pass a channel through a filter."""
    return {i: np.convolve(h, taps) for i, h in carried.items()}


def summed(channels: Iterable[Mapping[int, FloatArray]]) -> Carried:
    """Add channels; two paths from one input add up."""
    result: Carried = {}
    for channel in channels:
        for i, h in channel.items():
            before = result.get(i, np.zeros(1))
            n = max(before.size, h.size)
            result[i] = np.pad(before, (0, n - before.size)) + np.pad(h, (0, n - h.size))
    return result


def path_taps(channels: Iterable[Mapping[int, FloatArray]]) -> dict[tuple[str, str], FloatArray]:
    """Return (output, input) -> taps, both called by their number from 1, inputs in order."""
    found = {(o, i): h for o, channel in enumerate(channels) for i, h in channel.items()}
    ordered = sorted(found, key=lambda pair: (pair[1], pair[0]))
    return {(str(o + 1), str(i + 1)): found[o, i] for o, i in ordered}


def numbered(n: int) -> list[str]:
    """Return the names of n channels of a format that knows numbers alone."""
    return [str(k + 1) for k in range(n)]
