"""The plan of one take: when silence, timing marks and sweeps play, in samples of the output."""

from dataclasses import dataclass

from roomcal.model.sweep import Sweep


@dataclass(frozen=True)
class TakePlan:
    """One take as it is sent to the output.

    Timing marks play from the reference speaker, so that every take of one position shares one
    time base; sweeps play from the speaker under test.
    """

    sweep: Sweep
    mark_starts: tuple[int, ...]  # samples
    sweep_starts: tuple[int, ...]  # samples
    n_samples: int
    pre_roll_samples: int  # silence before the first mark: the noise is measured there
    tail_samples: int  # silence after every sweep, in which the room decays

    def __post_init__(self) -> None:
        if not self.sweep_starts or len(self.mark_starts) < 2:
            raise ValueError("a take has at least one sweep between two marks")
