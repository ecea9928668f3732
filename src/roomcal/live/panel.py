"""The panel between the audio callback and the world: commands go in, meters come out.

It is a view over any writable memory, shared between processes or not: `N_BYTES` bytes that start
at a multiple of 8. First stand the integers (int64), then the numbers (float64), each of 8 bytes,
so that none is ever read half written. There is no lock: a reader may see one field newer than
another, which harms nothing. One side writes the commands, the callback alone writes the meters.

Every command is a state that is wanted (muted, dimmed, bank 2), not an event, so that none is lost;
those that must happen once (`rearm`, `meter_reset`) happen whenever their number changes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomcal.units import FloatArray

SCHEMA = 1  # of the layout below
MAX_CHANNELS = 32  # inputs, and outputs

# What `state` says.
IDLE, STARTING, RUNNING, FADING, MUTED, STOPPED = range(6)
STATES = ("idle", "starting", "running", "fading", "muted", "stopped")
# Why it is fading or muted.
NO_REASON, STOP, BAD_SIGNAL, DC, FEEDBACK, OVERLOAD, LATE = range(7)
REASONS = ("", "stop", "bad signal", "DC", "feedback", "overload", "late")

COMMAND_INTEGERS = (
    "serial",  # written last, after a change of commands
    "wanted",  # slot of the bank to be heard; -1 leaves it as it is
    "bypass",  # 1: the sound without the bank, as loud and as late
    "mute",  # 1: silence
    "dim",  # 1: lowered by `dim_db`
    "solo",  # bit o: output o is heard alone; 0: all are
    "inverted",  # bit o: output o has the other polarity
    "rearm",  # another number than before: sound again after a feedback loop
    "stop",  # 1: fade out, then stay silent; 0: fade in again
    "meter_reset",  # another number than before: peaks and maxima begin anew
)
METER_INTEGERS = (
    "schema",
    "n_inputs",
    "n_outputs",
    "fs",
    "serial_seen",  # the `serial` that is obeyed by now
    "callbacks",  # counter, and the heartbeat
    "frames",  # counter
    "state",  # IDLE to STOPPED
    "reason",  # NO_REASON to LATE: why it is not running
    "slot",  # that is heard; the old one until a crossfade is over; -1: none
    "bypassed",  # 1: the bypass of that slot is heard
    "swapping",  # 1: another bank is on its way
    "swaps",  # counter
    "limited",  # counter: times that the limiter began to work
    "clipped",  # counter: samples beyond full scale in the output; stays 0
    "input_overs",  # counter: samples beyond full scale in the input
    "bad_blocks",  # counter: callbacks with NaN, infinity or no sound at all in the input
    "bad_outputs",  # counter: results that were no number; the engine has begun anew
    "dc_mutes",  # counter
    "feedback_trips",  # counter
    "late",  # counter: callbacks that came far too late
    "overloads",  # counter: times that computing took longer than there was time
    "host_flags",  # every flag that the host has raised so far
    "host_events",  # counter: callbacks with a flag of the host (xruns)
    "missing_frames",  # counter: frames that were silent because the host's blocks vary
    "load_last_ns",  # time inside the last callback; 0: there is no clock
    "load_max_ns",  # since `meter_reset`
    "load_total_ns",  # of all callbacks
)
INTEGERS = COMMAND_INTEGERS + METER_INTEGERS

COMMAND_NUMBERS = {"dim_db": 1, "gain_db": MAX_CHANNELS}  # how many of each
METER_NUMBERS = {
    "limiter_gain": 1,  # the least since `meter_reset`, a ratio
    "input_peak": MAX_CHANNELS,  # the largest magnitudes since `meter_reset`, ratios to full scale
    "output_peak": MAX_CHANNELS,
    "true_peak": MAX_CHANNELS,  # of the output, between the samples too (ITU-R BS.1770-5, annex 2)
}
_COUNTS = COMMAND_NUMBERS | METER_NUMBERS

N_INTEGERS = len(INTEGERS)
N_NUMBERS = sum(_COUNTS.values())
N_BYTES = 8 * (N_INTEGERS + N_NUMBERS)
DEFAULT_DIM_DB = -20.0


def integer_place(name: str) -> int:
    """Place of an integer, counted in fields from the beginning."""
    return INTEGERS.index(name)


def number_place(name: str) -> int:
    """Place of a number, or of the first of several, counted from the first number."""
    names = list(_COUNTS)
    return sum(_COUNTS[other] for other in names[: names.index(name)])


@dataclass(frozen=True, eq=False)
class Meters:
    """What the callback reports, read at one moment; counters count from the start.

    Attributes
    ----------
    counts : dict
        Every integer of METER_INTEGERS by its name.
    state, reason : str
        One of STATES and of REASONS.
    input_peak, output_peak, true_peak : (n,) float array
        Largest magnitude of each channel since the last reset, ratio to full scale.
    limiter_gain : float
        The least gain of the limiter since the last reset, a ratio.
    """

    counts: dict[str, int]
    state: str
    reason: str
    input_peak: FloatArray
    output_peak: FloatArray
    true_peak: FloatArray
    limiter_gain: float

    @property
    def load_mean_ns(self) -> float:
        """Mean time inside a callback; NaN without a clock or before the first."""
        total, n = self.counts["load_total_ns"], self.counts["callbacks"]
        return total / n if total and n else float("nan")


class Panel:
    """Named access to the fields of a panel.

    Parameters
    ----------
    memory : writable buffer
        At least `N_BYTES` bytes: shared memory, an mmap, a bytearray or an array.
    """

    def __init__(self, memory: memoryview | bytearray | NDArray[Any]) -> None:
        raw = np.frombuffer(memory, dtype=np.uint8, count=N_BYTES)
        if not raw.flags.writeable:
            raise ValueError("a panel needs writable memory")
        self.integers = raw[: 8 * N_INTEGERS].view(np.int64)
        self.numbers = raw[8 * N_INTEGERS :].view(np.float64)

    @classmethod
    def alone(cls) -> "Panel":
        """Make a panel in memory of its own, cleared."""
        panel = cls(np.zeros(N_BYTES // 8))
        panel.clear(n_inputs=0, n_outputs=0, fs=0)
        return panel

    def clear(self, *, n_inputs: int, n_outputs: int, fs: int) -> None:
        """Put meters to zero and commands to what is usual, before any audio runs."""
        self.integers[:] = 0
        self.numbers[:] = 0.0
        self["schema"] = SCHEMA
        self["n_inputs"], self["n_outputs"], self["fs"] = n_inputs, n_outputs, fs
        self["wanted"] = self["slot"] = -1
        self["dim_db"] = DEFAULT_DIM_DB
        self["limiter_gain"] = 1.0

    @property
    def address(self) -> int:
        """Where the panel begins in memory."""
        return int(self.integers.ctypes.data)

    def __getitem__(self, name: str) -> int | float:
        if name in INTEGERS:
            return int(self.integers[integer_place(name)])
        return float(self.numbers[number_place(name)])

    def __setitem__(self, name: str, value: float) -> None:
        if name in INTEGERS:
            self.integers[integer_place(name)] = int(value)
        else:
            self.numbers[number_place(name)] = value

    def channels(self, name: str) -> FloatArray:
        """Return the fields of all channels, (MAX_CHANNELS,); a view that may be written to."""
        first = number_place(name)
        return self.numbers[first : first + _COUNTS[name]]

    def command(self, **changes: float) -> int:
        """Write commands, then announce them; return the serial that `serial_seen` will reach.

        Raises
        ------
        KeyError
            If one is no command.
        """
        for name, value in changes.items():
            if name not in COMMAND_INTEGERS[1:] and name != "dim_db":
                raise KeyError(f"{name} is no command")
            self[name] = value
        self["serial"] = serial = int(self["serial"]) + 1
        return serial

    def set_gain_db(self, output: int, gain_db: float) -> int:
        """Set the gain of one output, then announce it; return the serial."""
        self.channels("gain_db")[output] = gain_db
        return self.command()

    def rearm(self) -> int:
        """Let sound through again after a feedback loop."""
        return self.command(rearm=int(self["rearm"]) + 1)

    def reset_meters(self) -> int:
        """Let peaks and maxima begin anew."""
        return self.command(meter_reset=int(self["meter_reset"]) + 1)

    def meters(self) -> Meters:
        """Read all meters."""
        counts = {name: int(self[name]) for name in METER_INTEGERS}
        n_inputs, n_outputs = counts["n_inputs"], counts["n_outputs"]
        return Meters(
            counts=counts,
            state=STATES[counts["state"]],
            reason=REASONS[counts["reason"]],
            input_peak=self.channels("input_peak")[:n_inputs].copy(),
            output_peak=self.channels("output_peak")[:n_outputs].copy(),
            true_peak=self.channels("true_peak")[:n_outputs].copy(),
            limiter_gain=float(self["limiter_gain"]),
        )
