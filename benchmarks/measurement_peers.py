"""Other tools on the same recordings: DRC's glsweep and lsconv, pyfar, scene-rir.

pyfar and scene-rir are given the mean of the recorded sweeps of the take that roomcal is given
whole; where the clocks differ, the first of them, as a mean of sweeps that drift apart cancels
itself. lsconv needs the sweep of glsweep: it is played in the same room, with the same noise and
the same clock.
"""

import importlib.util
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.io.wavfile
from clean_takes import pink_noise

from roomcal.devices.virtual.room import with_perfect_equipment
from roomcal.devices.virtual.rooms import ROOMS
from roomcal.devices.virtual.studio import VirtualStudio
from roomcal.dsp.resample import sample_at
from roomcal.dsp.sweep_signal import sweep_samples
from roomcal.measure.judge import judge_capture
from roomcal.measure.plan import plan_take, render_take
from roomcal.model.capture import Capture
from roomcal.model.sweep import Sweep

FS = 48000
LENGTH_S = 10.9
LATENCY = 700
N_FFT = 1 << 18
CASES = {"clean": (None, 0.0), "SNR 40": (40.0, 0.0), "30 ppm": (None, 30.0)}
SLAM_CASE = "slam"


def compare_peers(*, quick: bool) -> list[dict]:
    """NMSE and the largest level error from 40 Hz of each tool in each case, at 1/24 octave.

    A tool that is not installed has no figures, but the reason.
    """
    room = with_perfect_equipment(ROOMS["control-room"])
    truth = np.array(VirtualStudio(room).true_response("L", "p1", FS).samples)
    plan = plan_take(Sweep(fs=FS, length_s=3.0 if quick else LENGTH_S), repeats=3)
    _, sent = render_take(plan, same_speaker=True)
    tools = {"roomcal": roomcal, "pyfar": pyfar_division, "scene-rir": scene_rir, "DRC": drc}
    found = []
    for name, tool in tools.items():
        missing = absent(name)
        if missing:
            found.append({"tool": name, "missing": missing})
            continue
        for case in (*CASES, SLAM_CASE):
            nmse_db, level_db = figures(tool(plan, sent, truth, case), truth)
            found.append({"tool": name, "case": case, "nmse_db": nmse_db, "level_db": level_db})
    return found


def table_of(found: list[dict]) -> list[str]:
    """Lines of a table, one a tool."""
    if not found:
        return []
    lines = ["NMSE dB | largest level error from 40 Hz dB (1/24 octave), same recordings"]
    for name in dict.fromkeys(item["tool"] for item in found):
        cells = [
            f"not installed: {item['missing']}"
            if "missing" in item
            else f"{item['case']}: {item['nmse_db']:7.1f} | {item['level_db']:7.3f}"
            for item in found
            if item["tool"] == name
        ]
        lines.append(f"{name:10s} " + "   ".join(cells))
    return lines


def absent(name: str) -> str:
    """How to get a tool that is not there; empty if it is."""
    if name == "DRC":
        return "" if shutil.which("lsconv") and shutil.which("glsweep") else "apt install drc"
    if name == "scene-rir":
        return "" if importlib.util.find_spec("scene_rir") else "pip install scene-rir"
    return ""


