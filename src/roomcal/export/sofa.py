"""SOFA (AES69): a file a sample rate, convention GeneralFIR.

A measurement is an input, a receiver an output. The names of both stand in the comment, since the
convention has no place of its own for them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from roomcal import __version__
from roomcal.export.impulse_files import refused
from roomcal.export.readme import write_readme
from roomcal.files.atomic import replacing
from roomcal.model.filter_bank import Bank, FilterBank

if TYPE_CHECKING:
    from netCDF4 import Dataset

# A date is mandatory; the same bank is the same file on every day.
_DATE = "2000-01-01 00:00:00"
_ATTRIBUTES = {
    "Conventions": "SOFA",
    "Version": "2.1",
    "SOFAConventions": "GeneralFIR",
    "SOFAConventionsVersion": "1.0",
    "DataType": "FIR",
}
_INSTALL = """
Load NAME-RATE.sofa in a program that reads SOFA: MATLAB or Octave (SOFA Toolbox), Python (sofar,
pyfar), Max (spat), or SOFA-aware convolvers. No DAW needs it: it is the archive of a bank.
Measurement m is input m, receiver r is output r, in the order of the names above; Data.IR holds
the taps in double precision and Data.Delay is 0. Positions and the date in the file mean nothing.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write NAME-RATE.sofa for every rate."""
    written = []
    for fs, filters in bank.filters.items():
        path = folder / f"{bank.name}-{fs}.sofa"
        with replacing(path) as temporary:
            _write_file(temporary, bank.name, filters)
        written.append(path)
    return [*written, write_readme(bank, folder, program="SOFA readers", install=_INSTALL)]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every file strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    found = sorted(folder.glob("*.sofa"))
    if not found:
        raise refused(folder, "holds no .sofa")
    banks = [_read_file(path) for path in found]
    return {filters.fs: filters for filters in banks}


def _write_file(path: Path, name: str, filters: FilterBank) -> None:
    import netCDF4

    n_out, n_in, n_taps = filters.taps.shape
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        sizes = {"M": n_in, "R": n_out, "E": 1, "N": n_taps, "C": 3, "I": 1}
        for dimension, size in sizes.items():
            file.createDimension(dimension, size)
        texts = {
            **_ATTRIBUTES,
            "APIName": "roomcal",
            "APIVersion": __version__,
            "ApplicationName": "roomcal",
            "ApplicationVersion": __version__,
            "AuthorContact": "-",
            "Comment": f"inputs {','.join(filters.inputs)}; outputs {','.join(filters.outputs)}",
            "License": "-",
            "Organization": "-",
            "RoomType": "free field",
            "DateCreated": _DATE,
            "DateModified": _DATE,
            "Title": f"roomcal correction {name} at {filters.fs} Hz",
        }
        for key, text in texts.items():
            file.setncattr(key, text)
        _position(file, "ListenerPosition", ("I", "C"), [[0.0, 0.0, 0.0]])
        _position(file, "ReceiverPosition", ("R", "C", "I"), np.zeros((n_out, 3, 1)))
        _position(file, "SourcePosition", ("I", "C"), [[0.0, 0.0, 1.0]], spherical=True)
        _position(file, "EmitterPosition", ("E", "C", "I"), np.zeros((1, 3, 1)))
        ir = file.createVariable("Data.IR", "f8", ("M", "R", "N"), zlib=True, complevel=4)
        ir[:] = np.swapaxes(filters.taps, 0, 1)
        rate = file.createVariable("Data.SamplingRate", "f8", ("I",))
        rate[:] = [float(filters.fs)]
        rate.Units = "hertz"
        delay = file.createVariable("Data.Delay", "f8", ("I", "R"))
        delay[:] = np.zeros((1, n_out))


def _position(
    file: "Dataset",
    name: str,
    dimensions: tuple[str, ...],
    values: ArrayLike,
    *,
    spherical: bool = False,
) -> None:
    """Write one of the positions that a convention demands."""
    variable = file.createVariable(name, "f8", dimensions)
    variable[:] = np.asarray(values)
    variable.Type = "spherical" if spherical else "cartesian"
    variable.Units = "degree, degree, metre" if spherical else "metre"


def _read_file(path: Path) -> FilterBank:
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            for key, text in _ATTRIBUTES.items():
                if file.getncattr(key) != text:
                    raise ValueError(f"{key} is {file.getncattr(key)!r}, not {text!r}")
            names = re.fullmatch(r"inputs (\S+); outputs (\S+)", file.getncattr("Comment"))
            if names is None:
                raise ValueError("its comment does not name inputs and outputs")
            inputs, outputs = (tuple(group.split(",")) for group in names.groups())
            rate = np.asarray(file.variables["Data.SamplingRate"][:])
            if rate.shape != (1,) or file.variables["Data.SamplingRate"].Units != "hertz":
                raise ValueError("it has not one sample rate in hertz")
            if np.any(file.variables["Data.Delay"][:]):
                raise ValueError("it has a delay beside the taps")
            data = file.variables["Data.IR"]
            if data.dimensions != ("M", "R", "N") or data.dtype != np.float64:
                raise ValueError(f"Data.IR is {data.dtype} over {data.dimensions}")
            taps = np.asarray(data[:], dtype=np.float64).transpose(1, 0, 2)
        return FilterBank(taps, int(rate[0]), inputs, outputs)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise refused(path, f"is no SOFA file of this export: {error}") from error
