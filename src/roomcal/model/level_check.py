"""What a level check found: how loud each speaker is at the microphone, and how loud to measure."""

from dataclasses import dataclass

from roomcal.model.sensitivity import Sensitivity
from roomcal.model.studio import check_full_scale

LEVEL_DBFS = (-120.0, -3.0)  # of a sweep's peak: nothing is played above, or heard below


@dataclass(frozen=True)
class SpeakerProfile:
    """Gain from a speaker's output to the microphone's input, at every frequency."""

    speaker: str
    f_hz: tuple[float, ...]  # rising
    gain_db: tuple[float, ...]  # dBFS at the input re dBFS at the output


@dataclass(frozen=True)
class SpeakerLevel:
    """One speaker: the level to measure it at, and what the microphone will show."""

    speaker: str
    level_dbfs: float  # of the sweep's peak
    probe_gain_db: float  # of the probe's band, input re output
    peak_dbfs: float  # of the microphone, expected for a sweep at `level_dbfs`
    snr_db: float  # of the probe's band at `level_dbfs`
    stopped_by: str  # why not louder
    spl_c_db: float | None = None  # loudest moment of a sweep, dB(C); None: not known
    spl_a_db: float | None = None  # the same in dB(A)


@dataclass(frozen=True)
class LevelCheck:
    """A level check as it is stored in the studio's folder.

    Raises
    ------
    ValueError
        For a level outside of `LEVEL_DBFS`, or a full scale that no microphone has.
    """

    device: str
    input_channel: int
    position: str
    level_dbfs: float | None  # the quietest of the speakers: all are measured at it
    speakers: tuple[SpeakerLevel, ...]
    profiles: tuple[SpeakerProfile, ...]
    sensitivity: Sensitivity = "unknown"  # that the check went by
    full_scale_db_spl: float | None = None
    sensitivity_source: str = ""
    # C-weighted, of the pink noise that a meter was read by, without the microphone's response.
    noise_c_dbfs: float | None = None
    input_device: str = ""  # that records, if it is another one
    created_at: str = ""
    roomcal_version: str = ""

    def __post_init__(self) -> None:
        low, high = LEVEL_DBFS
        if self.level_dbfs is not None and not low <= self.level_dbfs <= high:
            raise ValueError(
                f"level_dbfs must be between {low:g} and {high:g} dBFS, got {self.level_dbfs:g}"
            )
        check_full_scale(self.full_scale_db_spl)
