"""What the table of a family says, where the truth is known: a crossover and one echo."""

import numpy as np
import pytest
import scipy.signal as sg

from roomcal.design.family import describe_member, same_members
from roomcal.model.filter_bank import Crossover, FilterBank, PathStructure
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
N_TAPS = 32768
CROSSOVER_HZ = 80.0
ECHO, ECHO_S = 0.5, 0.4
NOTHING_DB = 0.05  # the low-pass of the taps ends after 0.7 s, that of the response does not
# An echo of 0.5 less its copy, which ends after one echo: 0.25 at twice the delay is left, -6 dB.
# Against all of the energy the echo is -7 dB at first, and 1.25 in all falls to 1.06.
GONE_DB, GONE_TOLERANCE_DB = -6.0 + 0.7, 1.0


def butterworth_squared(kind):
    """Linkwitz-Riley of 24 dB per octave, as a filter of its own."""
    return np.vstack([sg.butter(2, CROSSOVER_HZ, kind, fs=FS, output="sos")] * 2)


def pulse(n, at):
    x = np.zeros(n)
    x[at] = 1.0
    return x


def responses(*, echo, sub_clock=0):
    """Main of full range, a sub that echoes; the sub's file begins `sub_clock` samples earlier."""
    n = 2 * FS
    main = sg.sosfilt(sg.butter(2, 30.0, "high", fs=FS, output="sos"), pulse(n, 960))
    sub = sg.sosfilt(sg.butter(2, 20.0, "high", fs=FS, output="sos"), pulse(n, 960 + sub_clock))
    late = round(ECHO_S * FS)
    sub[late:] += echo * sub[:-late]
    return [
        ImpulseResponse(main, FS, "L", "p1", time_zero=480.0, time_reference="loopback"),
        ImpulseResponse(
            sub, FS, "Sub", "p1", time_zero=480.0 + sub_clock, time_reference="loopback"
        ),
    ]


def bank(sub_filter=None):
    high, low = (sg.sosfilt(butterworth_squared(k), pulse(N_TAPS, 0)) for k in ("high", "low"))
    if sub_filter is not None:
        low = sg.fftconvolve(low, sub_filter)[:N_TAPS]
    crossover = Crossover(CROSSOVER_HZ, 24)
    return FilterBank(
        taps=np.array([[high], [low]]),
        fs=FS,
        inputs=("L",),
        outputs=("L", "Sub"),
        paths=(
            PathStructure("L", "L", crossover=crossover, crossover_half="high"),
            PathStructure("Sub", "L", crossover=crossover, crossover_half="low"),
        ),
    )


@pytest.mark.parametrize("sub_clock", [0, 700, -300])
def test_a_crossover_alone_changes_no_tail(sub_clock):
    member = describe_member("x", bank(), responses(echo=ECHO, sub_clock=sub_clock), 0.0)

    assert member.tail_db == pytest.approx(0.0, abs=NOTHING_DB)


def test_the_tail_of_the_sub_is_heard():
    without = np.zeros(N_TAPS)
    without[0], without[round(ECHO_S * FS)] = 1.0, -ECHO

    member = describe_member("x", bank(without), responses(echo=ECHO), 0.0)

    assert member.tail_db == pytest.approx(GONE_DB, abs=GONE_TOLERANCE_DB)


def test_members_with_the_same_filters_are_named():
    one, other = bank(), bank(pulse(N_TAPS, 5))

    assert same_members({"0ms": one, "5ms": other, "20ms": other, "full": other}) == {
        "20ms": "5ms",
        "full": "5ms",
    }
