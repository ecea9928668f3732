"""A session on disk: the studio as it was, its takes and the responses derived from them."""

from dataclasses import dataclass
from typing import Literal

from roomcal.model.studio import Studio
from roomcal.model.take import TakePlan
from roomcal.model.verdict import Verdict


@dataclass(frozen=True)
class StoredFile:
    """A WAV of a session or bank with what proves that it is whole."""

    name: str  # relative to the folder
    n_samples: int
    sha256: str


@dataclass(frozen=True)
class TakeRecord:
    """One take, kept or rejected; its raw capture stays on disk for ever."""

    speaker: str
    position: str
    number: int
    capture: StoredFile
    plan: TakePlan | None  # None: the run was killed before it wrote the plan down
    reference_speaker: str
    status: Literal["accepted", "rejected"]
    reason: str = ""  # why it was rejected
    verdicts: tuple[Verdict, ...] = ()  # what the detectors found
    xruns: int = 0
    started_at: str = ""
    has_loopback: bool = False


@dataclass(frozen=True)
class ResponseRecord:
    """One impulse response and where it comes from."""

    speaker: str
    position: str
    fs: int
    file: StoredFile
    origin: str  # the capture or the imported file it was made from
    time_zero: float
    time_reference: Literal["loopback", "marks", "none"]
    full_scale_db_spl: float | None = None
    snr_f_hz: tuple[float, ...] = ()
    snr_db: tuple[float | None, ...] = ()  # None: no noise was there to be measured


@dataclass(frozen=True)
class Session:
    """What `session.json` says; the samples are loaded when they are needed."""

    name: str
    device: str = ""  # what measured: a sound card, "virtual:NAME", or "" for imports
    through: str = ""  # the bank that was in the path, if any
    calibrated: bool = True  # the microphone's calibration, if there was one, is taken out
    studio: Studio | None = None
    takes: tuple[TakeRecord, ...] = ()
    responses: tuple[ResponseRecord, ...] = ()
    created_at: str = ""
    roomcal_version: str = ""
