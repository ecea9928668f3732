"""The first evening in a virtual studio: measure, design, apply, verify, export, report."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomcal.errors import StorageError
from roomcal.export.registry import FORMATS
from roomcal.files.bank_store import load_bank
from roomcal.files.wav_stream import WavWriter
from roomcal.jobs.apply import Applied, apply_bank
from roomcal.jobs.conversation import Conversation
from roomcal.jobs.design import design_bank
from roomcal.jobs.export import Exported, export_bank
from roomcal.jobs.measure import measure
from roomcal.jobs.measure_plan import MeasureRequest
from roomcal.jobs.report import gather, write_report
from roomcal.jobs.story import Story
from roomcal.jobs.studio import Place, open_place
from roomcal.jobs.verify import Verified, verify_bank
from roomcal.model.design_spec import DesignSpec
from roomcal.units import FloatArray, ratio_from_db

_N_POSITIONS = 4
_SWEEPS = 1
_MUSIC_S = 10.0
_MUSIC_PEAK_DBFS = -1.0
_TARGET = "tilt"


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demo made, and where."""

    folder: Path
    page: Path
    story: Story
    verified: Verified
    applied: Applied
    exports: tuple[Exported, ...]


def demo(folder: Path, room: str, talk: Conversation, *, seed: int = 0) -> Demo:
    """Run the whole job in a new studio folder.

    Parameters
    ----------
    folder : Path
        Must be empty or absent.
    room : str
        Name of a virtual room.
    seed : int
        Another seed is another evening: other noise, the microphone a little elsewhere.

    Raises
    ------
    StorageError
        RC-602 if the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(
            "RC-602", f"{folder} is not empty", hint="choose another --out", path=str(folder)
        )
    before_place = open_place(folder, f"virtual:{room}", occasion=2 * seed)
    folder.mkdir(parents=True, exist_ok=True)
    request = _request(before_place)
    measure(folder, "before", before_place, request, talk)
    spec = DesignSpec(target=_TARGET, fs=(44100, 48000))
    design_bank(folder, "demo", spec, talk, session="before")
    bank = load_bank(folder, "demo")  # what is on disk counts
    after_place = open_place(folder, f"virtual:{room}", occasion=2 * seed + 1)
    verified = verify_bank(folder, bank, after_place, talk, request=request)
    _write_music(folder / "music.wav", before_place.studio.fs, seed)
    applied = apply_bank(bank, folder / "music.wav", folder / "music-corrected.wav", talk)
    talk.begin("Writing the report", 1)
    talk.step("")
    exports = tuple(
        export_bank(bank, name, folder / "exports" / name)
        for name in FORMATS
        if not FORMATS[name].refuses(bank)
    )
    story = gather(folder, "before", bank_name="demo", against=verified.after.session.name)
    page = folder / "report.html"
    write_report(story, page, title=f"roomcal demo: {room}")
    talk.end()
    return Demo(folder, page, story, verified, applied, exports)


def _request(place: Place) -> MeasureRequest:
    studio = place.studio
    return MeasureRequest(studio.speakers, studio.positions[:_N_POSITIONS], sweeps=_SWEEPS)


def _write_music(path: Path, fs: int, seed: int) -> None:
    """Write pink noise in pulses, alike enough in both channels to have a middle."""
    rng = np.random.default_rng(seed)
    n = round(_MUSIC_S * fs)
    common, left, right = (_pink(n, fs, rng) for _ in range(3))
    t = np.arange(n) / fs
    pulse = 0.3 + 0.7 * np.abs(np.sin(np.pi * 2.0 * t)) ** 8
    rows = np.stack([common + 0.5 * left, common + 0.5 * right]) * pulse
    rows *= float(ratio_from_db(_MUSIC_PEAK_DBFS)) / np.abs(rows).max()
    with WavWriter(path, fs=fs, n_channels=2, sample_format="pcm24") as writer:
        writer.write(rows)


def _pink(n: int, fs: int, rng: np.random.Generator) -> FloatArray:
    f = np.fft.rfftfreq(n, 1.0 / fs)
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(f, 20.0))
    return np.asarray(np.fft.irfft(spectrum, n))
