"""What parametric equalisers can be set to, by device."""

from dataclasses import dataclass

import numpy as np

from roomcal.errors import InputError


@dataclass(frozen=True)
class DeviceLimits:
    """The range and the steps of one band.

    `bands` is the number per output; `shelves` says whether bands can be shelves; steps of 0 are
    free.
    """

    name: str
    description: str
    bands: int
    f_hz: tuple[float, float] = (20.0, 20000.0)
    gain_db: tuple[float, float] = (-24.0, 12.0)
    q: tuple[float, float] = (0.3, 12.0)
    f_per_octave: int = 0  # frequencies a band can stand at; 0: any
    gain_step_db: float = 0.0
    q_step: float = 0.0
    shelves: bool = True

    def nearest(self, f_hz: float, gain_db: float, q: float) -> tuple[float, float, float]:
        """Return the settings of the device that are next to those that are wanted."""
        if self.f_per_octave:
            low, high = np.log2(np.array(self.f_hz) / 1000.0) * self.f_per_octave
            wanted = np.log2(f_hz / 1000.0) * self.f_per_octave
            steps = round(float(np.clip(wanted, np.ceil(low), np.floor(high))))
            f_hz = float(1000.0 * 2.0 ** (steps / self.f_per_octave))
        if self.gain_step_db:
            gain_db = round(gain_db / self.gain_step_db) * self.gain_step_db
        if self.q_step:
            q = max(round(q / self.q_step), 1) * self.q_step
        return (
            float(np.clip(f_hz, *self.f_hz)),
            float(np.clip(gain_db, *self.gain_db)),
            float(np.clip(q, *self.q)),
        )


# Numbers of the makers' manuals.
DEVICE_LIMITS: dict[str, DeviceLimits] = {
    limits.name: limits
    for limits in (
        DeviceLimits("free", "an equaliser in software: any number, any setting", 64),
        DeviceLimits(
            "minidsp",
            "miniDSP 2x4 HD and Flex: 10 bands an output, 0.1 dB steps",
            10,
            gain_db=(-16.0, 16.0),
            q=(0.1, 20.0),
            gain_step_db=0.1,
            q_step=0.01,
        ),
        DeviceLimits(
            "deq2496",
            "Behringer DEQ2496: 10 bands, 1/60 octave, 0.5 dB steps, at most 15 dB",
            10,
            gain_db=(-15.0, 15.0),
            q=(0.1, 14.4),
            f_per_octave=60,
            gain_step_db=0.5,
        ),
        DeviceLimits(
            "monitor",
            "equaliser of an active monitor: 6 peaks below 500 Hz that only cut, 0.5 dB steps",
            6,
            f_hz=(20.0, 500.0),
            gain_db=(-15.0, 0.0),
            q=(0.5, 16.0),
            gain_step_db=0.5,
            q_step=0.1,
            shelves=False,
        ),
    )
}


def device_limits(name: str) -> DeviceLimits:
    """Look up the limits of a device.

    Raises
    ------
    InputError
        RC-309 for a name that is not there.
    """
    if name not in DEVICE_LIMITS:
        raise InputError(
            "RC-309",
            f"there are no limits for a device named {name!r}",
            hint=f"use one of {', '.join(DEVICE_LIMITS)}",
            name=name,
        )
    return DEVICE_LIMITS[name]
