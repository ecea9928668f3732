"""What several test files share: real files made by others, a private studio folder, seeds."""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
SEED = 20240611  # any fixed number


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable) or default)
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set {variable} to the folder that holds it")
    return folder


# Compiles the convolver and the audio callbacks into numba's cache, or finds them there.
COMPILE = """
import numpy
from roomcal.convolver import engine
from roomcal.live import callback
for dtype in (numpy.float64, numpy.float32):
    engine.compile_ahead(dtype)
    callback.compile_ahead(dtype)
"""


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C, and compile once, before several test processes would all do so."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell starts what runs in its background deaf to Ctrl-C, and every child inherits that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # `nohup`: still no matter to the tests, but a handler is not inherited by their children.
        signal.signal(signal.SIGHUP, lambda *_: None)
    is_worker = hasattr(config, "workerinput")
    several = config.getoption("numprocesses", default=None)
    if several and not is_worker and importlib.util.find_spec("numba"):
        subprocess.run([sys.executable, "-c", COMPILE], check=True, timeout=600)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    return _folder("ROOMCAL_REFERENCE_DATA", ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def judge() -> Path:
    return _folder("ROOMCAL_JUDGE", ROOT.parent / "shared" / "judge")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


@pytest.fixture
def studio_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("ROOMCAL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "studio"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # The lock of a sound card lies there: tests side by side have cards of the same name.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return folder


@pytest.fixture
def runner(studio_folder: Path) -> CliRunner:
    """Runs commands in a studio folder of their own, without colour."""
    return CliRunner(env={"NO_COLOR": "1", "COLUMNS": "80", "HOME": str(studio_folder)})


def _module_of(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clean_takes() -> Iterator[ModuleType]:
    """The benchmark that makes takes with nothing wrong in them."""
    yield _module_of(ROOT / "benchmarks" / "clean_takes.py")
    del sys.modules["clean_takes"]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of sound cards in simulated time; `fake.install(world)` replaces PortAudio."""
    from roomcal.devices import audio_thread, port_audio, streams
    from roomcal.devices.sound_card import SoundCard

    module = _module_of(Path(__file__).with_name("fake_port_audio.py"))
    worlds = []

    def install(*cards: object) -> object:
        world = module.FakePortAudio(*cards)
        worlds.append(world)
        monkeypatch.setitem(sys.modules, "sounddevice", world)
        thread = audio_thread.AudioThread()  # one that no earlier test has blocked
        for user in (audio_thread, port_audio, streams):
            monkeypatch.setattr(user, "AUDIO", thread)
        monkeypatch.setattr(SoundCard, "now", staticmethod(world.now))
        monkeypatch.setattr(SoundCard, "wait", staticmethod(world.wait))
        return world

    module.install = install
    yield module
    for world in worlds:
        world.released.set()


@pytest.fixture
def no_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without PortAudio: importing sounddevice fails."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
