"""Ten minutes of audio through the live callback while somebody plays with every command.

The callback runs in a thread of its own, which never has the interpreter; another thread swaps
banks, bypasses, mutes, dims, inverts, solos, changes gains, and loads banks into spare slots. The
audio is not paced, so that ten minutes of it take less. Input and banks are such that the output
has a known largest slope: what steps further is a click.
"""

import threading
import time
from pathlib import Path

import numba
import numpy as np
from scipy.signal import oaconvolve

from roomcal.live import callback
from roomcal.live.prepare import prepare
from roomcal.model.filter_bank import FilterBank

FS, BLOCK, N_TAPS, N_BANKS = 48_000, 64, 65_536, 3
PERIOD_S = 2  # the input repeats: its frequencies are whole hertz
STEP = 1e-3  # beyond the slope
MAX_GAIN_DB = 3.0  # of the random gains
SETTLED_S = 4  # after the last command: crossfade, filter, and the longest partitions
_run_type = callback.PORT_AUDIO_TYPE


def banks(rng):
    """Make filters whose every gain is at most 1, for two speakers."""
    made = []
    for _ in range(N_BANKS + 2):
        taps = np.zeros((2, 2, N_TAPS))
        for i in range(2):
            h = 0.1 * rng.standard_normal(N_TAPS) * np.exp(-12 * np.arange(N_TAPS) / N_TAPS)
            h[20] += 1.0
            taps[i, i] = 0.99 * h / np.abs(np.fft.rfft(h, 4 * N_TAPS)).max()
        made.append(FilterBank(taps, FS, ("L", "R"), ("L", "R"), latency_samples=20))
    return made


def tones(rng):
    """Make low tones of one period, (frames, 2); the largest slope they can have at gain 1."""
    f_hz = rng.choice(np.arange(40, 400), size=8, replace=False).astype(float)
    phase = rng.uniform(0, 2 * np.pi, (8, 2))
    t = np.arange(PERIOD_S * FS)[:, None, None] / FS
    level = 0.08
    x = np.sum(level * np.sin(2 * np.pi * f_hz[:, None] * t + phase), axis=1)
    return x.astype(np.float32), float(np.sum(level * 2 * np.pi * f_hz / FS))


def resident_kb():
    """Return the resident memory of this process; NaN where the system does not tell so simply."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return float(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def player(address, user):
    """Compile a loop that calls the callback block after block, as an audio thread does."""
    run = _run_type(address)

    @numba.njit(nogil=True)
    def play(x_at, y_at, n_blocks):
        for number in range(n_blocks):
            offset = number * BLOCK * 8  # two channels of 4 bytes
            run(x_at + offset, y_at + offset, BLOCK, 0, 0, user)

    return play


def one_command(rng, prepared, spare):
    """Do one thing that somebody at the desk, or a script, might do."""
    panel = prepared.panel
    kind = int(rng.integers(8)) if rng.random() < 0.97 else 8
    if kind <= 2:
        loaded = [n for n, slot in enumerate(prepared.slots) if slot is not None]
        panel.command(wanted=int(rng.choice(loaded)), bypass=int(rng.integers(2)))
    elif kind == 3:
        panel.command(mute=int(rng.random() < 0.3))
    elif kind == 4:
        panel.command(dim=int(rng.integers(2)), dim_db=float(rng.uniform(-40, 0)))
    elif kind == 5:
        panel.command(inverted=int(rng.integers(4)), solo=int(rng.integers(4)))
    elif kind == 6:
        panel.set_gain_db(int(rng.integers(2)), float(rng.uniform(-20, MAX_GAIN_DB)))
    elif kind == 7:
        panel.command(stop=int(rng.random() < 0.2))
    else:
        heard = {int(panel["slot"]), int(panel["wanted"])}
        free = [n for n in range(len(prepared.slots)) if n not in heard]
        if free and not panel["swapping"]:
            prepared.load(int(rng.choice(free)), spare[int(rng.integers(len(spare)))])


def soak(minutes):
    """Play; return growth of resident memory in MB, bad samples, and the last error in dB."""
    rng = np.random.default_rng(6)
    made = banks(rng)
    prepared = prepare(made[:N_BANKS], block=BLOCK, n_spare=2)
    x, slope = tones(rng)
    play = player(prepared.port_audio_address, prepared.userdata_address)
    n_blocks = len(x) // BLOCK
    y = np.zeros_like(x)
    allowed = slope * 10 ** (MAX_GAIN_DB / 20) + STEP
    ceiling = 10 ** (-0.3 / 20)
    bad, last, done_s = 0, np.zeros((1, 2), np.float32), 0.0
    state = {"end": False, "commands": 0}

    def disturb():
        while not state["end"]:
            one_command(rng, prepared, made)
            state["commands"] += 1
            time.sleep(float(rng.uniform(0.0, 0.01)))

    thread = threading.Thread(target=disturb)
    thread.start()
    first_kb = float("nan")
    try:
        while done_s < 60 * minutes:
            play(x.ctypes.data, y.ctypes.data, n_blocks)
            done_s += PERIOD_S
            steps = np.abs(np.diff(y, axis=0, prepend=last))
            bad += int(np.count_nonzero(~(steps <= allowed) | ~(np.abs(y) <= ceiling)))
            last = y[-1:].copy()
            if np.isnan(first_kb) and done_s >= 6 * minutes:  # a tenth: every code path was there
                first_kb = resident_kb()
    finally:
        state["end"] = True
        thread.join()
    grown_mb = (resident_kb() - first_kb) / 1024
    number = 0 if prepared.panel["slot"] != 0 else 1
    prepared.panel.command(wanted=1 - number)
    play(x.ctypes.data, y.ctypes.data, n_blocks)
    prepared.load(number, made[0])
    prepared.panel.channels("gain_db")[:] = 0.0
    prepared.panel.command(wanted=number, bypass=0, mute=0, dim=0, inverted=0, solo=0, stop=0)
    for _ in range(SETTLED_S):
        play(x.ctypes.data, y.ctypes.data, n_blocks)
    exact = np.stack(
        [oaconvolve(np.tile(np.float64(x[:, i]), 3), made[0].taps[i, i]) for i in range(2)], axis=1
    )[2 * len(x) : 3 * len(x)]
    error_db = 20 * np.log10(np.abs(y - exact).max() / exact.std() + 1e-30)
    return {
        "grown_mb": grown_mb,
        "bad_samples": bad,
        "error_db": float(error_db),
        "commands": state["commands"],
        "swaps": int(prepared.panel["swaps"]),
        "minutes": done_s / 60,
    }


if __name__ == "__main__":
    print(soak(10.0))