def heard(x: np.ndarray, truth: np.ndarray, case: str, slam_at: int) -> np.ndarray:
    """Record a signal: room, clock, noise, and a door."""
    n_fft = scipy.fft.next_fast_len(x.size + truth.size, real=True)
    y = scipy.fft.irfft(scipy.fft.rfft(x, n_fft) * scipy.fft.rfft(truth, n_fft), n_fft)
    y = np.pad(y[: x.size], (LATENCY, 0))[: x.size]
    snr_db, ppm = CASES.get(case, (60.0, 0.0))
    if ppm:
        y = sample_at(y, np.arange(y.size) * (1 - 1e-6 * ppm))
    loud = np.abs(y) > 1e-6
    rms = np.sqrt(np.mean(y[loud] ** 2))
    if snr_db is not None:
        y = y + rms * 10 ** (-snr_db / 20) * pink_noise(y.size, np.random.default_rng(7))
    if case == SLAM_CASE:
        t = np.arange(FS // 2) / FS
        y = y.copy()
        thud = np.sin(2 * np.pi * 210 * t) * np.exp(-t / 0.06)
        y[slam_at : slam_at + t.size] += np.max(np.abs(y)) * thud
    return y


def roomcal(plan, sent, truth, case) -> np.ndarray:
    """Judge the whole take."""
    x = heard(sent, truth, case, plan.sweep_starts[1] + FS)
    capture = Capture(
        microphone=x,
        loopback=None,
        fs=FS,
        plan=plan,
        speaker="L",
        reference_speaker="L",
        position="p1",
    )
    response = judge_capture(capture).response
    return np.array(response.samples)


def mean_sweep(plan, sent, truth, case) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the sweeps as they were recorded, and the sweep."""
    x = heard(sent, truth, case, plan.sweep_starts[1] + FS)
    n = plan.sweep.n_samples + plan.tail_samples
    parts = [x[start : start + n] for start in plan.sweep_starts][: averaged(case)]
    return np.mean(parts, axis=0), sweep_samples(plan.sweep)


def averaged(case: str) -> int | None:
    """How many sweeps a tool without drift correction averages; None: all."""
    return 1 if case in CASES and CASES[case][1] else None


def pyfar_division(plan, sent, truth, case) -> np.ndarray:
    """Regularised division by pyfar over the band of the sweep."""
    import pyfar

    y, x = mean_sweep(plan, sent, truth, case)
    n = y.size + x.size
    y, x = (pyfar.Signal(np.pad(s, (0, n - s.size)), FS) for s in (y, x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inverse = pyfar.dsp.regularized_spectrum_inversion(x, frequency_range=(10, 23900))
    return (y * inverse).time[0]


def scene_rir(plan, sent, truth, case) -> np.ndarray:
    """Convolution with scene-rir's inverse of the sweep."""
    from scene_rir import rir

    y, x = mean_sweep(plan, sent, truth, case)
    with tempfile.TemporaryDirectory() as folder:
        paths = {"rec_path": f"{folder}/y.wav", "ref_path": f"{folder}/x.wav"}
        scipy.io.wavfile.write(paths["rec_path"], FS, y.astype(np.float32))
        scipy.io.wavfile.write(paths["ref_path"], FS, x.astype(np.float32))
        signal = rir.ImpulseResponseSignal(**paths, frqstt=10, frqstp=24000, sgllvl=0)
        _, h = signal.signal_vector()
    return np.asarray(h, dtype=float)


def drc(plan, sent, truth, case) -> np.ndarray:
    """Sweep and convolution of DRC, three times, averaged."""
    del sent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        length = f"{plan.sweep.length_s:g}"
        command = ["glsweep", str(FS), "0.1", "10", "23900", length, "2", "0.05", "0.005"]
        run([*command, str(folder / "x"), str(folder / "inverse")])
        x = np.fromfile(folder / "x", dtype=np.float32).astype(float)
        y = heard(np.tile(x, 3), truth, case, x.size + 3 * FS)
        mean = y[: 3 * x.size].reshape(3, x.size)[: averaged(case)].mean(axis=0)
        mean.astype(np.float32).tofile(folder / "y")
        run(["lsconv", str(folder / "y"), str(folder / "inverse"), str(folder / "h")])
        return np.fromfile(folder / "h", dtype=np.float32).astype(float)


def run(command: list[str]) -> None:
    """Run a program and show what it says only when it fails."""
    subprocess.run(command, check=True, capture_output=True)


def figures(h: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """NMSE in dB and largest level error, 40 Hz to 20 kHz, at the best delay and gain."""
    n_fft = scipy.fft.next_fast_len(h.size + truth.size, real=True)
    cross = scipy.fft.irfft(scipy.fft.rfft(h, n_fft) * np.conj(scipy.fft.rfft(truth, n_fft)), n_fft)
    start = int(np.argmax(np.abs(cross)))
    index = (start + np.arange(-200, truth.size)) % n_fft
    piece = np.pad(h, (0, n_fft - h.size))[index]
    f = np.fft.rfftfreq(N_FFT, 1 / FS)
    band = (f >= 40) & (f <= 20000)
    H, T = np.fft.rfft(piece, N_FFT), np.fft.rfft(truth, N_FFT)
    w = 2 * np.pi * f / FS
    product = (H * T.conj())[band]
    late = 200.0 + np.arange(-1.5, 1.5, 0.01)
    best = late[np.argmax([np.sum(product * np.exp(1j * w[band] * d)).real for d in late])]
    for _ in range(6):  # to the maximum between the steps
        turned = product * np.exp(1j * w[band] * best)
        best -= np.sum(w[band] * turned.imag) / np.sum(w[band] ** 2 * turned.real)
    H = H * np.exp(1j * w * best)
    H = H * np.sum((T * H.conj())[band]).real / np.sum(np.abs(H[band]) ** 2)
    nmse = np.sum(np.abs(H - T)[band] ** 2) / np.sum(np.abs(T[band]) ** 2)
    edges = 40 * 2 ** (np.arange(0, np.log2(20000 / 40) * 24 + 1) / 24)
    k = np.round(edges / f[1]).astype(int)
    power = [np.add.reduceat(np.abs(S) ** 2, k)[:-1] for S in (H, T)]
    return 10 * np.log10(nmse), float(np.abs(10 * np.log10(power[0] / power[1])).max())
