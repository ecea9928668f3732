"""Faults while the convolver runs (rows 35 to 41), driven through the compiled callback."""

import ctypes

import numpy as np
import pytest

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

from live_run import (
    BLOCK,
    FS,
    RAMP_FRAMES,
    ROUNDING,
    START_FRAMES,
    bank_of,
    exact,
    level_db,
    play,
    raised_cosine,
    room_filter,
    running,
    sine,
    started,
)
from roomcal.errors import InputError
from roomcal.live.clock import Clock
from roomcal.live.memory import CLOCK_IN_MEMORY

CEILING = 10 ** (-0.3 / 20)
STEP = 1e-3  # beyond the signal's own slope


def unity(n=2):
    return bank_of(*[np.ones(1)] * n)


def biggest_step(y):
    return np.abs(np.diff(y, axis=0)).max()


def peak_slope(x):
    return np.abs(np.diff(x, axis=0)).max()


# --- 35: the wrong rate ---


def test_fault_35_a_bank_of_another_rate_never_runs():
    prepared = running(unity())

    with pytest.raises(InputError, match=r"no filter for 48000 Hz; the bank has 44100 Hz") as told:
        prepared.load(1, bank_of(np.ones(1), np.ones(1), fs=44_100))

    assert told.value.fault == "RC-311"
    assert prepared.slots[1] is None
    with pytest.raises(InputError, match="no filter for 48000"):
        running(unity(), bank_of(np.ones(1), np.ones(1), fs=44_100))


def test_fault_35_a_slot_that_was_not_loaded_is_not_heard(rng):
    prepared = started(running(unity()))
    x = 0.1 * rng.standard_normal((BLOCK * 300, 2))

    y = play(prepared, x, {10: lambda: prepared.panel.command(wanted=1)})

    np.testing.assert_allclose(y, x, atol=ROUNDING)
    assert prepared.panel["slot"] == 0


# --- 36: too much gain ---


