"""Mixed and linear phase: what the steps do to responses whose truth is known, and their limits."""

import numpy as np
import pytest
import scipy.fft
import scipy.signal as sg
from hypothesis import given, settings
from hypothesis import strategies as st

from roomcal.design.align import align
from roomcal.design.design import design
from roomcal.design.modal_decay import COPIES, find_problem, solve, stiffness_matrix
from roomcal.design.targets import target_curve
from roomcal.model.design_spec import DesignSpec
from roomcal.model.impulse_response import ImpulseResponse

FS = 48000
FLAT = target_curve("flat")
SAME_FILTER = 1e-9  # rounding
CAP_DB = 0.3  # what the issue allows at any 1/24 octave
EARLY_ENERGY_DB = -50.0  # what the fades leave before the latency
# A correction that follows 24 octave bands of an all-pass leaves this much of its group delay.
LEFT_OF_DELAY = 0.35


def room(seed, position, *, decay_s=0.8, modes=(45.0, 71.0, 118.0), gain=1.0, seconds=1.3):
    """Direct sound, diffuse tail, and modes that all positions share with their own levels."""
    rng = np.random.default_rng(seed)
    n = round(seconds * FS)
    t = np.arange(n) / FS
    x = 0.02 * rng.standard_normal(n) * np.exp(-t / 0.04)
    x[0] = 1.0
    for f0 in modes:
        level = 0.006 * rng.uniform(0.5, 1.5)
        x += level * np.sin(2 * np.pi * f0 * t + rng.uniform(0, 1)) * 10 ** (-3 * t / decay_s)
    x = np.r_[np.zeros(960), sg.sosfilt(sg.butter(2, 30.0, "high", fs=FS, output="sos"), x)]
    return ImpulseResponse(gain * x, FS, "L", position)


def rooms(n=5, **kwargs):
    return [room(k, f"p{k + 1}", **kwargs) for k in range(n)]


def late_db(h, f0):
    """Energy of a third octave later than 150 ms, re all of it."""
    sos = sg.butter(2, [f0 / 2 ** (1 / 6), f0 * 2 ** (1 / 6)], "band", fs=FS, output="sos")
    e = sg.sosfilt(sos, h) ** 2
    start = int(np.argmax(np.abs(h))) + round(0.15 * FS)
    return 10 * np.log10(e[start:].sum() / e.sum())


@pytest.fixture(scope="module")
def made():
    return design(rooms(), FLAT, DesignSpec(), name="x", fs=FS)


def test_shared_modes_decay_faster_at_a_position_that_was_not_measured(made):
    unseen = room(99, "p9").samples
    after = sg.fftconvolve(unseen, made.filters.taps[0, 0])

    for f0 in (45.0, 71.0, 118.0):
        assert late_db(after, f0) < late_db(unseen, f0) - 5.0
    assert any("modes shortened" in note for note in made.explanations[0].notes)


