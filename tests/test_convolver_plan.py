"""The plan covers the taps, its work is spread evenly, the transform is what its formula says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

from roomcal.convolver import fft, transform
from roomcal.convolver.layout import _Pool
from roomcal.convolver.planner import mean_and_worst_work, plan_partitions, unit_works
from roomcal.convolver.schedule import block_works, first_units

# The goals for the structural worst block re the mean.
WORST_STEREO, WORST_TWELVE_CHANNELS = 3.0, 1.5


def plan_of(n_taps, block, channels, n_paths=None):
    return plan_partitions(
        n_taps, block, n_inputs=channels, n_outputs=channels, n_paths=n_paths or channels
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    n_taps=st.integers(1, 1 << 20),
    exponent=st.integers(4, 13),
    channels=st.sampled_from([1, 2, 12]),
)
def test_every_tap_belongs_to_one_partition_whose_output_is_not_due_too_early(
    n_taps, exponent, channels
):
    plan = plan_of(n_taps, 1 << exponent, channels)

    end = plan.head_partitions * plan.block
    for level in plan.levels:
        assert level.first_tap == end == 2 * level.size  # M blocks to come in, M to be done in
        assert level.rows * level.columns == level.size
        assert min(level.rows, level.columns) >= 8
        end += level.n_partitions * level.size
    last = plan.levels[-1].size if plan.levels else plan.block
    assert end == plan.n_taps
    assert end - last < n_taps <= end


@pytest.mark.parametrize("block", [16, 64, 128, 256, 1024])
@pytest.mark.parametrize("n_taps", [4096, 65_536, 262_144])
def test_no_block_of_a_stereo_plan_costs_much_more_than_the_mean(block, n_taps):
    works = block_works(plan_of(n_taps, block, 2))

    assert works.max() <= WORST_STEREO * works.mean()


@pytest.mark.parametrize("block", [64, 256])
@pytest.mark.parametrize("n_paths", [12, 144])
def test_with_twelve_channels_the_blocks_cost_nearly_the_same(block, n_paths):
    works = block_works(plan_of(65_536, block, 12, n_paths))

    assert works.max() <= WORST_TWELVE_CHANNELS * works.mean()


def test_the_planner_knows_the_work_that_the_schedule_gives():
    plan = plan_of(65_536, 64, 2)
    works = block_works(plan)

    mean, worst = mean_and_worst_work(plan)

    assert works.mean() == pytest.approx(mean)
    assert works.max() <= worst


def test_every_unit_is_done_once_a_frame():
    plan = plan_of(65_536, 64, 2)

    for level in plan.levels:
        first = first_units(plan, level)
        assert first[0] == 0
        assert first[-1] == len(unit_works(plan, level))
        assert (np.diff(first) >= 0).all()


# --- the transform ---


def test_the_spectrum_is_the_odd_frequency_dft(rng):
    previous, current = rng.standard_normal((2, 24))
    x, n = np.concatenate([previous, current]), np.arange(48)
    bins = [np.sum(x * np.exp(-1j * np.pi * n * (4 * m + 1) / 48)) for m in range(24)]

    np.testing.assert_allclose(transform.spectrum(previous, current), bins, atol=1e-12)


def test_products_of_spectra_are_overlap_save(rng):
    x, h = rng.standard_normal(64), rng.standard_normal(32)
    product = transform.spectrum(x[:32], x[32:]) * transform.spectrum(h, np.zeros(32))

    turned = np.fft.ifft(product) / transform.window(32)

    np.testing.assert_allclose(-turned.imag, np.convolve(x, h)[32:64], atol=1e-12)


def pool_with(*parts):
    room = _Pool()
    places = [room.constant(part) for part in parts]
    return room.allocate(np.float64), places


def from_cells(values):
    both = values.reshape(-1, 2, 8)
    return both[:, 0] + 1j * both[:, 1]


@pytest.mark.parametrize("length", [2, 4, 8, 16, 32, 256, 512])
def test_the_compiled_dft_is_the_dft_with_its_bins_reversed(rng, length):
    z = rng.standard_normal((length, 8)) + 1j * rng.standard_normal((length, 8))
    pool, (data, factors) = pool_with(transform.cells(z.ravel()), transform.twiddles(length))
    here = slice(data, data + 16 * length)

    fft.forward(pool, data, length, factors)
    spectra = from_cells(pool[here].copy())
    fft.backward(pool, data, length, factors)

    expected = np.fft.fft(z, axis=0)[transform.bit_reversed(length)]
    np.testing.assert_allclose(spectra, expected, atol=1e-12 * length)
    np.testing.assert_allclose(from_cells(pool[here]), length * z, atol=1e-12 * length)


@pytest.mark.parametrize("length", [2, 8, 64])
def test_the_step_across_lanes_completes_the_dft(rng, length):
    z = rng.standard_normal(8 * length) + 1j * rng.standard_normal(8 * length)
    turns = transform.cells(transform.turns(transform.bit_reversed(length), 8).ravel())
    pool, (data, factors, turns_at, constants) = pool_with(
        transform.cells(z), transform.twiddles(length), turns, transform.lane_constants()
    )
    here = slice(data, data + 16 * length)

    fft.forward(pool, data, length, factors)
    fft.across_lanes(pool, data, length, turns_at, constants)
    spectrum = from_cells(pool[here].copy())
    fft.back_across_lanes(pool, data, length, turns_at, constants)
    fft.backward(pool, data, length, factors)

    expected = np.fft.fft(z)[transform.head_order(8 * length)]
    np.testing.assert_allclose(spectrum, expected, atol=1e-11 * length)
    back = from_cells(pool[here]).ravel()
    np.testing.assert_allclose(back, 8 * length * z, atol=1e-11 * length)