def test_fault_36_a_bank_that_amplifies_is_lowered_before_it_plays():
    prepared = started(running(bank_of(np.full(1, 4.0), np.full(1, 2.0))))
    x = sine(1000, FS // 2)

    y = play(prepared, x)

    assert prepared.slots[0].trim_db == pytest.approx(20 * np.log10(4.0), abs=1e-6)
    assert np.abs(y).max() <= CEILING
    # As loud as full scale allows, and the balance between the speakers is what it was.
    settled = y[FS // 4 :]
    assert level_db(settled[:, 0]) - level_db(settled[:, 1]) == pytest.approx(6.02, abs=0.3)


@pytest.mark.parametrize("block", [16, 64, 480, 1024])
def test_fault_36_the_worst_input_stays_below_the_ceiling(rng, block):
    h = room_filter(rng, level=1.0)
    prepared = running(bank_of(h, h), block=block)
    play(prepared, np.zeros((START_FRAMES + block, 2)), block=block)
    # Full scale, with the sign that adds every tap up; again and again.
    worst = np.sign(h[::-1]) + (h[::-1] == 0)
    x = np.tile(np.concatenate([worst, np.zeros(12_000)]), 4)
    x = np.repeat(x[:, None], 2, axis=1)

    y = play(prepared, x, block=block)

    meters = prepared.panel.meters()
    assert np.abs(exact(x, bank_of(h, h))).max() > 1.2  # it would have clipped
    assert np.abs(y).max() <= CEILING
    assert meters.counts["clipped"] == 0
    assert 4 <= meters.counts["limited"] <= 40
    assert meters.limiter_gain < 0.85
    assert meters.counts["feedback_trips"] == 0


def test_fault_36_a_full_scale_square_is_held_at_the_ceiling():
    prepared = started(running(unity()))
    x = np.sign(sine(220.5, 2 * FS, level=1.0) + 1e-9)

    y = play(prepared, x)

    assert np.abs(y).max() <= CEILING
    assert np.abs(y[FS:]).max() > 0.99 * CEILING
    assert prepared.panel.meters().counts["feedback_trips"] == 0


def test_fault_36_what_stays_below_the_ceiling_is_not_touched(rng):
    bank = bank_of(room_filter(rng), room_filter(rng))
    prepared = started(running(bank))
    x = np.clip(0.3 * rng.standard_normal((FS, 2)), -1, 1).astype(np.float32)

    y = play(prepared, x)

    np.testing.assert_allclose(y, exact(x, bank), atol=ROUNDING)
    assert prepared.panel.meters().counts["limited"] == 0


def test_fault_36_a_lookahead_lowers_the_gain_in_time_and_counts_as_latency():
    late = 72  # 1.5 ms
    prepared = started(running(unity(), lookahead_s=late / FS))
    x = sine(300, FS // 2, level=0.5)
    x[FS // 4 : FS // 4 + 2] = 1.9  # a click

    y = play(prepared, x)

    assert prepared.latency_samples == late
    assert np.abs(y).max() <= CEILING
    before = slice(late, FS // 4)
    np.testing.assert_allclose(y[before], x[: FS // 4 - late], atol=ROUNDING)
    # The gain falls along a line over the lookahead; it does not jump.
    around = slice(FS // 4, FS // 4 + late - 2)
    gain = y[around, 0] / x[FS // 4 - late : FS // 4 - 2, 0]
    assert np.nanmax(np.abs(np.diff(gain))) < 1.5 / late


# --- 37: what is no number ---


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -3e5])
@pytest.mark.parametrize("length", [1, BLOCK, 5 * BLOCK])
def test_fault_37_a_fault_in_the_input_is_silenced_and_sound_is_back_in_50_ms(rng, value, length):
    bank = bank_of(room_filter(rng), room_filter(rng))
    prepared = started(running(bank))
    x = (0.2 * rng.standard_normal((FS, 2))).astype(np.float32)
    at = FS // 2 + 10
    x[at : at + length, 1] = value
    rest = round(0.015 * FS) + BLOCK  # the input rests for 15 ms behind the block

    with np.errstate(invalid="ignore", over="ignore"):
        y = play(prepared, x)

    assert np.isfinite(y).all()
    assert np.abs(y).max() <= CEILING
    block = at - at % BLOCK  # which the fade begins with
    np.testing.assert_allclose(y[:block], exact(x[:block], bank), atol=ROUNDING)
    clean = x.copy()
    clean[at : at + length + rest + BLOCK] = 0.0
    back = at + length + round(0.05 * FS)
    reference = exact(clean, bank)
    # Nothing of the fault is left: what is heard is what was good. The decay of the input is.
    difference = (y - reference)[back:]
    assert level_db(difference) < level_db(reference[back:]) - 25
    later = back + 4096 + BLOCK
    np.testing.assert_allclose(y[later:], reference[later:], atol=ROUNDING)
    assert prepared.panel.meters().counts["bad_blocks"] >= 1
    assert prepared.panel.meters().state == "running"


def test_fault_37_it_fades_where_a_cut_would_click():
    prepared = started(running(unity()))
    x = sine(100, FS // 2)
    x[FS // 4 : FS // 4 + 2 * BLOCK] = np.nan

    y = play(prepared, x)

    # Each fade is a raised cosine of at least 3 ms: pi / 2 / 144 a frame at most, twice at once.
    assert biggest_step(y) < peak_slope(sine(100, FS // 2)) + 2 * np.pi / 2 / 144


def test_fault_37_a_bank_with_nan_is_no_bank():
    taps = np.ones(900)
    taps[812] = np.nan

    with pytest.raises(ValueError, match="NaN"):
        bank_of(taps, taps)


# --- 38: DC ---


@pytest.mark.parametrize("music", [0.0, 0.4])
def test_fault_38_dc_is_faded_out_after_100_ms_and_only_then(music):
    prepared = started(running(unity()))
    n = 2 * FS
    x = 0.1 + music * sine(57, n) + np.zeros((n, 2), dtype=np.float32)

    y = play(prepared, x)

    meters = prepared.panel.meters()
    assert meters.counts["dc_mutes"] == 1
    assert (meters.state, meters.reason) == ("muted", "DC")
    silent = np.flatnonzero(np.abs(y).max(axis=1) > 0)[-1] / FS
    assert 0.1 < silent < (0.2 if music == 0 else 0.4)
    if music == 0.0:
        np.testing.assert_allclose(y[: round(0.095 * FS)], 0.1, atol=1e-6)
        assert biggest_step(y) < STEP


@pytest.mark.parametrize("f_hz", [15, 20, 33])
def test_fault_38_deep_bass_at_full_scale_is_no_dc(f_hz):
    prepared = started(running(unity()))
    x = sine(f_hz, 2 * FS, level=0.96)

    y = play(prepared, x)

    assert prepared.panel.meters().counts["dc_mutes"] == 0
    np.testing.assert_allclose(y, x, atol=ROUNDING)  # and no filter is in its path


def test_fault_38_sound_comes_back_when_the_dc_is_gone():
    prepared = started(running(unity()))
    x = np.concatenate([np.full((FS // 2, 2), 0.3), sine(440, 3 * FS, level=0.5)])

    y = play(prepared, x)

    assert prepared.panel.meters().state == "running"
    np.testing.assert_allclose(y[-FS:], x[-FS:], atol=ROUNDING)
    assert biggest_step(y[FS:]) < peak_slope(x[FS:]) + STEP


# --- 39: start, stop, swap ---


def test_fault_39_sound_starts_along_a_ramp_of_400_ms():
    prepared = running(unity())
    x = sine(1000, FS)

    y = play(prepared, x * 0.9)

    expected = raised_cosine(np.arange(1, FS + 1) / START_FRAMES)[:, None] * x * 0.9
    np.testing.assert_allclose(y, expected, atol=ROUNDING)
    first = slice(0, round(0.05 * FS))
    assert level_db(y[first]) < level_db(0.9 * x[first]) - 28


def test_fault_39_sound_stops_along_a_ramp_and_starts_again():
    prepared = started(running(unity()))
    x = sine(50, 2 * FS, level=0.96)

    y = play(
        prepared,
        x,
        {
            100: lambda: prepared.panel.command(stop=1),
            300: lambda: prepared.panel.command(stop=0),
        },
    )

    assert biggest_step(y) < peak_slope(x) + STEP
    stopped = 100 * BLOCK + round(0.05 * FS)
    assert not np.any(y[stopped : 300 * BLOCK])
    assert np.abs(y[stopped - round(0.03 * FS) : stopped]).max() > 0.01  # it did fade
    np.testing.assert_allclose(y[-FS:], x[-FS:], atol=ROUNDING)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fault_39_a_swap_under_a_full_scale_sine_is_the_crossfade(dtype):
    old, new = np.zeros(20_000), np.zeros(20_000)
    old[0], new[40] = 0.95, -0.5  # another delay, level and polarity
    banks = bank_of(old, old), bank_of(new, new)
    prepared = started(running(*banks, dtype=dtype))
    x = sine(100, FS)

    y = play(prepared, x, {200: lambda: prepared.panel.command(wanted=1)})

    assert prepared.panel["slot"] == 1
    before, after = exact(x, banks[0]), exact(x, banks[1])
    start = 200 * BLOCK + 2 * prepared.convolver.plan.longest * BLOCK
    w = raised_cosine((np.arange(len(x)) - start + 1) / RAMP_FRAMES)[:, None]
    tolerance = ROUNDING if dtype is np.float64 else 3 * ROUNDING
    np.testing.assert_allclose(y, before * (1 - w) + after * w, atol=tolerance)
    assert biggest_step(y[100:]) < peak_slope(x) + STEP


@pytest.mark.parametrize(
    "commands",
    [{"mute": 1}, {"dim": 1, "dim_db": -20.0}, {"inverted": 3}, {"solo": 1}, {"bypass": 1}],
    ids=str,
)
def test_fault_39_no_command_makes_a_step(commands):
    bank = bank_of(np.full(1, 0.95), np.full(1, 0.95))
    prepared = started(running(bank))
    x = sine(50, FS)

    y = play(prepared, x, {150: lambda: prepared.panel.command(**commands)})

    assert biggest_step(y) < peak_slope(x) + STEP


# --- 40: feedback ---


@pytest.mark.parametrize("delay_blocks", [1, 4, 16, 30])
@pytest.mark.parametrize("start", ["noise", "click"])
def test_fault_40_a_loop_at_1_db_is_muted_within_a_second_of_getting_loud(rng, delay_blocks, start):
    prepared = started(running(unity()))
    x = np.zeros((6 * FS, 2))
    if start == "noise":
        x += 10 ** (-40 / 20) * rng.standard_normal(x.shape)
    else:
        x[0] = 10 ** (-20 / 20)

    y = play(prepared, x, feedback=(10 ** (1 / 20), delay_blocks))

    meters = prepared.panel.meters()
    assert meters.counts["feedback_trips"] == 1
    assert (meters.state, meters.reason) == ("muted", "feedback")
    peaks = np.abs(y).reshape(-1, FS // 20, 2).max(axis=(1, 2))  # of every 50 ms
    assert np.count_nonzero(peaks > 0.5) * 0.05 < 1.0
    assert not np.any(y[2 * FS :])


@pytest.mark.parametrize("dc_at_s", [0.7, 0.8, 0.9, 1.0])
def test_fault_40_a_mute_for_dc_while_the_loop_is_asked_is_no_answer(rng, dc_at_s):
    """The input falls as nothing is heard: taken for a no, it would be loud for ten seconds."""
    prepared = started(running(unity()))
    x = 0.05 * rng.standard_normal((6 * FS, 2))
    x[round(dc_at_s * FS) : round((dc_at_s + 0.25) * FS)] += 0.2

    y = play(prepared, x, feedback=(10 ** (1 / 20), 16))

    meters = prepared.panel.meters()
    assert meters.reason == "feedback"
    peaks = np.abs(y).reshape(-1, FS // 20, 2).max(axis=(1, 2))  # of every 50 ms
    assert np.count_nonzero(peaks > 0.5) * 0.05 < 1.6  # until the DC, and once more
    assert not np.any(y[4 * FS :])


def test_fault_40_a_loop_that_closes_under_loud_music_is_muted_too(rng):
    prepared = started(running(unity()))
    x = 0.4 * sine(200, 3 * FS) + 0.05 * rng.standard_normal((3 * FS, 2))

    y = play(prepared, x, feedback=(10 ** (1 / 20), 8))

    assert prepared.panel.meters().reason == "feedback"
    assert np.flatnonzero(np.abs(y).max(axis=1))[-1] / FS < 1.1


def test_fault_40_only_rearming_brings_sound_back(rng):
    prepared = started(running(unity()))
    play(prepared, 0.01 * rng.standard_normal((2 * FS, 2)), feedback=(1.122, 4))
    assert prepared.panel.meters().reason == "feedback"
    x = sine(440, 2 * FS, level=0.5)

    muted = play(prepared, x, {5: lambda: prepared.panel.command(wanted=0, mute=0, stop=0)})
    heard = play(prepared, x, {0: prepared.panel.rearm})

    assert not np.any(muted)
    np.testing.assert_allclose(heard[-FS:], x[-FS:], atol=ROUNDING)
    assert prepared.panel.meters().state == "running"


def loud_attack():
    x = np.zeros((2 * FS, 2))
    x[FS // 2 :] = 1.3 * sine(300, 3 * FS // 2)
    x[FS:] = 0
    return x


def fade_in(power):
    u = np.clip(np.arange(2 * FS) / FS, 0, 1)[:, None]
    return 1.2 * u**power * sine(300, 2 * FS) * (np.arange(2 * FS) < 1.6 * FS)[:, None]


def reversed_decay():
    """A note played backwards: it rises as a loop does, and then it is over."""
    rise = 10 ** (-60 * (1 - np.arange(FS) / FS) / 20)[:, None]
    return np.concatenate([rise * sine(80, FS), np.zeros((FS, 2))])


def hot_mix():
    """Drums far above full scale: the limiter works, and pauses."""
    t = np.arange(4 * FS) / FS
    hits = 2.0 * np.exp(-(t % 0.25) / 0.04)
    return hits[:, None] * sine(60, 4 * FS) + 0.3 * sine(440, 4 * FS)


@pytest.mark.parametrize(
    "x",
    [loud_attack(), fade_in(1), fade_in(2), reversed_decay(), hot_mix()],
    ids=["attack", "linear fade", "square fade", "reversed", "hot mix"],
)
def test_fault_40_what_is_only_loud_is_no_loop(x):
    prepared = started(running(unity()))

    play(prepared, x)

    assert prepared.panel.meters().counts["feedback_trips"] == 0
    assert prepared.panel.meters().state == "running"


@pytest.mark.parametrize("gain_db", [-1.0, -6.0])
def test_fault_40_a_loop_that_dies_away_is_left_alone(rng, gain_db):
    prepared = started(running(unity()))

    play(prepared, 0.02 * rng.standard_normal((3 * FS, 2)), feedback=(10 ** (gain_db / 20), 4))

    assert prepared.panel.meters().state == "running"


# --- 41: too little time ---


class Hand:
    """A clock that stands until it is moved, or moves a little at every look."""

    def __init__(self):
        self._time = (ctypes.c_int64 * 2)(1_000_000_000, 0)
        self.clock = Clock(CLOCK_IN_MEMORY, ctypes.addressof(self._time))

    def move(self, seconds):
        self._time[0] += round(1e9 * seconds)

    def slow_down(self, load):
        """Let a callback take this share of its time."""
        self._time[1] = round(1e9 * load * BLOCK / FS)


def play_in_time(prepared, hand, x, *, pauses=()):
    """Feed blocks in real time; a pause comes before the block of its number."""
    pauses, parts = dict(pauses), []
    for number, start in enumerate(range(0, len(x), BLOCK)):
        hand.move(pauses.get(number, 0.0))
        parts.append(prepared.call(x[start : start + BLOCK]))
        hand.move(BLOCK / FS)
    return np.concatenate(parts)


def test_fault_41_a_callback_200_ms_late_is_counted_and_makes_no_burst():
    hand = Hand()
    prepared = running(unity(), clock=hand.clock)
    x = sine(440, 2 * FS, level=0.9)
    at = 700

    y = play_in_time(prepared, hand, x, pauses={at: 0.2})

    meters = prepared.panel.meters()
    assert meters.counts["late"] == 1
    assert meters.state == "running"  # no exit
    # The device was silent during the gap; sound comes back along 20 ms, and is on time.
    first = at * BLOCK
    w = raised_cosine(np.arange(1, 961) / 960)[:, None]
    np.testing.assert_allclose(y[first : first + 960], w * x[first : first + 960], atol=ROUNDING)
    np.testing.assert_allclose(y[first + 960 :], x[first + 960 :], atol=ROUNDING)


def test_fault_41_delays_that_a_device_has_buffers_for_change_nothing():
    hand = Hand()
    prepared = running(unity(), clock=hand.clock)
    x = sine(440, 2 * FS, level=0.9)

    y = play_in_time(prepared, hand, x, pauses={700: 0.05, 900: 0.1})

    assert prepared.panel.meters().counts["late"] == 0
    np.testing.assert_allclose(y[START_FRAMES:], x[START_FRAMES:], atol=ROUNDING)


def test_fault_41_flags_of_the_host_are_counted_and_no_sample_changes():
    prepared = started(running(unity()))
    x = sine(440, BLOCK * 20, level=0.9)

    parts = [prepared.call(x[i * BLOCK : (i + 1) * BLOCK], flags=4 * (i == 7)) for i in range(20)]

    np.testing.assert_allclose(np.concatenate(parts), x, atol=ROUNDING)
    counts = prepared.panel.meters().counts
    assert (counts["host_events"], counts["host_flags"]) == (1, 4)


@pytest.mark.parametrize("told", [True, False])
def test_fault_34_a_device_that_was_away_comes_back_with_the_ramp_of_a_start(rng, told):
    hand = Hand()
    bank = bank_of(room_filter(rng), room_filter(rng))
    prepared = running(bank, clock=hand.clock)
    x = sine(440, FS, level=0.9)
    play_in_time(prepared, hand, x)

    hand.move(5.0)
    if told:
        prepared.restart()
    y = play_in_time(prepared, hand, x)

    w = raised_cosine(np.arange(1, FS + 1) / START_FRAMES)[:, None]
    np.testing.assert_allclose(y, w * exact(x, bank), atol=ROUNDING)  # and nothing of the past


def test_fault_41_an_engine_that_is_too_slow_rests_in_silence_and_comes_back():
    hand = Hand()
    prepared = running(unity(), clock=hand.clock)
    x = sine(440, FS, level=0.9)
    play_in_time(prepared, hand, x)

    hand.slow_down(1.5)
    slow = play_in_time(prepared, hand, x[: FS // 4])
    state = prepared.panel.meters()
    hand.slow_down(0.3)
    after = play_in_time(prepared, hand, np.tile(x, (3, 1)))

    assert (state.state, state.reason) == ("muted", "overload")
    assert state.counts["overloads"] == 1
    assert not np.any(slow[-BLOCK:])
    assert not np.any(after[: FS // 2])  # it rests for a second
    np.testing.assert_allclose(after[-FS:], x, atol=ROUNDING)
    assert prepared.panel.meters().state == "running"
    assert biggest_step(after) < peak_slope(x) + STEP