def test_nothing_comes_before_the_latency_and_the_latency_is_kept(made):
    taps, latency = made.filters.taps[0, 0], made.filters.latency_samples

    assert latency <= 0.005 * FS
    assert abs(int(np.argmax(np.abs(taps))) - latency) <= 1
    energy = np.cumsum(taps**2) / np.sum(taps**2)
    assert 10 * np.log10(energy[latency // 3] + 1e-30) < EARLY_ENERGY_DB


@pytest.mark.parametrize("limit_s", [0.0, 0.002, 0.02, 0.1])
def test_the_latency_limit_is_kept(limit_s):
    spec = DesignSpec(max_latency_s=limit_s, taps=16384)
    filters = design(rooms(3), FLAT, spec, name="x", fs=FS).filters

    assert filters.latency_samples <= limit_s * FS
    assert int(np.argmax(np.abs(filters.taps[0, 0]))) <= limit_s * FS + 1


def test_the_phase_of_a_crossover_is_undone():
    low, high = (sg.butter(2, 2000.0, kind, fs=FS, output="sos") for kind in ("low", "high"))
    x = np.zeros(FS)
    x[960] = 1.0
    h = sg.sosfilt(np.vstack([low, low]), x) + sg.sosfilt(np.vstack([high, high]), x)
    made = [ImpulseResponse(h, FS, "L", f"p{k}") for k in range(3)]
    filters = design(made, FLAT, DesignSpec(modal_decay=False), name="x", fs=FS).filters

    def group_delay_range(y):
        f = scipy.fft.rfftfreq(1 << 17, 1 / FS)
        phase = np.unwrap(np.angle(scipy.fft.rfft(y, 1 << 17)))
        inside = (f > 1200) & (f < 8000)
        return np.ptp(-np.gradient(phase, 2 * np.pi * f[1])[inside])

    after = sg.fftconvolve(h, filters.taps[0, 0])
    assert group_delay_range(after) < LEFT_OF_DELAY * group_delay_range(h)


def test_the_normal_equations_are_those_of_least_squares():
    """Brute force: the error itself, written out as a matrix, for one position."""
    aligned = align([room(1, "p1"), room(2, "p2")], FS, main_position="p1")
    ones = np.ones(aligned.n_fft // 2 + 1, dtype=complex)
    one = find_problem(aligned, ones, ones, before_s=0.005, joint=False)
    both = find_problem(aligned, ones, ones, before_s=0.005, joint=True)

    joined = np.tensordot(aligned.weights, one.normal, 1)
    np.testing.assert_allclose(both.normal[0], joined, atol=1e-9 * np.abs(joined).max())
    np.testing.assert_allclose(both.own[0], aligned.weights @ one.own, atol=1e-9)
    n = one.c.shape[1]
    rng = np.random.default_rng(5)
    g = rng.standard_normal(one.own.shape[1])
    taps = np.arange(-one.before, g.size - one.before)
    circle = np.zeros(n)
    circle[taps] = g
    k = np.arange(-one.before - 15, 900)
    t = k / one.fs
    v_db = np.where(t < 0, np.clip(6.0 - 1600.0 * t, 0, 40), 12.0 * np.clip(t / 0.25, 0, 1))
    want = 0.0
    for share, weight in COPIES:
        C = scipy.fft.rfft(one.c[0])
        if share:  # stretched before the filter, which is 1 here
            lead = aligned.lead_samples * one.fs / FS
            turn = np.exp(2j * np.pi * np.arange(n // 2 + 1) * lead / n)
            late = np.r_[scipy.fft.irfft(C / turn, n), np.zeros(7 * n)]
            stretched = sg.resample(late, 2 * round(4 * n * (1 + share)))[:n]
            C = scipy.fft.rfft(stretched, n) * turn
        y = scipy.fft.irfft(C * scipy.fft.rfft(circle), n)
        want += weight * np.sum(10 ** (v_db / 10) * y[k] ** 2)
    assert g @ one.normal[0] @ g == pytest.approx(want, rel=2e-3)


def test_stiffer_is_smaller():
    aligned = align(rooms(3), FS, main_position="p1")
    ones = np.ones(aligned.n_fft // 2 + 1, dtype=complex)
    problem = find_problem(aligned, ones, ones, before_s=0.0, joint=True)
    R = stiffness_matrix(problem)
    sizes = [
        np.linalg.norm(solve(problem, np.ones(1), R, n_positions=9, stiffness=s))
        for s in (0.01, 0.1, 1.0)
    ]

    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        (rooms(1), "cannot show"),
        (rooms(5, seconds=0.3), "before it has decayed"),
        (rooms(5, decay_s=0.12, modes=(110.0, 150.0)), "too fast to be heard"),
    ],
)
def test_ringing_is_left_alone_where_it_does_not_show(responses, words):
    result = design(responses, FLAT, DesignSpec(taps=16384), name="x", fs=FS)
    plain = design(responses, FLAT, DesignSpec(taps=16384, modal_decay=False), name="x", fs=FS)

    assert any(words in note for note in result.explanations[0].notes)
    if "modes shortened" not in " ".join(result.explanations[0].notes):
        np.testing.assert_allclose(result.filters.taps, plain.filters.taps, atol=SAME_FILTER)


@pytest.mark.parametrize("n", [1, 2, 50, 400])
def test_clicks_shorter_than_any_decay_are_designed_from(n):
    rng = np.random.default_rng(n)
    clicks = [ImpulseResponse(rng.standard_normal(n), FS, "L", f"p{k}") for k in range(4)]
    result = design(clicks, FLAT, DesignSpec(taps=4096), name="x", fs=FS)

    assert np.isfinite(result.filters.taps).all()


@pytest.mark.parametrize("limit_s", [None, 0.01])
def test_linear_phase_is_symmetric(limit_s):
    spec = DesignSpec(phase="linear", max_latency_s=limit_s, taps=16384)
    filters = design(rooms(3), FLAT, spec, name="x", fs=FS).filters
    taps, m = filters.taps[0, 0], filters.latency_samples

    assert m == (8192 if limit_s is None else round(0.01 * FS))
    n = min(m, taps.size - m - 1)
    left, right = taps[m - n : m][::-1], taps[m + 1 : m + 1 + n]
    assert np.abs(left - right).max() < 0.01 * np.abs(taps).max()


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60000),
    n_positions=st.integers(1, 4),
    phase=st.sampled_from(["mixed", "linear"]),
    limit_s=st.sampled_from([None, 0.0, 0.004, 0.02]),
    taps=st.sampled_from([64, 4096, 32768]),
    boost=st.floats(0.0, 12.0),
)
def test_the_cap_and_the_latency_hold_and_nothing_is_nan(
    seed, n, n_positions, phase, limit_s, taps, boost
):
    rng = np.random.default_rng(seed)
    responses = [
        ImpulseResponse(rng.standard_normal(n) * np.exp(-np.arange(n) / 4000), FS, "L", f"p{k}")
        for k in range(n_positions)
    ]
    spec = DesignSpec(phase=phase, max_latency_s=limit_s, taps=taps, max_boost_db=boost)
    filters = design(responses, FLAT, spec, name="x", fs=FS).filters

    assert np.isfinite(filters.taps).all()
    if limit_s is not None:
        assert filters.latency_samples <= limit_s * FS
    f, H = sg.freqz(filters.taps[0, 0], worN=1 << 16, fs=FS)
    level_db = 20 * np.log10(np.abs(H[1:]) + 1e-12)
    f = f[1:]
    assert (level_db - np.median(level_db[(f > 200) & (f < 2000)])).max() < boost + CAP_DB
