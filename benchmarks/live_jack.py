"""The live engine at a real JACK server: start, every sample, swaps, a killed server.

    python benchmarks/live_jack.py [--quick] [--json]

A server without hardware (jackd -d dummy), a player and a recorder (`tests/jack/deck.py`) and
`roomcal run` between them, while two threads hold the interpreter of the process that plays. The
truth is a convolution in double precision. Where this computer stands still for more than 150 ms
the engine fades by itself and counts a late callback; such stretches are reported beside the bad
samples elsewhere.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.signal import oaconvolve

from roomcal.files.bank_store import save_bank
from roomcal.live.control_door import ask
from roomcal.model.filter_bank import Bank, FilterBank

FS, N_TAPS = 48000, 65536
DECK = Path(__file__).resolve().parents[1] / "tests" / "jack" / "deck.py"
DEADLINE_S = 300.0
SETTLED_S = 2.0  # the start ramp, and the filters fill
ERROR = 2.0**-24  # of a result that is rounded to 24 bits
APART_S = 0.2  # between two faults
BUSY_THREADS = 2
SITE = """
import sys, threading
def hold():
    while True:
        sum(range(1000))
if "roomcal.live.child" in " ".join(sys.orig_argv):
    import roomcal.live.child
    for _ in range({threads}):
        threading.Thread(target=hold, daemon=True).start()
"""
# Audio first, as on a computer that is set up for it; nothing here has real-time priority.
FIRST = ("nice", "-n", "-19") if hasattr(os, "geteuid") and os.geteuid() == 0 else ()


class Bench:
    """A folder with banks, a server, a deck and an engine."""

    def __init__(self, folder, *, period, channels=2):
        self.folder, self.server, self.deck, self.engine = folder, None, None, None
        self.name = f"roomcal-bench-{os.getpid()}"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAL_")}
        self.environment |= {
            "JACK_NO_AUDIO_RESERVATION": "1",
            "JACK_DEFAULT_SERVER": self.name,
            "XDG_RUNTIME_DIR": str(folder),
            "TMPDIR": str(folder),
        }
        self.command = [
            *(*FIRST, "jackd", "-r", "-S", "-n", self.name, "-d", "dummy", "-r", str(FS)),
            *("-p", str(period), "-C", str(channels), "-P", str(channels)),
        ]
        device = "system" if channels > 2 else "recorder"
        lines = ['name = "bench"', f"fs = {FS}", f'output_device = "{device}"']
        for channel, speaker in ((1, "L"), (2, "R")):
            lines += ["[[speakers]]", f'name = "{speaker}"', f"output_channel = {channel}"]
        (folder / "studio.toml").write_text("\n".join(lines) + "\n")
        self.taps = make_banks(folder)

    def hold_the_interpreter(self):
        """Let threads of the child hold its interpreter."""
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE.format(threads=BUSY_THREADS))
        paths = (str(site), os.environ.get("PYTHONPATH", ""))
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

    def start_server(self):
        """Start the server and wait until it answers."""
        with (self.folder / "jackd.log").open("w") as log:
            self.server = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log
            )
        question = (
            f"import jack; jack.Client('probe', servername={self.name!r}, no_start_server=True)"
        )
        while subprocess.run(
            [sys.executable, "-c", question], env=self.environment, capture_output=True, check=False
        ).returncode:
            if self.server.poll() is not None:
                raise RuntimeError((self.folder / "jackd.log").read_text())
            time.sleep(0.05)

    def start_deck(self, samples):
        """Let the player play samples round and round."""
        np.save(self.folder / "samples.npy", samples)
        self.deck = subprocess.Popen(
            [
                *(*FIRST, sys.executable, str(DECK), str(self.folder / "samples.npy")),
                *(str(self.folder / "result.npz"), "--server", self.name),
            ],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.deck.stdout.readline()

    def stop_deck(self):
        """End the deck; return what was played and recorded, cycle beside cycle."""
        self.deck.communicate(timeout=DEADLINE_S)
        with np.load(self.folder / "result.npz") as result:
            played_at, recorded_at = result["played_at"], result["recorded_at"]
            x, recorded = result["played"], result["recorded"]
        block = x.shape[1] // played_at.size
        y = np.full(x.shape, np.nan, dtype=np.float32)
        of_cycle = {int(at): n for n, at in enumerate(played_at)}
        for n, at in enumerate(recorded_at):
            if int(at) in of_cycle:
                place = of_cycle[int(at)] * block
                y[:, place : place + block] = recorded[:, n * block : (n + 1) * block]
        return x, y

    def start_engine(self, command):
        """Start roomcal."""
        self.engine = subprocess.Popen(
            [*FIRST, sys.executable, "-m", "roomcal", *command.split()],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ctl(self, line):
        """Say a line to the engine and return its answer."""
        (address,) = (self.folder / "roomcal").glob("*.sock")
        return json.loads(ask(str(address), line, deadline_s=10.0))

    def until(self, *states):
        """Wait for a state and return the status."""
        until_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < until_s:
            with contextlib.suppress(ValueError, OSError):
                status = self.ctl("status")
                if status["state"] in states:
                    return status
            time.sleep(0.01)
        raise TimeoutError(f"never {states}")

    def end_engine(self):
        """Let the engine fade out and end."""
        self.engine.send_signal(signal.SIGTERM)
        return self.engine.wait(timeout=DEADLINE_S)

    def n_left(self):
        """Count processes of roomcal that still run with this server."""
        count = 0
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (process / "environ").read_bytes()
                command = (process / "cmdline").read_bytes()
                count += self.name.encode() in environment and b"roomcal.live" in command
        return count

    def close(self):
        """End everything; the server in order, else JACK keeps its name and its memory."""
        for process in (self.engine, self.deck):
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=DEADLINE_S)
        for left in Path("/dev/shm").glob(f"jack*{self.name}*"):
            left.unlink(missing_ok=True)


def make_banks(folder):
    """Save a bank of 65,536 taps and two gains; return the taps of the long one."""
    rng = np.random.default_rng(8)
    long = rng.standard_normal((2, N_TAPS)) * np.exp(-np.arange(N_TAPS) / 8000.0)
    long *= 0.5 / np.abs(np.fft.rfft(long, 4 * N_TAPS)).max()
    long = long.astype(np.float32).astype(np.float64)
    for name, rows in (("long", long), ("one", np.ones((2, 1))), ("less", np.full((2, 1), 0.4))):
        taps = np.zeros((2, 2, rows.shape[-1]))
        taps[0, 0], taps[1, 1] = rows
        save_bank(folder, Bank(name, {FS: FilterBank(taps, FS, ("L", "R"), ("L", "R"))}))
    return long


@contextlib.contextmanager
def bench(**choices):
    """Give a bench in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="rc") as folder:
        made = Bench(Path(folder), **choices)
        try:
            yield made
        finally:
            made.close()


