"""Changing banks and gains while sound plays: the exact crossfade is heard, without a step."""

import numpy as np
import pytest
from scipy.signal import oaconvolve

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

from roomcal.convolver import layout
from roomcal.convolver.engine import DEFAULT_RAMP_FRAMES, Convolver

BLOCK = 64
N_TAPS = 20_000
RAMP = 1024  # frames
DISTURBANCE_DB = -110.0  # the goal: largest error re the rms of the output
STEP = 1e-3  # the goal: beyond the signal's own slope


def decaying(rng, n_outputs=2, n_inputs=2):
    envelope = np.exp(-4 * np.arange(N_TAPS) / N_TAPS)
    mask = np.eye(n_outputs, n_inputs)[..., None]
    return 0.01 * rng.standard_normal((n_outputs, n_inputs, N_TAPS)) * envelope * mask


def engine(*banks, dtype=np.float64):
    paths = [(0, 0), (1, 1)]
    convolver = Convolver((2, 2, N_TAPS), block=BLOCK, paths=paths, n_banks=3, dtype=dtype)
    for number, taps in enumerate(banks):
        convolver.load(number, taps)
    convolver.begin_with(0)
    convolver.set_ramps(RAMP)
    return convolver


def play(convolver, x, actions):
    """Process block after block; do what is to be done before a block of this number."""
    blocks, banks = [], []
    for number, start in enumerate(range(0, x.shape[1], BLOCK)):
        actions.get(number, lambda: None)()
        blocks.append(convolver.process(x[:, start : start + BLOCK]))
        banks.append(convolver.bank)
    return np.concatenate(blocks, axis=1), np.array(banks)


def filtered(x, taps):
    return oaconvolve(x, taps[[0, 1], [0, 1]], axes=1)[:, : x.shape[1]]


def raised_cosine(n_frames, first):
    u = np.clip((np.arange(n_frames) - first + 1) / RAMP, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * u)


def level_db(error, reference):
    return 20 * np.log10(np.abs(error).max() / reference.std() + 1e-300)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("at_block", [500, 511, 512, 513])  # any phase of the long partitions
def test_a_swap_is_the_exact_crossfade(rng, dtype, at_block):
    old, new = decaying(rng), decaying(rng)
    x = 0.1 * rng.standard_normal((2, BLOCK * 1200))
    convolver = engine(old, new, dtype=dtype)

    y, banks = play(convolver, x, {at_block: lambda: convolver.swap_to(1)})

    # The fade begins as soon as a whole frame of the longest partitions is done.
    first = (at_block + 2 * convolver.plan.longest) * BLOCK
    w = raised_cosine(x.shape[1], first)
    reference = filtered(x, old) * (1 - w) + filtered(x, new) * w
    assert level_db(y - reference, reference) < DISTURBANCE_DB
    assert banks[0] == 0
    assert banks[-1] == 1
    assert convolver.table[layout.SWAPS] == 1
    assert convolver.table[layout.SIDE_BANKS : layout.SIDE_BANKS + 2].tolist() == [-1, 1]


def test_fault_39_a_swap_under_a_full_scale_sine_makes_no_step():
    old, new = np.zeros((2, 2, 100)), np.zeros((2, 2, 100))
    old[[0, 1], [0, 1], 0], new[[0, 1], [0, 1], 40] = 1.0, -0.5  # other delay, level and polarity
    x = np.tile(np.sin(2 * np.pi * 100 / 48_000 * np.arange(BLOCK * 600)), (2, 1))
    convolver = engine(old, new)
    convolver.set_ramps(DEFAULT_RAMP_FRAMES)

    y, _ = play(convolver, x, {200: lambda: convolver.swap_to(1)})

    slope = np.abs(np.diff(x[0])).max()
    assert np.abs(np.diff(y, axis=1)[:, 1:]).max() < slope + STEP


def test_a_swap_back_before_anything_was_heard_is_no_swap(rng):
    old, new = decaying(rng), decaying(rng)
    x = 0.1 * rng.standard_normal((2, BLOCK * 700))
    convolver = engine(old, new)

    y, _ = play(
        convolver, x, {300: lambda: convolver.swap_to(1), 310: lambda: convolver.swap_to(0)}
    )

    reference = filtered(x, old)
    assert level_db(y - reference, reference) < DISTURBANCE_DB
    assert convolver.table[layout.SWAPS] == 0


def test_the_last_of_many_wishes_is_heard(rng):
    banks = [decaying(rng) for _ in range(3)]
    x = 0.1 * rng.standard_normal((2, BLOCK * 1500))
    convolver = engine(*banks)
    wishes = {300 + 7 * i: (lambda i=i: convolver.swap_to(i % 3)) for i in range(24)}  # ends with 2

    y, heard = play(convolver, x, wishes)

    reference = filtered(x, banks[2])
    assert heard[-1] == 2
    assert level_db((y - reference)[:, -BLOCK * 200 :], reference) < DISTURBANCE_DB
    assert np.isfinite(y).all()


