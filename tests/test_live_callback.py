"""The compiled callback: what it plays, what it obeys, what it shows, and what it needs."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("numba", reason="the convolver is compiled: pip install numba")

from scipy.signal import resample_poly

from live_run import (
    BLOCK,
    FS,
    NO_TIME,
    RAMP_FRAMES,
    ROUNDING,
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
from roomcal.dsp.loudness import pink_loudness_db
from roomcal.dsp.pink_noise import pink_noise_period
from roomcal.errors import InputError
from roomcal.live import callback
from roomcal.live import memory as m
from roomcal.live.panel import Panel
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank

# A sine that is sampled 22.5 degrees beside its crests at most, at a quarter of the sample rate:
# the standard allows a meter +0.2 and -0.4 dB (ITU-R BS.1770-5, attachment 1 to annex 2).
TRUE_PEAK_ABOVE_DB, TRUE_PEAK_BELOW_DB = 0.2, 0.4


def unity(n=2):
    return bank_of(*[np.ones(1)] * n)


def noise(rng, n_frames=FS, n_channels=2, level=0.1):
    return (level * rng.standard_normal((n_frames, n_channels))).astype(np.float32)


# --- what it plays ---


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("block", [16, 64, 100, 441, 480, 1024, 9000])
def test_it_plays_the_convolution_as_late_as_it_says(rng, dtype, block):
    bank = bank_of(room_filter(rng, 20_000), room_filter(rng, 20_000))
    prepared = running(bank, block=block, dtype=dtype)
    play(prepared, np.zeros((block * (20_000 // block + 2), 2)), block=block)
    x = noise(rng, block * (2 * FS // block))

    y = play(prepared, x, block=block)

    late = prepared.latency_samples
    assert late == (0 if block in (16, 64, 480, 1024) else prepared.convolver.latency_samples)
    reference = exact(x, bank)[: len(x) - late]
    tolerance = ROUNDING if dtype is np.float64 else 5 * ROUNDING
    np.testing.assert_allclose(y[late:], reference, atol=tolerance)
    counts = prepared.panel.meters().counts
    assert counts["missing_frames"] == 0
    assert counts["limited"] == counts["bad_blocks"] == counts["feedback_trips"] == 0


def test_a_host_that_varies_its_block_still_gets_every_frame(rng):
    prepared = started(running(unity()))
    x = noise(rng, 3 * 64 + 100 + 50)
    lengths, at, parts = [64, 100, 64, 50, 64], 0, []
    for n in lengths:
        parts.append(prepared.call(x[at : at + n]))
        at += n

    y = np.concatenate(parts)

    assert y.shape == x.shape
    assert np.isfinite(y).all()
    assert prepared.panel.meters().counts["missing_frames"] > 0


def test_a_matrix_of_32_channels_runs(rng):
    n = 32
    taps = np.zeros((n, n, 256))
    for o in range(n):
        taps[o, (o + 1) % n] = room_filter(rng, 256, level=0.4)
        taps[o, o, 9] = 0.4
    names = tuple(f"S{i}" for i in range(n))
    bank = FilterBank(taps, FS, names, names)
    prepared = started(running(bank), n)
    x = noise(rng, BLOCK * 150, n, level=0.05)

    y = play(prepared, x)

    expected = np.stack(
        [
            np.convolve(np.float64(x[:, (o + 1) % n]), taps[o, (o + 1) % n])[: len(x)]
            + np.convolve(np.float64(x[:, o]), taps[o, o])[: len(x)]
            for o in range(n)
        ],
        axis=1,
    )
    np.testing.assert_allclose(y, expected, atol=ROUNDING)


def test_a_host_without_input_gets_silence():
    prepared = started(running(unity()))
    y = np.full((BLOCK, 2), np.nan, dtype=np.float32)

    run = callback.PORT_AUDIO_TYPE(prepared.port_audio_address)
    answer = run(None, y.ctypes.data, BLOCK, None, 0, prepared.userdata_address)

    assert answer == 0
    assert not np.any(y)


def test_jack_gets_the_same_samples_from_buffers_of_its_own(rng):
    bank = bank_of(room_filter(rng), room_filter(rng))
    twin, prepared = running(bank), running(bank)
    x = noise(rng, BLOCK * 100)
    buffers = np.full((4, BLOCK), np.nan, dtype=np.float32)  # two inputs, two outputs

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    def get_buffer(port, n_frames):
        assert n_frames == BLOCK
        return buffers[port - 100].ctypes.data

    address = ctypes.cast(get_buffer, ctypes.c_void_p).value
    prepared.connect_ports([100, 101], [102, 103], get_buffer=address)
    run, parts = callback.JACK_TYPE(prepared.jack_address), []
    for start in range(0, len(x), BLOCK):
        buffers[:2] = x[start : start + BLOCK].T
        buffers[2:] = np.nan
        assert run(BLOCK, prepared.userdata_address) == 0
        parts.append(buffers[2:].T.copy())

    np.testing.assert_array_equal(np.concatenate(parts), play(twin, x))


# --- what it obeys ---


def after(prepared, x, **commands):
    """Output long after a command, beside the input."""
    y = play(prepared, x, {10: lambda: prepared.panel.command(**commands)})
    later = 10 * BLOCK + RAMP_FRAMES + BLOCK
    return y[later:], x[later:]


def test_commands_change_the_gain_of_every_speaker(rng):
    prepared = started(running(unity(3)), 3)
    x = noise(rng, FS // 2, 3)

    y, x_then = after(prepared, x, inverted=0b010, dim=1, dim_db=-12.0)
    np.testing.assert_allclose(y, x_then * [1, -1, 1] * 10 ** (-12 / 20), atol=ROUNDING)
    y, x_then = after(prepared, x, inverted=0, dim=0, solo=0b100)
    np.testing.assert_allclose(y, x_then * [0, 0, 1], atol=ROUNDING)
    prepared.panel.set_gain_db(2, -6.0)
    y, x_then = after(prepared, x, solo=0b110)
    np.testing.assert_allclose(y, x_then * [0, 1, 10 ** (-6 / 20)], atol=ROUNDING)
    y, _ = after(prepared, x, mute=1)
    assert not np.any(y)
    assert prepared.panel["serial_seen"] == prepared.panel["serial"]


def test_a_gain_moves_along_a_raised_cosine():
    prepared = started(running(unity()))
    x = np.full((BLOCK * 200, 2), 0.04, dtype=np.float32)  # less than DC would be

    y = play(prepared, x, {10: lambda: prepared.panel.command(dim=1, dim_db=-20.0)})

    w = raised_cosine((np.arange(len(x)) - 10 * BLOCK + 1) / RAMP_FRAMES)[:, None]
    np.testing.assert_allclose(y, x * (1 + (0.1 - 1) * w), atol=ROUNDING)


@pytest.mark.parametrize("gain_db", [np.nan, np.inf, 90.0])
def test_a_gain_that_is_none_or_too_much_hurts_nobody(rng, gain_db):
    prepared = started(running(unity()))
    prepared.panel.set_gain_db(0, gain_db)

    y = play(prepared, noise(rng, level=0.3))

    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 10 ** (-0.3 / 20)


def test_nothing_is_obeyed_before_it_is_announced(rng):
    prepared = started(running(unity()))
    x = noise(rng)
    play(prepared, x[:BLOCK])

    prepared.panel["mute"] = 1
    y = play(prepared, x)

    np.testing.assert_allclose(y, x, atol=ROUNDING)


def test_a_bypass_is_as_late_and_as_loud_as_the_bank():
    late, n = 256, 4 * FS
    rng = np.random.default_rng(5)
    h = [np.concatenate([np.zeros(late), room_filter(rng)]) for _ in range(2)]
    bank = bank_of(*h, latency=late)
    prepared = started(running(bank))
    wave = pink_noise_period(n, FS, low_hz=20.0, high_hz=18_000.0, level_dbfs=-20.0, seed=2)
    x = np.stack([wave, np.roll(wave, n // 3)], axis=1).astype(np.float32)
    x = np.concatenate([x, x])

    corrected = play(prepared, x)[n:]
    prepared.panel.command(bypass=1)
    plain = play(prepared, x)[n:]

    gain = 10 ** (prepared.slots[0].bypass_gain_db / 20)
    np.testing.assert_allclose(plain, gain * np.roll(x, late, axis=0)[n:], atol=ROUNDING)
    meters = prepared.panel.meters()
    assert (meters.counts["slot"], meters.counts["bypassed"]) == (0, 1)
    # The rms of both differs by what the ear does not hear as loudness; the weighting is checked.
    assert pink_loudness_db(bank.taps, FS) == pytest.approx(
        prepared.slots[0].bypass_gain_db, abs=1e-6
    )
    assert abs(level_db(corrected) - level_db(plain)) < 3.0


def test_a_bank_loaded_while_another_plays_disturbs_nothing(rng):
    old, new = (bank_of(room_filter(rng, 20_000), room_filter(rng, 20_000)) for _ in range(2))
    prepared = started(running(old))
    x = noise(rng, 2 * FS)
    actions = {
        200: lambda: prepared.load(1, new),
        300: lambda: prepared.panel.command(wanted=1),
    }

    y = play(prepared, x, actions)

    first = 300 * BLOCK + 2 * prepared.convolver.plan.longest * BLOCK
    before, later = exact(x, old), exact(x, new)
    w = raised_cosine((np.arange(len(x)) - first + 1) / RAMP_FRAMES)[:, None]
    np.testing.assert_allclose(y, before * (1 - w) + later * w, atol=ROUNDING)
    assert prepared.panel.meters().counts["swaps"] == 1


@pytest.mark.parametrize(
    ("bank", "fault"),
    [
        (bank_of(np.ones(1)), "RC-305"),
        (bank_of(np.ones(1), np.ones(1), fs=96_000), "RC-311"),
        (bank_of(np.full(1, 200.0), np.ones(1)), "RC-316"),
        (bank_of(np.ones(90_000), np.ones(1)), "RC-316"),
    ],
)
def test_a_bank_that_does_not_fit_is_refused_and_nothing_changes(rng, bank, fault):
    prepared = started(running(unity()))

    with pytest.raises(InputError) as told:
        prepared.load(1, bank)

    assert told.value.fault == fault
    x = noise(rng)
    np.testing.assert_allclose(play(prepared, x), x, atol=ROUNDING)


@pytest.mark.parametrize("bypass", [0, 1])
def test_a_slot_that_is_heard_is_not_loaded(rng, bypass):
    prepared = started(running(unity()))
    play(prepared, noise(rng), {0: lambda: prepared.panel.command(bypass=bypass)})

    with pytest.raises(ValueError, match="being heard"):
        prepared.load(0, unity())

    x = noise(rng)
    np.testing.assert_allclose(play(prepared, x), x, atol=ROUNDING)


# --- what it shows ---


def test_meters_show_peaks_until_they_are_reset(rng):
    prepared = started(running(unity()))
    x = noise(rng, FS // 2)
    x[1000, 0], x[2000, 1] = 0.7, -0.9

    y = play(prepared, x)
    seen = prepared.panel.meters()
    play(prepared, np.zeros((BLOCK, 2)))  # what lies between two samples belongs to both
    prepared.panel.reset_meters()
    play(prepared, 0.01 * x[: BLOCK * 10])
    anew = prepared.panel.meters()

    np.testing.assert_array_equal(seen.input_peak, np.abs(x).max(axis=0))
    np.testing.assert_array_equal(seen.output_peak, np.abs(y).max(axis=0))
    assert (seen.true_peak >= seen.output_peak).all()
    assert (anew.true_peak < 0.02).all()
    assert seen.counts["callbacks"] == (FS // 2) // BLOCK + 301
    assert seen.counts["frames"] == FS // 2 + 301 * BLOCK
    assert seen.counts["input_overs"] == 0


@pytest.mark.parametrize("phase_deg", [0.0, 22.5, 45.0])
@pytest.mark.parametrize("f_share", [1 / 4, 1 / 6, 0.05])
def test_the_true_peak_lies_between_the_samples(f_share, phase_deg):
    prepared = started(running(unity()))
    n = np.arange(FS // 2)
    fade = np.minimum(1.0, n / 4800)
    wave = 0.8 * fade * np.sin(2 * np.pi * f_share * n + np.deg2rad(phase_deg))
    x = np.stack([wave, resample_poly(wave, 1, 1)], axis=1)

    play(prepared, x)

    true_db = 20 * np.log10(prepared.panel.meters().true_peak / 0.8)
    assert (true_db < TRUE_PEAK_ABOVE_DB).all()
    assert (true_db > -TRUE_PEAK_BELOW_DB).all()


def test_samples_beyond_full_scale_are_counted_and_none_leaves():
    prepared = started(running(unity()))
    x = sine(100, FS // 4, level=0.5)
    x[5000:5007] = 1.5

    play(prepared, x)

    counts = prepared.panel.meters().counts
    assert (counts["input_overs"], counts["clipped"], counts["limited"]) == (14, 0, 1)


def test_the_load_is_measured_with_the_clock_of_the_system(rng):
    prepared = prepare([unity()], block=BLOCK)
    start = time.perf_counter()

    play(prepared, noise(rng, BLOCK * 200))

    meters = prepared.panel.meters()
    assert 0 < meters.load_mean_ns <= meters.counts["load_max_ns"]
    assert meters.counts["load_total_ns"] < 1e9 * (time.perf_counter() - start)


def test_commands_and_meters_live_in_memory_of_the_caller(rng):
    memory = bytearray(8 * 1024)
    panel = Panel(memory)

    prepared = prepare([unity()], block=BLOCK, panel=panel, clock=NO_TIME)
    play(prepared, noise(rng, BLOCK * 3))

    assert Panel(memory).meters().counts["callbacks"] == 3


# --- what it needs ---


def test_it_runs_while_another_thread_holds_the_interpreter():
    prepared = started(running(unity()))
    n = 200 * 8192
    x, y = np.zeros((n, 2), np.float32), np.zeros((n, 2), np.float32)
    run = callback.PORT_AUDIO_TYPE(prepared.port_audio_address)
    before, interval = prepared.panel["frames"], sys.getswitchinterval()
    arguments = (x.ctypes.data, y.ctypes.data, n, None, 0, prepared.userdata_address)
    worker = threading.Thread(target=run, args=arguments)
    try:
        sys.setswitchinterval(1000.0)  # this thread keeps the interpreter from here on
        worker.start()  # waits until the other has begun
        deadline = time.monotonic() + 60
        while prepared.panel["frames"] == before and time.monotonic() < deadline:
            pass
        done = prepared.panel["frames"] - before
    finally:
        sys.setswitchinterval(interval)
    worker.join()

    assert done == n


@pytest.mark.slow
def test_what_is_compiled_once_is_announced_once(tmp_path):
    program = """
import numpy
from roomcal.live.callback import compile_ahead
for _ in range(2):
    compile_ahead(numpy.float32, announce=lambda: print("compiling"))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout
        for _ in range(2)
    ]

    assert said == ["compiling\n", ""]


def test_denormal_numbers_cost_nothing_and_the_host_keeps_its_own_rules():
    prepared = started(running(unity()))

    y = prepared.call(np.full((BLOCK, 2), 1e-42, dtype=np.float32))

    assert not np.any(y)
    assert np.float32(1e-38) * np.float32(0.01) != 0.0  # still denormal in this thread


def test_all_memory_is_aligned():
    prepared = running(unity())

    for place in (m.X, m.Y, m.LINE, m.NEED, m.NUMBERS, m.POOL):
        assert prepared.state[place] % 64 == 0
    assert prepared.userdata_address % 64 == 0
