"""The seam for scripted faults: where in the chain something can go wrong."""

from dataclasses import dataclass

import numpy as np

from roomcal.units import FloatArray


@dataclass(frozen=True)
class Moment:
    """The take in which a fault may strike."""

    fs: int
    take: int  # counted from 0 since the device was opened
    microphone: int  # row of the microphone's input
    rng: np.random.Generator

    def sample(self, time_s: float) -> int:
        """Return the sample nearest to a time in the take."""
        return round(time_s * self.fs)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong in every take, or in those that `takes` counts from 0.

    Each method is one place of the chain, in the order of the signal; a fault overrides its own.
    """

    takes: tuple[int, ...] = ()

    def strikes(self, take: int) -> bool:
        """Whether the fault happens in this take."""
        return not self.takes or take in self.takes

    def on_output(self, output: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Change what the outputs send, (n_outputs, n_frames)."""
        return output

    def on_clock(self, instants: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Move the instants, in samples of the output, at which the input samples, (n_frames,)."""
        return instants

    def on_input(self, inputs: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Change the voltage at the inputs, before the converter, (n_inputs, n_frames)."""
        return inputs

    def on_recording(self, recorded: FloatArray, moment: Moment) -> FloatArray:  # noqa: ARG002
        """Change the numbers that arrive, after the converter, (n_inputs, n_frames)."""
        return recorded

    def xruns(self) -> int:
        """Overruns that the stream reports."""
        return 0

    def vanishes_at_s(self) -> float | None:
        """Time at which the device stops answering."""
        return None

    def interrupted_at_s(self) -> float | None:
        """Time at which the user asks for the end."""
        return None