def goal(name, figure, unit, limit):
    """Return a figure beside its goal, which it may not exceed."""
    return {
        "name": name,
        "figure": float(figure),
        "unit": unit,
        "goal": limit,
        "met": bool(figure <= limit),
    }


def samples(*, quick):
    """Compare every sample with the truth while the interpreter is held."""
    goals = []
    for period in (64, 256):
        with bench(period=period) as b:
            b.hold_the_interpreter()
            b.start_server()
            rng = np.random.default_rng(17)
            b.start_deck(0.7 * rng.uniform(-1.0, 1.0, (2, 10 * FS)))
            b.start_engine("run long --jack --source player:1,2")
            b.until("running")
            time.sleep(10.0 if quick else 62.0)
            status = b.until("running", "starting", "fading")
            x, y = b.stop_deck()
            b.end_engine()
        first = int(np.flatnonzero(np.nan_to_num(y).any(axis=0))[0]) + round(SETTLED_S * FS)
        judged = slice(first, y.shape[1] - 8 * period)
        expected = np.stack([oaconvolve(x[n].astype(float), b.taps[n]) for n in (0, 1)])
        error = np.abs(y - expected[:, : y.shape[1]]).max(axis=0)[judged]
        bad = np.flatnonzero(~(error <= ERROR))
        stretches = np.split(bad, 1 + np.flatnonzero(np.diff(bad) > APART_S * FS))
        stretches = sorted((s.size for s in stretches if s.size), reverse=True)
        late = status["counters"]["late"]
        seconds = error.size / FS
        rest_db = 20 * np.log10(np.max(error[error <= ERROR], initial=1e-12))
        print(
            f"  period {period}: {seconds:.0f} s judged, largest error elsewhere {rest_db:.0f} "
            f"dBFS, this computer stood still {late} times (bad stretches {stretches}), xruns "
            f"{status['xruns']}, load {100 * (status['load'] or 0):.2f} %",
            file=sys.stderr,
        )
        unexplained = sum(stretches[late:])
        goals.append(goal(f"bad samples, {period} frames", unexplained, "samples", 0))
        at_zero = np.corrcoef(y[0, judged][:FS], expected[0, judged][:FS])[0, 1]
        added = 0 if at_zero > 1 - 1e-9 else np.nan
        goals.append(goal(f"added latency, {period} frames", added, "frames", 0))
    return goals


