"""Is this computer ready? Every check says what it found, and the cure where something is amiss."""

import importlib
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from roomcal.errors import RoomcalError
from roomcal.files.mic_calibration import read_mic_calibration
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.doctor_audio import AUDIO_QUESTIONS
from roomcal.jobs.findings import Finding, fine, problem, warning
from roomcal.model.studio import Studio

OLDEST_PYTHON = (3, 11)  # requires-python of pyproject.toml
MB = 1 << 20
# A session of 2 speakers, 9 positions and 3 sweeps of 5.5 s holds about 110 MB of takes.
LITTLE_DISK_MB, NO_DISK_MB = 1000, 50

# Module -> what does not work without it; nothing: roomcal does not start, or measure, at all.
LIBRARIES = {
    "numpy": "",
    "scipy": "",
    "soundfile": "",
    "pyfar": "",
    "matplotlib": "",
    "numba": "apply, run and verify",
}


@dataclass(frozen=True)
class Question:
    """One check: its name, and what looks for the answer."""

    name: str
    look: Callable[[Path], Iterator[Finding]]


def examine(root: Path, talk: Conversation) -> list[Finding]:
    """Ask every question; one that fails by itself is a warning, never the end.

    Parameters
    ----------
    root : Path
        Folder of the studio.
    """
    questions = [
        Question("python", _python),
        Question("libraries", _libraries),
        Question("convolver", _convolver),
        *(Question(name, look) for name, look in AUDIO_QUESTIONS.items()),
        Question("folder", _folder),
        Question("disk", _disk),
        Question("studio.toml", _studio),
        Question("calibration", _calibration),
    ]
    found = []
    talk.begin("Looking at this computer", len(questions))
    try:
        for question in questions:
            talk.step(question.name)
            try:
                found += list(question.look(root))
            except RoomcalError as error:
                found.append(warning(question.name, error.message, error.hint))
            except Exception as error:
                what = f"cannot be checked: {type(error).__name__}: {error}"
                found.append(warning(question.name, what, "report it: this is a bug of roomcal"))
    finally:
        talk.end()
    return found


def worst(found: list[Finding]) -> Literal["ok", "warning", "problem"]:
    """Return the worst state."""
    states = {f.state for f in found}
    return "problem" if "problem" in states else "warning" if "warning" in states else "ok"


def exit_code(found: list[Finding]) -> int:
    """Return 0 when roomcal works with virtual devices; else the code of the first problem."""
    return next((int(f.fault[3]) for f in found if f.state == "problem"), 0)


def _python(_root: Path) -> Iterator[Finding]:
    version = ".".join(str(n) for n in sys.version_info[:3])
    what = f"Python {version}, {platform.system()} {platform.release()}, {platform.machine()}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        need = ".".join(str(n) for n in OLDEST_PYTHON)
        cure = f"start roomcal with Python {need} or newer"
        yield problem("python", what, cure, fault="RC-101")
    else:
        yield fine("python", what)


def _libraries(_root: Path) -> Iterator[Finding]:
    versions = []
    for name, without in LIBRARIES.items():
        try:
            module = importlib.import_module(name)
        except Exception as error:  # ImportError, or whatever a broken library raises
            what = f"{name} cannot be loaded: {error}"
            cure = f"python -m pip install --upgrade {name} (in roomcal's own environment)"
            if without:
                yield warning("libraries", f"{what}; {without} need it", cure)
            else:
                yield problem("libraries", what, cure, fault="RC-101")
        else:
            versions.append(f"{name} {getattr(module, '__version__', '?')}")
    if versions:
        yield fine("libraries", ", ".join(versions))


def _convolver(_root: Path) -> Iterator[Finding]:
    """Compile the convolver and the audio callbacks, so that audio never waits for them."""
    try:
        importlib.import_module("numba")
    except Exception:
        return  # said already
    import numpy as np

    from roomcal.convolver import engine
    from roomcal.live import callback

    engine.compile_ahead(np.float64)
    callback.compile_ahead(np.float64)
    yield fine("convolver", "compiled")


def _folder(root: Path) -> Iterator[Finding]:
    at = _existing(root)
    try:
        with tempfile.TemporaryFile(dir=at):
            pass
    except OSError as error:
        what = f"{at.resolve()} cannot be written: {error.strerror or error}"
        cure = "work in a folder of your own: roomcal -C FOLDER, or ROOMCAL_STUDIO"
        yield problem("folder", what, cure, fault="RC-601")
    else:
        yield fine("folder", f"{at.resolve()} can be written")


def _disk(root: Path) -> Iterator[Finding]:
    free_mb = shutil.disk_usage(_existing(root)).free // MB
    what = f"{free_mb / 1000:.1f} GB free" if free_mb >= LITTLE_DISK_MB else f"{free_mb} MB free"
    cure = "a session takes about 110 MB, a bank 10 MB: make room"
    if free_mb < NO_DISK_MB:
        yield problem("disk", what, cure, fault="RC-601")
    elif free_mb < LITTLE_DISK_MB:
        yield warning("disk", what, cure)
    else:
        yield fine("disk", what)


def _studio(root: Path) -> Iterator[Finding]:
    if not (root / FILE_NAME).exists():
        yield fine("studio.toml", "none here yet: `roomcal init` makes one")
        return
    try:
        studio = read_studio(root / FILE_NAME)
    except RoomcalError as error:
        yield problem("studio.toml", error.message, error.hint, fault=error.fault)
    else:
        speakers = ", ".join(s.name for s in studio.speakers)
        yield fine("studio.toml", f"{studio.name}: {speakers} at {studio.fs} Hz")


def _calibration(root: Path) -> Iterator[Finding]:
    studio = _readable_studio(root)
    if studio is None or not studio.microphone.calibration:
        return
    file = root / studio.microphone.calibration
    try:
        read_mic_calibration(file)
    except RoomcalError as error:
        cure = f"{error.hint}; --no-cal measures without it"
        yield warning("calibration", error.message, cure)
    else:
        yield fine("calibration", f"{file} can be read")


def _readable_studio(root: Path) -> Studio | None:
    try:
        return read_studio(root / FILE_NAME)
    except RoomcalError:
        return None


def _existing(root: Path) -> Path:
    """Return the folder, or the nearest above it that exists: it is made when needed."""
    root = root.absolute()
    return next((p for p in (root, *root.parents) if p.exists()), root)
