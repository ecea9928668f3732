"""A JACK server without hardware, rooms in it, and roomcal run against them."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

FS = 48000
# The dummy driver's timer is late by some milliseconds on a busy machine, and says so with an
# xrun when that is more than a period, although no sample is lost. A period of 256 (5 ms) gave one
# a second beside other tests, 1024 (21 ms) one a take beside eight programs on two cores.
PERIOD = 4096  # 85 ms; shorter where it counts how soon there is silence
SERVER_DEADLINE_S = 20.0
COMMAND_DEADLINE_S = 120.0
LOUD_DEADLINE_S = 60.0
SLOW = "RC-404"  # the audio system lost samples: this computer's fault, not roomcal's
N_TAPS = 8192
# Other tests compete for the cores, and nothing here has real-time priority: where the system lets
# us, the audio comes first at least.
FIRST = ("nice", "-n", "-15") if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
ROOM_PROGRAM = Path(__file__).with_name("room.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, and say what is missing."""
    missing = []
    if shutil.which("jackd") is None:
        missing.append("sudo apt install jackd2")
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        missing.append("pip install JACK-Client")
    for item in items:
        if item.path.is_relative_to(ROOM_PROGRAM.parent):
            item.add_marker(pytest.mark.jack)
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"needs JACK: {'; '.join(missing)}"))


