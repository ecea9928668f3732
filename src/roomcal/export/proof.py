"""Read an export back and hold the transfer of every path against the bank."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from roomcal.errors import ProofError
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

# Largest difference of any transfer function, as a ratio: rounding to 32-bit floats leaves 1e-7.
FIR_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Proof:
    """What the read-back found."""

    worst_difference: float  # largest |F_read - F| of any path and rate
    n_paths: int
    worst_db: float | None = None  # where levels are compared: bands of an equaliser
    losses: tuple[str, ...] = ()  # what the format does not carry of the bank


def prove(bank: Bank, read_back: Mapping[int, FilterBank]) -> Proof:
    """Compare every path of every rate: by name where the format carries names, else by order.

    Raises
    ------
    ProofError
        RC-902 with the rate and the path that differs.
    """
    worst, n_paths = 0.0, 0
    if set(read_back) != set(bank.filters):
        raise ProofError(
            "RC-902",
            f"the export holds the rates {sorted(read_back)}, the bank {sorted(bank.filters)}",
            hint="this is a defect of roomcal: please report it",
        )
    for fs, designed in bank.filters.items():
        found = read_back[fs]
        for output in designed.outputs:
            for input_name in designed.inputs:
                difference = _difference(designed, found, output, input_name)
                if not difference <= FIR_TOLERANCE:
                    raise ProofError(
                        "RC-902",
                        f"{input_name} to {output} at {fs} Hz differs by {difference:.2g} "
                        f"(limit {FIR_TOLERANCE:g})",
                        hint="this is a defect of roomcal: please report it",
                        difference=difference,
                    )
                worst = max(worst, difference)
                n_paths += 1
    return Proof(worst, n_paths)


def _difference(designed: FilterBank, found: FilterBank, output: str, input_name: str) -> float:
    """Largest difference of one transfer function."""
    wanted = designed.path(output, input_name)
    taps = _taps(designed, found, output, input_name)
    n = max(wanted.size, taps.size)
    return float(np.max(np.abs(np.fft.rfft(wanted, n) - np.fft.rfft(taps, n))))


def _taps(designed: FilterBank, found: FilterBank, output: str, input_name: str) -> FloatArray:
    """Return the path that was read for one that was designed; silence where there is none."""
    named = set(found.inputs) <= set(designed.inputs) and set(found.outputs) <= set(
        designed.outputs
    )
    outputs = found.outputs if named else designed.outputs[: len(found.outputs)]
    inputs = found.inputs if named else designed.inputs[: len(found.inputs)]
    if output not in outputs or input_name not in inputs:
        return np.zeros(1)
    return found.taps[outputs.index(output), inputs.index(input_name)]
