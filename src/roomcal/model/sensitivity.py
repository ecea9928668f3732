"""What a microphone's level means in sound pressure, and what that was confirmed with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from roomcal.model.studio import check_full_scale

# Where the sound pressure that reads 0 dBFS comes from. An estimate may be wrong by the setting of
# a slider; a calibrator or a reading is not.
Sensitivity = Literal["unknown", "estimated", "confirmed"]


@dataclass(frozen=True)
class MicrophoneInput:
    """Where a microphone is plugged in: what is known about it belongs to that."""

    device: str  # that plays
    input_device: str  # that records; empty: the same
    input_channel: int


@dataclass(frozen=True)
class Confirmation:
    """What full scale was confirmed to mean, and how loud the speakers were at the microphone then.

    A gain that is turned later takes the confirmation away, and shows in the quiet sounds.
    """

    microphone: MicrophoneInput
    full_scale_db_spl: float
    source: str  # "a calibrator of 94 dB", "a reading of 83.5 dB(C)", ...
    described_db_spl: float | None = None  # what studio.toml said at that time
    position: str = ""  # at which the speakers were heard
    probe_gain_db: Mapping[str, float] = field(default_factory=dict)  # by speaker
    moved_db: float = 0.0  # all speakers since then: it is doubted while that is not 0

    def __post_init__(self) -> None:
        check_full_scale(self.full_scale_db_spl)

    @property
    def worst_db_spl(self) -> float:
        """What full scale may mean now: quieter speakers may be a gain that was turned down."""
        return self.full_scale_db_spl + max(0.0, -self.moved_db)
