"""Find a target: by its name, or in a text file."""

from pathlib import Path

from roomcal.design.targets import TARGETS, target_curve
from roomcal.design.targets_measured import MEASURED_TARGETS
from roomcal.files.curve_text import read_curve
from roomcal.files.folders import unknown_name
from roomcal.model.curve import Curve


def find_target(name: str) -> Curve:
    """Return the curve of a named target, or of a text file.

    Raises
    ------
    InputError
        RC-309 when it is neither, RC-307 when the file cannot be used.
    """
    if name in TARGETS:
        return target_curve(name)
    if name in MEASURED_TARGETS:
        return target_curve("flat")  # until the responses are there
    path = Path(name)
    if path.exists() or path.suffix or path.name != name:
        return read_curve(path)
    raise unknown_name("target", name, [*TARGETS, *MEASURED_TARGETS])
