"""Notices a device that has stopped calling: it was unplugged, or its server was killed.

Nothing else tells. The callbacks end, no error is reported, and asking the stream may hang.
"""

# A vanished device is named within 1 s of its last callback (FAULTS 31); closing it comes after.
SILENCE_S = 0.8
# A Bluetooth device or a JACK server under load takes its time for the first callback.
START_S = 5.0
# The waiting thread itself may be late (a busy or sleeping computer): the device gets its chance.
_LONGEST_STEP_S = 0.1


class Watchdog:
    """Counts for how long a stream has not called.

    Parameters
    ----------
    now_s : float
        Of a clock that never goes back.
    """

    def __init__(self, now_s: float) -> None:
        self._last_look_s = now_s
        self._blocks = 0
        self._silent_s = 0.0

    def has_vanished(self, blocks: int, now_s: float) -> bool:
        """Look at the number of callbacks so far."""
        step_s = min(now_s - self._last_look_s, _LONGEST_STEP_S)
        self._last_look_s = now_s
        if blocks != self._blocks:
            self._blocks, self._silent_s = blocks, 0.0
            return False
        self._silent_s += step_s
        return self._silent_s > (SILENCE_S if blocks else START_S)
