"""Lost samples, clocks and moving air: lines, steps and bends in closed form."""

import numpy as np
import pytest

from roomcal.measure.clock import fit_clock
from roomcal.measure.steps import find_steps, locate_step, step_within_mark, without_step

FS = 48000
THREE_SWEEPS = np.array([48000.0, 420000.0, 792000.0, 1164000.0])
ONE_SWEEP = np.array([48000.0, 420000.0, 456000.0])
TWO_SWEEPS = THREE_SWEEPS[:3]
MARK_NOISE = 0.0014  # FAULTS.md: rms of a mark at SNR 20


def line(starts, *, ppm=17.0, steps=(), noise=0.0, seed=0):
    """Marks on a line, with (mark, samples) steps before some of them."""
    late = 1000.3 + 1e-6 * ppm * starts
    for mark, samples in steps:
        late[mark:] += samples
    late += noise * np.random.default_rng(seed).standard_normal(starts.size)
    return fit_clock(starts, starts + late)


@pytest.mark.parametrize("samples", [-256, -2, -1, 1, 128])
@pytest.mark.parametrize("mark", [1, 2, 3])
@pytest.mark.parametrize("noise", [0.0, MARK_NOISE])
def test_a_whole_step_is_found_between_its_marks(samples, mark, noise):
    (step,) = find_steps(line(THREE_SWEEPS.copy(), steps=[(mark, samples)], noise=noise), FS)

    assert (step.after_mark, step.whole_samples) == (mark - 1, samples)
    # Outside the step, half of the marks tell the slope: 0.0014 / 372000 samples, some times.
    assert step.clock.slope_ppm == pytest.approx(17.0, abs=0.05)


@pytest.mark.parametrize("starts", [ONE_SWEEP, TWO_SWEEPS])
@pytest.mark.parametrize("samples", [-256, -1, 1])
def test_three_marks_are_compared_in_pairs(starts, samples):
    clock = line(starts.copy(), steps=[(1, samples)])
    steps = {(s.after_mark, s.whole_samples): s for s in find_steps(clock, FS)}
    # Two explanations where the marks are evenly apart: the sweeps decide between them.
    step = steps[0, samples]
    assert len(steps) <= 2
    assert without_step(clock, step).slope_ppm == pytest.approx(17.0, abs=1e-6)


@pytest.mark.parametrize("starts", [ONE_SWEEP, TWO_SWEEPS, THREE_SWEEPS])
@pytest.mark.parametrize("ppm", [0.0, -2.8, 50.0, 300.0])
def test_a_clock_is_no_step(starts, ppm):
    for seed in range(100):
        assert find_steps(line(starts.copy(), ppm=ppm, noise=MARK_NOISE, seed=seed), FS) == []


@pytest.mark.parametrize("bend", [-2.4, -0.3, 0.1, 0.3, 2.4])
def test_a_parabola_is_no_step(bend):
    centred = (THREE_SWEEPS - THREE_SWEEPS.mean()) / np.ptp(THREE_SWEEPS) * 2
    clock = fit_clock(THREE_SWEEPS, THREE_SWEEPS + 900.0 + bend * centred**2)
    assert find_steps(clock, FS) == []


@pytest.mark.parametrize("samples", [-3, -1, 1, 2])
@pytest.mark.parametrize("mark", [1, 2])
def test_a_step_while_a_mark_plays_is_told_by_the_others(samples, mark):
    late = 1000.3 + 17e-6 * THREE_SWEEPS
    late[mark + 1 :] += samples
    late[mark] += 0.4 * samples  # somewhere between: what played before is early
    clock = fit_clock(THREE_SWEEPS, THREE_SWEEPS + late)
    others = [k for k in range(4) if k != mark]

    step = step_within_mark(clock, mark, others, FS)

    assert (step.after_mark, step.whole_samples) == (mark - 1, samples)
    assert step.clock.slope_ppm == pytest.approx(17.0, abs=1e-6)
    assert step_within_mark(line(THREE_SWEEPS.copy()), mark, others, FS) is None
    assert step_within_mark(clock, mark, others[:2], FS) is None  # two marks are any line


def spectrum_ratio(delay_of):
    """Cross-spectrum of two sweeps that differ by a delay over frequency, with noise."""
    f = np.fft.rfftfreq(1 << 16, 1 / FS)
    rng = np.random.default_rng(5)
    noise = 1e-2 * (rng.standard_normal(f.size) + 1j * rng.standard_normal(f.size))
    return np.exp(-2j * np.pi * f / FS * delay_of(np.maximum(f, 1.0))) + noise


@pytest.mark.parametrize("at_hz", [400.0, 1000.0, 5000.0])
def test_a_step_within_a_sweep_is_found_at_its_frequency(at_hz):
    found = locate_step(spectrum_ratio(lambda f: -1.0 * (f > at_hz)), FS, -1.0)
    assert found.f_hz == pytest.approx(at_hz, rel=0.5)  # half an octave


def test_a_step_before_or_after_the_sweep_is_one_too():
    assert locate_step(spectrum_ratio(lambda f: 1.0 + 0.0 * f), FS, 1.0).f_hz == 0.0
    assert locate_step(spectrum_ratio(lambda f: 0.0 * f), FS, 1.0).f_hz == float("inf")


def test_a_delay_that_grows_little_by_little_is_air():
    """From 0 at the mark before to 0.9 at the mark after, evenly over time."""

    def air(f):
        return 0.9 * np.clip(np.log(f / 10.0) / np.log(2400.0), 0.0, 1.0)

    assert locate_step(spectrum_ratio(air), FS, 0.9) is None


@pytest.mark.parametrize("air", [-0.25, 0.25])
@pytest.mark.parametrize("at_hz", [100.0, 2000.0])
def test_a_step_is_found_although_the_air_has_moved_since_the_other_sweeps(air, at_hz):
    found = locate_step(spectrum_ratio(lambda f: air - 1.0 * (f > at_hz)), FS, -1.0)

    assert found is not None
    assert not found.in_still_air
    assert found.f_hz == pytest.approx(at_hz, rel=0.5) if at_hz > 250.0 else found.f_hz == 0.0


@pytest.mark.parametrize("air", [-0.5, -0.3, 0.3, 0.5])
def test_air_alone_is_no_step(air):
    """A sweep that has moved as a whole by what air can move it, and not by a sample."""
    for samples in (-1.0, 1.0):
        assert locate_step(spectrum_ratio(lambda f: air + 0.0 * f), FS, samples) is None
