"""Everything an audio callback needs, allocated and filled before the stream starts.

`prepare` loads banks into a convolver, each with its bypass beside it, and lays out the memory that
the compiled callback works in. What comes back holds the addresses that PortAudio or JACK want.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomcal.convolver import kernel, layout
from roomcal.convolver.engine import Convolver
from roomcal.design.headroom import worst_sine_gain_db
from roomcal.errors import InputError
from roomcal.live import callback, limiter
from roomcal.live import memory as m
from roomcal.live.bypass import bypass_of
from roomcal.live.clock import Clock, monotonic_clock
from roomcal.live.meters import TRUE_PEAK_FILTERS
from roomcal.live.panel import MAX_CHANNELS, Panel
from roomcal.model.filter_bank import FilterBank
from roomcal.units import ratio_from_db

RAMP_S = 0.085  # of crossfades and gains: from 1 to -1 in steps below 1e-3
LATE_S = 0.15  # a callback that comes so much later than it should was missed by the device
MAX_TRIM_DB = 40.0  # a bank that needs more is not meant for this


@dataclass(frozen=True)
class Slot:
    """What a slot of the engine holds.

    Attributes
    ----------
    trim_db : float
        Taken off the bank so that no full-scale sine exceeds full scale; 0 for roomcal's banks.
    bypass_gain_db : float
        Level of the bypass: that at which it is as loud as the bank.
    latency_samples : int
        Of the filters; the bypass has the same.
    """

    trim_db: float
    bypass_gain_db: float
    latency_samples: int


def _aligned(n_bytes: int) -> NDArray[np.uint8]:
    raw = np.zeros(n_bytes + layout.ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % layout.ALIGNMENT
    return raw[start : start + n_bytes]


class Prepared:
    """Filters, memory and addresses of a running engine; `prepare` makes it.

    Attributes
    ----------
    panel : Panel
    slots : list of Slot or None
        By number, as in the command `wanted`; None: nothing is loaded.
    latency_samples : int
        Frames that the engine adds to the latency of the filters: a FIFO, where no power of two
        from 16 on divides the host's block, and the lookahead of the limiter.
    userdata_address, port_audio_address, jack_address : int
        What the host is given.
    """

    def __init__(
        self, convolver: Convolver, like: FilterBank, panel: Panel, clock: Clock, lookahead: int
    ) -> None:
        self.convolver, self.panel = convolver, panel
        self.fs, self.inputs, self.outputs = like.fs, like.inputs, like.outputs
        self.slots: list[Slot | None] = [None] * int(convolver.table[layout.N_BANKS] // 2)
        self.latency_samples = convolver.latency_samples + lookahead
        self.state = _aligned(8 * m.N_STATE).view(np.int64)
        self.numbers = _aligned(8 * m.N_NUMBERS_KEPT).view(np.float64)
        piece = 4 * MAX_CHANNELS * m.STRIDE
        waiting = m.MAX_LOOKAHEAD + m.STRIDE
        self._x, self._y = _aligned(piece), _aligned(piece)
        self._line, self._need = _aligned(4 * MAX_CHANNELS * waiting), _aligned(8 * waiting)
        self._clock_place, self._ports = np.zeros(2, np.int64), np.zeros(64, np.int64)
        self._fill_state(clock, lookahead)
        self.port_audio_address = callback.port_audio_address()
        self.jack_address = callback.jack_address()
        panel.clear(n_inputs=len(self.inputs), n_outputs=len(self.outputs), fs=self.fs)

    def _fill_state(self, clock: Clock, lookahead: int) -> None:
        convolver, fs = self.convolver, self.fs
        window = round(m.WINDOW_S * fs)
        places = {
            m.ENGINE: kernel.planar_address(convolver.pool.dtype.type),
            m.TABLE: convolver.table.ctypes.data,
            m.POOL: convolver.pool.ctypes.data,
            m.PANEL: self.panel.address,
            m.NUMBERS: self.numbers.ctypes.data,
            m.X: self._x.ctypes.data,
            m.Y: self._y.ctypes.data,
            m.LINE: self._line.ctypes.data,
            m.NEED: self._need.ctypes.data,
            m.PORTS: self._ports.ctypes.data,
            m.CLOCK_KIND: clock.kind,
            m.CLOCK: clock.address,
            m.CLOCK_ID: clock.identity,
            m.CLOCK_PLACE: self._clock_place.ctypes.data,
            m.N_INPUTS: len(self.inputs),
            m.N_OUTPUTS: len(self.outputs),
            m.FS: fs,
            m.LOOKAHEAD: lookahead,
            m.WINDOW: window,
            m.WINDOW_LEFT: window,
            m.SINCE_OVER: 1 << 30,
        }
        self.state[list(places)] = list(places.values())
        numbers = self.numbers
        numbers[m.CLOCK_SCALE] = clock.ns_per_tick
        numbers[[m.LIMITER_GAIN, m.DIP, m.DIP_WANTED]] = 1.0
        numbers[m.LIMITER_ATTACK] = 1.0 / (lookahead or limiter.ATTACK_S * fs)
        numbers[m.LIMITER_RELEASE] = -np.expm1(-1.0 / (limiter.RELEASE_S * fs))
        numbers[m.LATE_NS] = 1e9 * LATE_S
        taps = np.array(TRUE_PEAK_FILTERS)
        numbers[m.TRUE_PEAK_TAPS : m.TRUE_PEAK_TAPS + taps.size] = taps.ravel()

    @property
    def userdata_address(self) -> int:
        """What the callback gets from the host."""
        return int(self.state.ctypes.data)

    def connect_ports(
        self, inputs: Sequence[int], outputs: Sequence[int], *, get_buffer: int
    ) -> None:
        """Give the addresses of JACK's ports and of jack_port_get_buffer, before it is active."""
        if (len(inputs), len(outputs)) != (len(self.inputs), len(self.outputs)):
            raise ValueError(f"{len(inputs)=} and {len(outputs)=} do not fit the banks")
        self._ports[: len(inputs) + len(outputs)] = [*inputs, *outputs]
        self.state[m.PORT_BUFFER] = get_buffer

    def load(self, number: int, bank: FilterBank) -> Slot:
        """Put a bank and its bypass into a slot that is not heard, also while audio runs.

        Its gain is looked at first: what would exceed full scale with a full-scale sine is lowered.

        Raises
        ------
        InputError
            RC-311 for another sample rate, RC-305 for other channels, RC-316 for a bank that does
            not fit into the room that was kept, or is louder than anything meant for monitors.
        """
        self._check(bank)
        sides = self.convolver.table[layout.SIDE_BANKS : layout.SIDE_BANKS + 2]
        if number in [int(side) // 2 for side in sides if side >= 0]:
            raise ValueError(f"slot {number} or its bypass is being heard")
        gain_db = worst_sine_gain_db(bank.taps)
        if gain_db > MAX_TRIM_DB:
            raise InputError(
                "RC-316",
                f"the bank amplifies by {gain_db:.1f} dB, at most {MAX_TRIM_DB:.0f} dB can be "
                "taken off it",
                hint="design the bank again",
            )
        trim_db = max(0.0, gain_db)
        bypass, bypass_gain_db = bypass_of(bank)
        scale = float(ratio_from_db(-trim_db))
        self.slots[number] = None
        self.convolver.load(2 * number, bank.taps * scale)
        self.convolver.load(2 * number + 1, bypass.taps * scale)
        slot = Slot(trim_db, bypass_gain_db - trim_db, bank.latency_samples)
        self.slots[number] = slot
        return slot

    def _check(self, bank: FilterBank) -> None:
        if bank.fs != self.fs:
            raise InputError(
                "RC-311",
                f"no filter for {self.fs} Hz; the bank has {bank.fs} Hz",
                hint=f"design the bank for {self.fs} Hz, or let the device run at {bank.fs} Hz",
            )
        if (bank.inputs, bank.outputs) != (self.inputs, self.outputs):
            raise InputError(
                "RC-305",
                f"the bank has {bank.inputs} to {bank.outputs}, the engine runs {self.inputs} to "
                f"{self.outputs}",
                hint="start again with this bank",
            )
        room = self.convolver.plan.n_taps
        used = {(int(o), int(i)) for o, i in np.argwhere(np.any(bank.taps != 0, axis=-1))}
        if bank.n_taps > room or not used <= set(self.convolver.paths):
            raise InputError(
                "RC-316",
                f"the bank has {bank.n_taps} taps on {len(used)} paths, room was kept for {room} "
                f"on {len(self.convolver.paths)}",
                hint="start again with this bank",
            )

    def begin_with(self, number: int, *, bypass: bool = False) -> None:
        """Choose what is heard first, before audio runs."""
        self.convolver.begin_with(2 * number + bypass)
        self.panel.command(wanted=number, bypass=int(bypass))

    def restart(self) -> None:
        """Forget the past and begin with the ramp of a start; only while no audio runs."""
        self.convolver.forget()
        self.numbers[m.ENVELOPE] = 0.0
        self._line[:] = 0
        self._y[:] = 0
        for place in (m.LAST_ENTRY_NS, m.REASON_NOW, m.REST, m.BAD_LEFT, m.OVER_TIME):
            self.state[place] = 0

    def call(self, x: NDArray[np.float32], *, flags: int = 0) -> NDArray[np.float32]:
        """Run the callback once, as PortAudio does: for tests, and for hearing it offline.

        Parameters
        ----------
        x : (n_frames, n_inputs) array of 32-bit floats
        flags : int
            Of the host.

        Returns
        -------
        y : (n_frames, n_outputs) array of 32-bit floats
        """
        x = np.ascontiguousarray(x, dtype=np.float32)
        y = np.full((x.shape[0], len(self.outputs)), np.nan, dtype=np.float32)
        run = callback.PORT_AUDIO_TYPE(self.port_audio_address)
        run(x.ctypes.data, y.ctypes.data, x.shape[0], None, flags, self.userdata_address)
        return y


def prepare(
    banks: Sequence[FilterBank],
    *,
    block: int,
    panel: Panel | None = None,
    dtype: type[np.floating] = np.float64,
    n_spare: int = 1,
    n_taps: int = 0,
    lookahead_s: float = 0.0,
    clock: Clock | None = None,
) -> Prepared:
    """Load banks, allocate everything, and let the first bank be heard when audio starts.

    Parameters
    ----------
    banks : sequence of FilterBank
        For one sample rate, with the same inputs and outputs.
    block : int
        Frames that the host will ask for at a time.
    panel : Panel, optional
        Where commands come from and meters go to; by default one in memory of its own.
    dtype : type
        numpy.float64 or numpy.float32: of the convolver's computation.
    n_spare : int
        Empty slots behind those of the banks, for what is loaded while audio runs.
    n_taps : int
        Room for longer filters than those of the banks.
    lookahead_s : float
        Of the limiter; it adds as much latency.
    clock : Clock, optional
        By default the system's.

    Raises
    ------
    InputError
        As `Prepared.load`; RC-316 for more than 32 channels.
    """
    first = banks[0]
    if max(len(first.inputs), len(first.outputs)) > MAX_CHANNELS:
        raise InputError(
            "RC-316", f"at most {MAX_CHANNELS} inputs and outputs run live", hint="split the bank"
        )
    lookahead = round(lookahead_s * first.fs)
    if not 0 <= lookahead <= m.MAX_LOOKAHEAD:
        raise ValueError(f"{lookahead_s=} is none that the limiter can wait")
    shape = (len(first.outputs), len(first.inputs), max(n_taps, *(b.n_taps for b in banks)))
    paths = [
        (int(o), int(i))
        for o, i in np.argwhere(sum(np.any(bank.taps != 0, axis=-1) for bank in banks))
    ]
    convolver = Convolver(
        shape, block=block, paths=paths, n_banks=2 * (len(banks) + n_spare), dtype=dtype
    )
    convolver.set_ramps(round(RAMP_S * first.fs))
    chosen_clock = monotonic_clock() if clock is None else clock
    prepared = Prepared(convolver, first, panel or Panel.alone(), chosen_clock, lookahead)
    for number, bank in enumerate(banks):
        prepared.load(number, bank)
    prepared.begin_with(0)
    return prepared
