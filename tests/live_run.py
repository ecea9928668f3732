"""A running engine without a sound card: blocks go through the compiled callback, one by one."""

import numpy as np
from scipy.signal import oaconvolve

from roomcal.live.clock import Clock
from roomcal.live.memory import NO_CLOCK
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank

FS = 48_000
BLOCK = 64
START_FRAMES = 19_200  # 400 ms: the ramp at the start
RAMP_FRAMES = 4080  # 85 ms: gains and crossfades
NO_TIME = Clock(NO_CLOCK)
ROUNDING = 4e-7  # of 32-bit floats, with some room: re full scale


def bank_of(*filters, latency=0, fs=FS, headroom_db=0.0):
    """One speaker for each filter, fed by the input of the same name."""
    n = max(len(h) for h in filters)
    taps = np.zeros((len(filters), len(filters), n))
    for i, h in enumerate(filters):
        taps[i, i, : len(h)] = h
    names = tuple(f"S{i}" for i in range(len(filters)))
    return FilterBank(
        taps, fs, inputs=names, outputs=names, latency_samples=latency, headroom_db=headroom_db
    )


def room_filter(rng, n_taps=4096, level=0.3):
    """A direct sound and decaying noise, below 0 dB for every sine."""
    h = 0.2 * rng.standard_normal(n_taps) * np.exp(-10 * np.arange(n_taps) / n_taps)
    h[0] = 1.0
    return level * h / np.abs(np.fft.rfft(h, 4 * n_taps)).max()


def running(*banks, **options):
    """Prepare without a clock, so that nothing depends on how busy the machine is."""
    return prepare(banks, **{"block": BLOCK, "clock": NO_TIME} | options)


def play(prepared, x, actions=None, *, block=BLOCK, feedback=None):
    """Feed (n_frames, n_inputs) block by block; actions by number of block come before it.

    `feedback` is (gain, delay in blocks): the output is added to a later input.
    """
    x, parts = np.array(x, dtype=np.float32), []
    for number, start in enumerate(range(0, len(x), block)):
        (actions or {}).get(number, lambda: None)()
        now = x[start : start + block]
        if feedback and number >= feedback[1]:
            now = now + np.float32(feedback[0]) * parts[number - feedback[1]][: len(now)]
        parts.append(prepared.call(now))
    return np.concatenate(parts)


def started(prepared, n_channels=2):
    """Let the start ramp pass in silence; forget what the meters saw."""
    play(prepared, np.zeros((START_FRAMES + BLOCK, n_channels)))
    prepared.panel.reset_meters()
    assert prepared.panel.meters().state == "running"
    return prepared


def exact(x, bank, *, trim_db=0.0):
    """Convolution in double precision by another implementation, (n_frames, n_outputs)."""
    x = np.float64(x)
    ys = [oaconvolve(x[:, i], bank.taps[i, i])[: len(x)] for i in range(x.shape[1])]
    return np.stack(ys, axis=1) * 10 ** (-trim_db / 20)


def sine(f_hz, n_frames, *, n_channels=2, level=1.0, fs=FS):
    wave = level * np.sin(2 * np.pi * f_hz / fs * np.arange(n_frames))
    return np.repeat(wave[:, None], n_channels, axis=1).astype(np.float32)


def raised_cosine(u):
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(u, 0.0, 1.0))


def level_db(x):
    return 20 * np.log10(np.sqrt(np.mean(np.square(x))) + 1e-30)