def test_a_bank_is_loaded_while_another_plays(rng):
    old, new = decaying(rng), decaying(rng)
    x = 0.1 * rng.standard_normal((2, BLOCK * 900))
    convolver = engine(old)

    def load():
        convolver.load(1, new)

    y, _ = play(convolver, x, {200: load, 250: lambda: convolver.swap_to(1)})

    first = (250 + 2 * convolver.plan.longest) * BLOCK
    before, after = filtered(x, old), filtered(x, new)
    assert level_db((y - before)[:, :first], before) < DISTURBANCE_DB
    assert level_db((y - after)[:, first + RAMP :], after) < DISTURBANCE_DB


def test_a_shorter_bank_leaves_nothing_of_the_one_before(rng):
    x = 0.1 * rng.standard_normal((2, BLOCK * 2000))
    short = np.zeros((2, 2, 1))
    short[[0, 1], [0, 1], 0] = 0.7
    convolver = engine(decaying(rng), decaying(rng))
    actions = {
        300: lambda: convolver.swap_to(1),
        900: lambda: convolver.load(0, short),
        901: lambda: convolver.swap_to(0),
    }

    y, heard = play(convolver, x, actions)

    assert heard[-1] == 0
    np.testing.assert_allclose(y[:, -BLOCK * 300 :], 0.7 * x[:, -BLOCK * 300 :], atol=1e-12)


@pytest.mark.parametrize(
    ("bank", "change", "reason"),
    [
        (0, None, "is being heard"),
        (3, None, "is none of"),
        (1, (0, 1, 5, 1.0), "no room was kept"),
        (1, (0, 0, 5, np.nan), "NaN or infinite"),
    ],
)
def test_what_cannot_be_loaded_is_refused(rng, bank, change, reason):
    taps = decaying(rng)
    convolver = engine(taps)
    if change:
        output, source, tap, value = change
        taps[output, source, tap] = value

    with pytest.raises(ValueError, match=reason):
        convolver.load(bank, taps)


def test_too_many_taps_are_refused(rng):
    convolver = engine(decaying(rng))

    with pytest.raises(ValueError, match="does not fit"):
        convolver.load(1, np.ones((2, 2, 2 * N_TAPS)))


def test_a_bank_that_is_not_loaded_is_not_swapped_to(rng):
    with pytest.raises(ValueError, match="not loaded"):
        engine(decaying(rng)).swap_to(2)


def test_begin_with_is_for_the_beginning(rng):
    convolver = engine(decaying(rng), decaying(rng))
    convolver.process(np.zeros((2, BLOCK)))

    with pytest.raises(ValueError, match="has begun"):
        convolver.begin_with(1)


# --- gains ---


def unity(ramp=DEFAULT_RAMP_FRAMES):
    taps = np.zeros((2, 2, 1))
    taps[[0, 1], [0, 1], 0] = 1.0
    convolver = engine(taps)
    convolver.set_ramps(ramp)
    return convolver


@pytest.mark.parametrize("gain", [0.0, -1.0, 0.1])  # mute, polarity, dim
def test_fault_39_a_gain_moves_along_a_ramp_without_a_step(gain):
    x = np.tile(np.sin(2 * np.pi * 50 / 48_000 * np.arange(BLOCK * 200)), (2, 1))
    convolver = unity(DEFAULT_RAMP_FRAMES)

    y, _ = play(convolver, x, {50: lambda: convolver.set_gain(0, gain)})

    slope = np.abs(np.diff(x[0])).max()
    assert np.abs(np.diff(y[0])).max() < slope + STEP
    after = slice(BLOCK * 50 + DEFAULT_RAMP_FRAMES, None)
    np.testing.assert_allclose(y[0, after], gain * x[0, after], atol=1e-12)
    np.testing.assert_allclose(y[1], x[1], atol=1e-12)  # the other speaker hears nothing of it


def test_a_gain_changed_on_its_way_goes_on_from_where_it_is():
    x = np.ones((2, BLOCK * 130))
    convolver = unity()

    y, _ = play(
        convolver,
        x,
        {10: lambda: convolver.set_gain(0, 0.0), 40: lambda: convolver.set_gain(0, 1.0)},
    )

    assert 0.1 < y[0].min() < 0.9
    assert np.abs(np.diff(y[0])).max() < STEP
    assert y[0, -1] == pytest.approx(1.0)


def test_a_silent_beginning_rises_along_the_ramp():
    convolver = unity(19_200)  # 400 ms at 48 kHz
    convolver.begin_silent()

    y, _ = play(convolver, np.ones((2, BLOCK * 400)), {})

    first_50_ms = y[0, :2400]
    assert 20 * np.log10(np.sqrt(np.mean(first_50_ms**2))) < -28.0
    assert y[0, -1] == pytest.approx(1.0)


def test_a_gain_that_is_no_number_is_ignored():
    convolver = unity()

    y, _ = play(convolver, np.ones((2, BLOCK * 20)), {5: lambda: convolver.set_gain(0, np.nan)})

    np.testing.assert_allclose(y, 1.0)