class Bench:
    """A studio folder, the room of its devices, and roomcal run in it.

    Parameters
    ----------
    folder : Path
    environment : dict
        Names the server.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.room: subprocess.Popen | None = None
        self.loud = folder / "loud"  # there as soon as the room hears something loud
        self.log = folder / "played.npz"  # what the speakers played, once the room is closed
        folder.mkdir(parents=True)

    def open_room(self, taps: np.ndarray, output: str, record: str = "") -> None:
        """Start the room: one device, or one that plays and one that records.

        Every room of the suite has names of its own: roomcal locks a device by its name.
        """
        file = self.folder / "taps.npy"
        np.save(file, taps)
        self.room = subprocess.Popen(
            [
                *(*FIRST, sys.executable, str(ROOM_PROGRAM), str(file)),
                *("--server", self.environment["JACK_DEFAULT_SERVER"]),
                *("--output", output, "--input", record or output),
                *("--log", str(self.log), "--loud", str(self.loud)),
            ],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.room.stdout.readline().strip() == "ready"

    def stall_room(self, seconds: float) -> None:
        """Let the room come too late for a period, which makes an xrun."""
        self.room.stdin.write(f"{seconds}\n")
        self.room.stdin.flush()

    def close_room(self) -> None:
        """End the room, which then writes its log."""
        if self.room is not None and self.room.poll() is None:
            try:
                self.room.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                self.room.kill()
                self.room.communicate()

    def studio(self, *, output: str, record: str = "") -> None:
        """Write studio.toml."""
        lines = ['name = "jack"', f"fs = {FS}", f'output_device = "{output}"']
        lines += [f'input_device = "{record}"'] if record else []
        for channel, name in ((1, "L"), (2, "R")):
            lines += ["[[speakers]]", f'name = "{name}"', f"output_channel = {channel}"]
        lines += ["[[positions]]", 'name = "p1"']
        (self.folder / "studio.toml").write_text("\n".join(lines) + "\n")

    def start(self, command: str) -> subprocess.Popen:
        """Start roomcal and return at once."""
        return subprocess.Popen(
            [*FIRST, sys.executable, "-m", "roomcal", *command.split()],
            cwd=self.folder,
            # The lock of a device lies in TMPDIR: servers side by side have devices of one name.
            env=self.environment | {"ROOMCAL_YES": "1", "TMPDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, *, tries: int = 3) -> tuple[int, str, str]:
        """Run roomcal to its end, again when this computer was too slow for real time."""
        for _ in range(tries):
            process = self.start(command)
            try:
                out, err = process.communicate(timeout=COMMAND_DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                pytest.fail(f"roomcal {command} hangs: {out}{err}")
            if SLOW not in out + err:
                break
        return process.returncode, out, err

    def wait_until_loud(self, process: subprocess.Popen) -> None:
        """Return when a started command plays its first sweep or mark."""
        until_s = time.monotonic() + LOUD_DEADLINE_S
        while not self.loud.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until_s, "no sound"
            time.sleep(0.005)


@dataclass
class Lab:
    """A server, and the benches at it."""

    folder: Path
    environment: dict[str, str]
    command: tuple[str, ...]  # that starts the server
    benches: list[Bench] = field(default_factory=list)
    server: subprocess.Popen = None

    def start_server(self) -> None:
        """Start the server, again after it was killed."""
        with (self.folder / "jackd.log").open("w") as log:
            self.server = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=log
            )

    def wait_for_server(self) -> None:
        """Return when the server answers."""
        _wait_for(self)

    def bench(self, name: str = "studio") -> Bench:
        """Make another folder with a room of its own."""
        self.benches.append(Bench(self.folder / name, self.environment))
        return self.benches[-1]


_SERVERS = itertools.count()  # two at a time have two names


@contextlib.contextmanager
def _lab(folder: Path, *, period: int = PERIOD, channels: int = 2) -> Iterator[Lab]:
    name = f"roomcal-test-{os.getpid()}-{next(_SERVERS)}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOMCAL_")}
    environment |= {
        "JACK_NO_AUDIO_RESERVATION": "1",
        "JACK_DEFAULT_SERVER": name,
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    # -S: the server waits for its clients; without it a loaded machine makes bad samples.
    command = (
        *(*FIRST, "jackd", "-r", "-S", "-n", name, "-d", "dummy"),
        *("-r", str(FS), "-p", str(period), "-C", str(channels), "-P", str(channels)),
    )
    lab = Lab(folder, environment, command)
    lab.start_server()
    try:
        _wait_for(lab)
        yield lab
    finally:
        for bench in lab.benches:
            bench.close_room()
        if lab.server.poll() is not None:
            # JACK knows eight servers by name, and keeps those that were killed until one of the
            # same name ends in order: so does their shared memory.
            lab.start_server()
            with contextlib.suppress(pytest.fail.Exception):
                _wait_for(lab)
        lab.server.send_signal(signal.SIGTERM)
        try:
            lab.server.wait(30)
        except subprocess.TimeoutExpired:
            lab.server.kill()
            lab.server.wait()
        for left in Path("/dev/shm").glob(f"jack*{name}*"):  # a killed server does not tidy up
            left.unlink(missing_ok=True)


def _wait_for(lab: Lab) -> None:
    """Return when the server answers."""
    until_s = time.monotonic() + SERVER_DEADLINE_S
    server = lab.environment["JACK_DEFAULT_SERVER"]
    question = (
        f"import jack; jack.Client('probe', servername={server!r}, no_start_server=True).close()"
    )
    while True:
        asked = subprocess.run(
            [sys.executable, "-c", question], env=lab.environment, capture_output=True, check=False
        )
        if asked.returncode == 0:
            return
        if time.monotonic() > until_s or lab.server.poll() is not None:
            pytest.fail(f"jackd does not start: {(lab.folder / 'jackd.log').read_text()[-2000:]}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def make_lab() -> Callable[..., contextlib.AbstractContextManager[Lab]]:
    """Return what starts a server in a folder, and ends it."""
    return _lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with _lab(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def taps() -> np.ndarray:
    """The truth of the room, (2, N_TAPS): a virtual control room, cut short with a fade."""
    from roomcal.devices.virtual.rooms import ROOMS
    from roomcal.devices.virtual.studio import VirtualStudio

    studio = VirtualStudio(ROOMS["control-room"])
    rows = [studio.true_response(name, "p1", FS).samples[:N_TAPS].copy() for name in ("L", "R")]
    h = np.stack(rows)
    fade = N_TAPS // 4
    h[:, -fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    return h / np.abs(np.fft.rfft(h, 4 * N_TAPS)).max()
