"""The convolver: any filter matrix, any block, no added latency, ready for a compiled callback."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from roomcal.convolver import compiled as _compiled  # noqa: F401 - first: it says what is missing
from roomcal.convolver import kernel, layout
from roomcal.convolver.planner import plan_partitions
from roomcal.convolver.swap import LARGEST
from roomcal.convolver.transform import cells, head_order, level_order, window
from roomcal.units import FloatArray

MIN_BLOCK, MAX_BLOCK = 16, 8192  # frames of the kernel's block
FIFO_BLOCK = 64  # frames of the kernel's block where no power of two divides the host's
DEFAULT_RAMP_FRAMES = 4096  # 85 ms at 48 kHz: from gain 1 to -1, less than 1e-3 a frame
Path = tuple[int, int]  # output, input


def kernel_block(host_block: int) -> int:
    """Choose the kernel's block for a host that asks for `host_block` frames at a time.

    The largest power of two that divides the host's block adds no latency. Where that is below 16,
    frames wait in a FIFO instead.
    """
    if host_block < 1:
        raise ValueError(f"a block has at least one frame, got {host_block=}")
    block = math.gcd(host_block, MAX_BLOCK)
    if block >= MIN_BLOCK:
        return block
    return max(MIN_BLOCK, min(FIFO_BLOCK, 1 << (host_block.bit_length() - 1)))


class Convolver:
    """Filters a stream with one of several banks of filters.

    Parameters
    ----------
    shape : (int, int, int)
        Outputs, inputs, and taps of the longest filter.
    block : int
        Frames that the host asks for at a time; `process` takes any number, but then may hand
        out silence where frames are missing.
    paths : sequence of (output, input)
        Where a filter may be; all by default. Fewer paths take less memory and time.
    n_banks : int
        How many banks are loaded at once.
    dtype : type
        numpy.float64 or numpy.float32: of all computation.
    input_limit : float
        A larger sample counts as a fault and becomes silence, as NaN does.

    Attributes
    ----------
    table, pool : arrays
        The whole state, for `kernel.process` in a compiled callback; see `layout`.
    plan : Plan
    latency_samples : int
        Frames that the FIFO adds: 0 when the host's block is a multiple of the kernel's.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        block: int,
        paths: Sequence[Path] | None = None,
        n_banks: int = 1,
        dtype: type[np.floating] = np.float64,
        input_limit: float = LARGEST,
    ) -> None:
        n_outputs, n_inputs, n_taps = shape
        if min(shape) < 1 or n_banks < 1:
            raise ValueError(f"nothing to filter: {shape=}, {n_banks=}")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"computes in float32 or float64, not in {dtype}")
        everywhere = [(o, i) for o in range(n_outputs) for i in range(n_inputs)]
        self.paths = list(everywhere if paths is None else dict.fromkeys(paths))
        if not set(self.paths) <= set(everywhere):
            raise ValueError(f"a path lies outside of the matrix: {shape=}, {paths=}")
        kernel_frames = kernel_block(block)
        self.plan = plan_partitions(
            n_taps, kernel_frames, n_inputs=n_inputs, n_outputs=n_outputs, n_paths=len(self.paths)
        )
        per_output = [sum(o == output for o, _ in self.paths) for output in range(n_outputs)]
        self.table, self.pool = layout.allocate(
            self.plan, n_banks=n_banks, paths_per_output=max(per_output), dtype=dtype
        )
        self.latency_samples = kernel_frames - math.gcd(block, kernel_frames)
        self.table[layout.READ] = -self.latency_samples
        self.table[layout.ADVANCE] = kernel.entry_address(dtype)
        self.pool[int(self.table[layout.INPUT_LIMIT_AT])] = input_limit
        self.set_ramps(DEFAULT_RAMP_FRAMES)

    @classmethod
    def of(
        cls, taps: FloatArray, *, block: int, dtype: type[np.floating] = np.float64
    ) -> "Convolver":
        """Make a convolver for one matrix of filters, of shape (n_outputs, n_inputs, n_taps)."""
        paths = [(int(o), int(i)) for o, i in np.argwhere(np.any(taps != 0, axis=-1))]
        n_outputs, n_inputs, n_taps = taps.shape
        convolver = cls((n_outputs, n_inputs, n_taps), block=block, paths=paths, dtype=dtype)
        convolver.load(0, taps)
        convolver.begin_with(0)
        return convolver

    def load(self, bank: int, taps: FloatArray) -> None:
        """Put filters into a bank that is not in use, also while audio runs.

        Parameters
        ----------
        bank : int
        taps : (n_outputs, n_inputs, n_taps) float array
            May have fewer taps than there is room for.
        """
        table, plan = self.table, self.plan
        if not 0 <= bank < table[layout.N_BANKS]:
            raise ValueError(f"{bank=} is none of {table[layout.N_BANKS]}")
        if bank in table[layout.SIDE_BANKS : layout.SIDE_BANKS + 2]:
            raise ValueError(f"{bank=} is being heard")
        if taps.shape[:2] != (plan.n_outputs, plan.n_inputs) or taps.shape[2] > plan.n_taps:
            raise ValueError(f"{taps.shape=} does not fit {plan}")
        if not np.isfinite(taps).all():
            raise ValueError("the taps hold NaN or infinite values")
        used = {(int(o), int(i)) for o, i in np.argwhere(np.any(taps != 0, axis=-1))}
        if not used <= set(self.paths):
            raise ValueError(f"no room was kept for the paths {sorted(used - set(self.paths))}")
        table[table[layout.LOADED_LIST] + bank] = 0
        parts: list[tuple[int, int]] = [(0, plan.head_partitions * plan.block)]
        parts += [(v.first_tap, v.first_tap + v.n_partitions * v.size) for v in plan.levels]
        for number, (start, end) in enumerate(parts):
            for output in range(plan.n_outputs):
                entries = []
                for path, (o, i) in enumerate(self.paths):
                    segment = taps[o, i, start:end]
                    if o == output and np.any(segment):
                        entries += [i, path]
                        self._write_filter(number, bank, path, segment)
                place = kernel.paths_of.py_func(table, bank, number, output)  # type: ignore[attr-defined]
                table[place] = len(entries) // 2
                table[place + 1 : place + 1 + len(entries)] = entries
        table[table[layout.LOADED_LIST] + bank] = 1

    def _write_filter(self, number: int, bank: int, path: int, segment: FloatArray) -> None:
        """Transform the partitions of one path in one level, in double precision."""
        table, plan = self.table, self.plan
        size = plan.block if number == 0 else plan.levels[number - 1].size
        count = plan.head_partitions if number == 0 else plan.levels[number - 1].n_partitions
        padded = np.zeros((count, size))
        padded.ravel()[: segment.size] = segment
        # The inverse DFT of the compiled code is not scaled: the filters carry the factor.
        H = scipy.fft.fft(padded * (window(size) / size), axis=-1)
        if number == 0:
            # (partition, group, cell) becomes (group, partition, cell), the last partition first.
            flat = cells(H[::-1, head_order(size).ravel()]).reshape(count, size // 8, -1)
            floats = int(table[layout.HEAD_FILTER_FLOATS])
            at = int(table[layout.HEAD_FILTERS_AT]) + (bank * plan.n_paths + path) * floats
            self.pool[at : at + floats] = flat.transpose(1, 0, 2).ravel()
            return
        level = plan.levels[number - 1]
        place = layout.LEVELS_LIST + layout.LEVEL_PLACES * (number - 1)
        order = level_order(level.rows, level.columns)
        flat = cells(H[:, order.ravel()]).reshape(count, level.rows // 8, -1)
        floats = int(table[place + layout.FILTER_FLOATS])
        at = int(table[place + layout.FILTERS_AT]) + (bank * plan.n_paths + path) * floats
        target = self.pool[at : at + floats].reshape(level.rows // 8, count, -1)
        target[:, :, : flat.shape[-1]] = flat.transpose(1, 0, 2)

    def begin_with(self, bank: int) -> None:
        """Let a loaded bank be heard from the first frame, before any was processed."""
        self.swap_to(bank)
        if self.table[layout.TIME] > 0:
            raise ValueError("a stream has begun: swap_to crossfades")
        self.table[layout.SIDE_BANKS + self.table[layout.SIDE]] = bank

    def swap_to(self, bank: int) -> None:
        """Crossfade to another bank, as soon as its output is complete."""
        if not self.table[self.table[layout.LOADED_LIST] + bank]:
            raise ValueError(f"{bank=} is not loaded")
        self.table[layout.BANK_WANTED] = bank

    def set_gain(self, output: int, gain: float) -> None:
        """Move the gain of an output, a ratio, along a ramp; 0 mutes, -1 inverts."""
        self.pool[int(self.table[layout.GAIN_WANTED_AT]) + output] = gain

    def begin_silent(self) -> None:
        """Let the gains rise from zero to what is wanted when the first block is processed."""
        for place in (layout.GAIN_FROM_AT, layout.GAIN_TO_AT):
            at = int(self.table[place])
            self.pool[at : at + self.plan.n_outputs] = 0.0

    def set_ramps(self, n_frames: int) -> None:
        """Set how long crossfades and ramps of gain take that begin from here on."""
        self.table[layout.FADE_FRAMES] = self.table[layout.RAMP_FRAMES] = n_frames

    @property
    def bank(self) -> int:
        """The bank that is heard, or -1: the old one until a crossfade is over."""
        return int(self.table[layout.SIDE_BANKS + self.table[layout.SIDE]])

    def forget(self) -> None:
        """Forget all past input, keeping banks and gains; only while nothing is processed."""
        kernel.forget(self.table, self.pool)

    def process(self, x: FloatArray | NDArray[np.float32]) -> FloatArray:
        """Filter the next frames of the stream.

        Parameters
        ----------
        x : (n_inputs, n_frames) float array

        Returns
        -------
        y : (n_outputs, n_frames) float array
            Later than `x` by the delay in the taps and `latency_samples`.
        """
        if x.ndim != 2 or x.shape[0] != self.plan.n_inputs:
            raise ValueError(f"expected ({self.plan.n_inputs}, n) samples, got {x.shape}")
        y = np.empty((self.plan.n_outputs, x.shape[1]), dtype=x.dtype)
        kernel.process(self.table, self.pool, np.ascontiguousarray(x), y)
        return y


def compile_ahead(dtype: type[np.floating] = np.float64) -> None:
    """Compile the convolver for a type of float, or read it from the cache, before it is needed."""
    convolver = Convolver.of(np.ones((1, 1, 1)), block=MIN_BLOCK, dtype=dtype)
    convolver.process(np.zeros((1, MIN_BLOCK)))
