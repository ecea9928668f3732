"""When everything in a take happened: its marks, its clock, lost samples, silences, and no hum."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft

from roomcal.dsp.resample import sample_evenly
from roomcal.dsp.sweep_signal import MARK_DURATION_S
from roomcal.measure.clock import ClockLine, air_samples, fit_clock
from roomcal.measure.hum import Hum, SweepTime, find_hum
from roomcal.measure.received_marks import ReceivedMarks, received_marks
from roomcal.measure.responses import PRE_S, clock_of_capture
from roomcal.measure.steps import (
    CERTAIN_STEP,
    LEAST_STEP,
    Step,
    StepInSweep,
    find_steps,
    locate_step,
    step_within_mark,
    without_step,
)
from roomcal.measure.sweep_model import sweep_model
from roomcal.model.capture import Capture
from roomcal.units import FloatArray

_GUARD_S = 0.03  # of silence: before the first mark, and at the ends of the recording
_MARK_DECAY_S = 0.5  # after the last mark, until its decay is no longer in the silence
_LEAST_SILENCE_S = 0.1
# A mark that something covered: what it does not share with the others, above the noise and re
# the mark itself. It then says nothing about time and level.
_COVERED_ABOVE_NOISE_DB = 10.0
_COVERED_DB = -26.0
_LEAST_MARKS = 3
_MARK_EDGE_S = 0.02  # of silence, or of the room, on either side of a mark
_KERNEL_SAMPLES = 100  # read around a part that is resampled


@dataclass(frozen=True, eq=False)
class TimeBase:
    """One take, in time; each property is worked out when it is asked for first."""

    capture: Capture

    @property
    def fs(self) -> int:
        """Sample rate."""
        return self.capture.fs

    @cached_property
    def all_marks(self) -> ClockLine:
        """Clock line through all marks, whatever happened to them."""
        return clock_of_capture(self.capture)

    @cached_property
    def _step_and_place(self) -> tuple[Step, StepInSweep | None] | None:
        """The step of the marks, if no sweep denies it, and where in its sweep it is."""
        within = self._step_within_mark()
        if within is not None:
            return within, None
        steps = find_steps(self.all_marks, self.fs)
        placed = [(step, self._place_in_sweep(step)) for step in steps]
        for step, place in placed:
            if place is not None and (self._is_above_air(step) or place.in_still_air):
                return step, place
        # Nothing to compare with, or too much is missing to compare: the marks alone decide.
        for step in steps:
            certain = abs(step.samples) >= air_samples(CERTAIN_STEP, self.fs)
            if certain or (self._is_above_air(step) and not self._has_others(step)):
                return step, None
        return None

    def _is_above_air(self, step: Step) -> bool:
        """Whether air would hardly move this far; at high rates it moves by whole samples."""
        return abs(step.samples) >= air_samples(LEAST_STEP, self.fs)

    @property
    def step(self) -> Step | None:
        """Samples that were lost or inserted, if the marks show it and no sweep denies it."""
        return None if self._step_and_place is None else self._step_and_place[0]

    @cached_property
    def step_time_s(self) -> float | None:
        """When samples were lost, in the recording; None if only the marks around are known."""
        if self._step_and_place is None:
            return None
        step, place = self._step_and_place
        sweep, plan = self._sweep_after(step), self.capture.plan
        if place is None or sweep is None or not 0.0 < place.f_hz < np.inf:
            return None
        time_s = plan.sweep.rate_s * float(np.log(place.f_hz / plan.sweep.start_hz))
        at = plan.sweep_starts[sweep] + time_s * plan.sweep.fs
        return self.clock.recorded_at(at) / self.fs

    @cached_property
    def marks(self) -> ReceivedMarks:
        """How loud and how clean the marks arrived at the microphone."""
        return received_marks(
            self.microphone, self.all_marks, self.fs, noise=self.microphone[self.silences[0]]
        )

    @cached_property
    def covered_marks(self) -> tuple[int, ...]:
        """Marks that something else covered."""
        limit = max(self.marks.noise_db + _COVERED_ABOVE_NOISE_DB, _COVERED_DB)
        return tuple(int(k) for k in np.flatnonzero(self.marks.disturbance_db > limit))

    @cached_property
    def clock(self) -> ClockLine:
        """Clock line of the good marks, lost samples put back."""
        line = self.all_marks
        if self.step is not None:
            line = without_step(line, self.step)
        good = [k for k in range(line.mark_starts.size) if k not in self.covered_marks]
        if self.capture.loopback is None and _LEAST_MARKS <= len(good) < line.mark_starts.size:
            return fit_clock(line.mark_starts[good], line.mark_samples[good])
        return line

    @cached_property
    def silences(self) -> tuple[slice, ...]:
        """Parts of the recording in which nothing plays: the first is before the first mark."""
        plan, guard = self.capture.plan, round(_GUARD_S * self.fs)
        until = max(1, int(self.all_marks.mark_samples[0]) - guard)
        before = slice(max(0, until - plan.pre_roll_samples), until)
        decayed_s = MARK_DURATION_S + _MARK_DECAY_S
        first = int(self.all_marks.mark_samples[-1]) + round(decayed_s * self.fs)
        last = min(self.capture.microphone.size, self.end_of_sound)
        after = slice(first, max(first, last - guard))
        long_enough = after.stop - after.start >= _LEAST_SILENCE_S * self.fs
        return (before, after) if long_enough else (before,)

    @cached_property
    def end_of_sound(self) -> int:
        """Where the recording ends, without zeros that something has appended."""
        heard = np.flatnonzero(self.capture.microphone)
        return int(heard[-1]) + 1 if heard.size else 0

    @cached_property
    def hum(self) -> Hum | None:
        """Mains hum, if there is any."""
        sweep = self.capture.plan.sweep
        times = [
            SweepTime(self.all_marks.recorded_at(start) / self.fs, sweep.start_hz, sweep.rate_s)
            for start in self.capture.plan.sweep_starts
        ]
        return find_hum(self.capture.microphone, self.fs, silences=self.silences, sweeps=times)

    @cached_property
    def microphone(self) -> FloatArray:
        """The recording without hum, (n_samples,)."""
        if self.hum is None:
            return self.capture.microphone
        return self.capture.microphone - self.hum.signal

    def recorded_at(self, output_index: float) -> float:
        """Return the recording index of something played at an output index, steps included."""
        return self.clock.recorded_at(output_index) + self.step_at(output_index)

    def step_at(self, output_index: float) -> float:
        """Return by how many samples a step makes the recording late at an output index."""
        if self.step is None:
            return 0.0
        before = self.capture.plan.mark_starts[self.step.after_mark + 1]
        return float(self.step.whole_samples) if output_index >= before else 0.0

    @cached_property
    def damaged_sweep(self) -> int | None:
        """Sweep in which samples may be missing."""
        return None if self.step is None else self._sweep_after(self.step)

    def read(self, x: FloatArray, output_index: float, n: int) -> FloatArray:
        """Read a channel of the recording on the player's clock.

        Parameters
        ----------
        x : (n_recorded,) float array
        output_index : float
            Where to begin.
        n : int

        Returns
        -------
        y : (n,) float array
        """
        return _stretched(x, self.recorded_at(output_index), self.clock.ratio, n)

    def _sweep_after(self, step: Step) -> int | None:
        """Sweep between the marks of a step, None if there is none."""
        marks = self.capture.plan.mark_starts
        first, last = marks[step.after_mark], marks[step.after_mark + 1]
        inside = [k for k, s in enumerate(self.capture.plan.sweep_starts) if first < s < last]
        return inside[0] if inside else None

    def _step_within_mark(self) -> Step | None:
        """Find a step that struck while a mark played, which falls: its bass is late alone."""
        line, n = self.all_marks, self.all_marks.mark_starts.size
        others = [k for k in range(n) if k not in self.covered_marks]
        size = round((MARK_DURATION_S + 2.0 * _MARK_EDGE_S) * self.fs)
        edge = _MARK_EDGE_S * self.fs
        for k in self.covered_marks:
            step = step_within_mark(line, k, others, self.fs)
            if step is None:
                continue
            starts = [float(line.mark_samples[i]) for i in others]
            after = step.clock.recorded_at(float(line.mark_starts[k])) + step.whole_samples
            starts.append(after)  # where the treble, which came before, is early
            *whole, struck = (
                scipy.fft.rfft(_stretched(self.microphone, at - edge, step.clock.ratio, size))
                for at in starts
            )
            cross = struck * np.conj(np.mean(whole, axis=0))
            if locate_step(cross, self.fs, -float(step.whole_samples)) is not None:
                return step
        return None

    def _has_others(self, step: Step) -> bool:
        """Whether other sweeps can deny a step."""
        return self._sweep_after(step) is not None and len(self.capture.plan.sweep_starts) > 1

    def _place_in_sweep(self, step: Step) -> StepInSweep | None:
        """Find where in its sweep samples are missing; None if the sweep shows no step."""
        plan = self.capture.plan
        sweep = self._sweep_after(step)
        if sweep is None or len(plan.sweep_starts) == 1:
            return None
        clock = without_step(self.all_marks, step)
        pre = round(0.5 * PRE_S * plan.sweep.fs)
        n = pre + plan.sweep.n_samples + plan.tail_samples
        model = sweep_model(plan.sweep, n, plan.tail_samples)
        spectra = []
        for k, start in enumerate(plan.sweep_starts):
            at = clock.recorded_at(start - pre) + (step.whole_samples if k > sweep else 0)
            h = model.response(_stretched(self.capture.microphone, at, clock.ratio, n), 0)
            spectra.append(scipy.fft.rfft(h[: pre + plan.tail_samples]))
        others = [s for k, s in enumerate(spectra) if k != sweep]
        # A lost sample is a whole one: half of one, or what air makes of it, is not.
        cross = spectra[sweep] * np.conj(np.mean(others, axis=0))
        return locate_step(cross, self.fs, float(step.whole_samples))


def _stretched(x: FloatArray, start: float, ratio: float, n: int) -> FloatArray:
    """Part of a recording at the instants of another clock."""
    first = max(0, int(start) - _KERNEL_SAMPLES)
    last = max(first + 1, int(start + ratio * n) + _KERNEL_SAMPLES)
    return sample_evenly(x[first:last], start - first, ratio, n)
