"""What a maker says about one microphone: its response, its sensitivity, whose it is."""

from dataclasses import dataclass
from typing import Literal

from roomcal.model.curve import Curve


@dataclass(frozen=True, eq=False)
class MicrophoneCalibration:
    """A microphone's calibration file.

    Attributes
    ----------
    curve : Curve
        What the microphone shows in a flat sound field; it is subtracted.
    sens_factor_db : float or None
        miniDSP: what the microphone reads above its model's nominal sensitivity, dB.
    again_db : float or None
        miniDSP: analogue gain at which `sens_factor_db` holds, dB.
    sensitivity_db, sensitivity_hz : float or None
        Dayton Audio: sensitivity as the maker prints it (`*1000Hz -36.0`), and its frequency.
    """

    curve: Curve
    serial: str = ""
    incidence_deg: Literal[0, 90] | None = (
        None  # 0: points at the speaker; 90: at the ceiling; None: not said
    )
    sens_factor_db: float | None = None
    again_db: float | None = None
    sensitivity_db: float | None = None
    sensitivity_hz: float | None = None
    warnings: tuple[str, ...] = ()  # odd, but usable