def swaps(*, quick):
    """Swap every second and look for steps."""
    n_swaps = 6 if quick else 30
    with bench(period=256) as b:
        b.start_server()
        t = np.arange(FS) / FS
        b.start_deck(np.tile(0.8 * np.sin(2 * np.pi * 997.0 * t), (2, 1)))
        b.start_engine("run one less --jack --source player:1,2")
        b.until("running")
        for _ in range(n_swaps):
            time.sleep(1.0)
            b.ctl("next")
        time.sleep(1.0)
        status = b.ctl("status")
        x, y = b.stop_deck()
        b.end_engine()
    heard = y[:, np.isfinite(y).all(axis=0)]
    beyond = np.abs(np.diff(heard)).max() - np.abs(np.diff(x)).max()
    print(
        f"  {status['counters']['swaps']} swaps, late {status['counters']['late']}", file=sys.stderr
    )
    return [goal("step beyond the slope in swaps", beyond, "of full scale", 1e-3)]


def lost_server(*, quick):
    """Kill the server, bring it back, and see how long it takes."""
    back_s, left = [], 0
    for _ in range(1 if quick else 3):
        with bench(period=256, channels=4) as b:
            b.start_server()
            b.start_engine("run one --jack --source system:3,4")
            b.until("running")
            b.server.kill()
            b.server.wait()
            time.sleep(5.0)
            while b.ctl("status")["try_number"] < 1:
                time.sleep(0.05)
            b.start_server()
            start_s = time.monotonic()
            b.until("starting", "running")
            back_s.append(time.monotonic() - start_s)
            b.end_engine()
            left += b.n_left()
    return [
        goal("back after the server's return", np.median(back_s), "s", 3.0),
        goal("processes left", left, "processes", 0),
    ]


def start(*, quick):
    """Time `roomcal run` from the command to audio, with and without compiled code."""
    goals = []
    for name, limit_s, times in (("cold", 30.0, 1), ("warm", 2.5, 3 if quick else 7)):
        durations_s = []
        with bench(period=256) as b, tempfile.TemporaryDirectory() as empty:
            for _ in range(times):
                if name == "cold":
                    b.environment["NUMBA_CACHE_DIR"] = empty
                begin_s = time.monotonic()
                b.start_engine("run one --device virtual")
                b.until("starting", "running")
                durations_s.append(time.monotonic() - begin_s)
                b.end_engine()
        figure_s = min(durations_s)  # another program can only make it longer
        goals.append(goal(f"{name} start, from the command to audio", figure_s, "s", limit_s))
    return goals


def main():
    """Print the table, or the goals as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="one part: start, samples, swaps, lost_server")
    options = parser.parse_args()
    goals = []
    for part in (start, samples, swaps, lost_server):
        if options.only in (None, part.__name__):
            goals += part(quick=options.quick)
    if options.json:
        print(json.dumps({"goals": goals}, indent=2))
        return
    print(f"load of this computer: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for item in goals:
        sign = "met " if item["met"] else "MISS"
        print(f"{sign} {item['name']}: {item['figure']:.4g} {item['unit']} (goal {item['goal']:g})")


if __name__ == "__main__":
    main()
