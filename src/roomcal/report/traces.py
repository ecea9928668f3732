"""What a figure draws: curves with their role, ready made; figures compute nothing."""

from dataclasses import dataclass

from roomcal.model.arrays import frozen_array
from roomcal.model.curve import Curve
from roomcal.units import FloatArray

# Known roles, in the order in which they are drawn: the last on top.
ROLES = ("before", "target", "verified", "predicted")
ROLE_NAMES = {
    "before": "Before",
    "predicted": "Predicted",
    "verified": "Verified",
    "target": "Target",
    "limit": "Limit",
}


@dataclass(frozen=True, eq=False)
class Trace:
    """One level curve.

    Attributes
    ----------
    role : str
        One of `ROLES`, or any other word for a curve that stands for itself.
    label : str
        For the legend; by default the name of the role.
    low_db, high_db : (n,) float array or None
        Range over positions at the frequencies of `curve`, drawn as a band.
    """

    curve: Curve
    role: str = ""
    label: str = ""
    low_db: FloatArray | None = None
    high_db: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("low_db", "high_db"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, frozen_array(value, ndim=1, name=name))
                if value.shape != self.curve.f_hz.shape:
                    raise ValueError(f"{name} does not fit the curve")

    @property
    def legend(self) -> str:
        """Text of the legend."""
        return self.label or ROLE_NAMES.get(self.role, self.role)


@dataclass(frozen=True, eq=False)
class DecayTrace:
    """Decay times per band.

    Attributes
    ----------
    f_hz : (n_bands,) float array
    time_s, low_s, high_s : (n_bands,) float array
        Mean and range over positions; NaN where there is no number.
    """

    f_hz: FloatArray
    time_s: FloatArray
    low_s: FloatArray
    high_s: FloatArray
    role: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        for name in ("f_hz", "time_s", "low_s", "high_s"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), ndim=1, name=name))
        if not self.f_hz.shape == self.time_s.shape == self.low_s.shape == self.high_s.shape:
            raise ValueError("the arrays of a decay trace differ in length")

    @property
    def legend(self) -> str:
        """Text of the legend."""
        return self.label or ROLE_NAMES.get(self.role, self.role)
