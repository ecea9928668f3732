"""BruteFIR: one configuration per sample rate, coefficients as raw 64-bit floats.

BruteFIR reads no WAV. Its partitions times their length must hold the taps, the length is a power
of two, and every setting ends with a semicolon.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from roomcal.export.impulse_files import bank_of_paths, refused
from roomcal.export.readme import write_readme
from roomcal.export.signal_graph import numbered
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

_PARTITION = 4096
_INSTALL = """
1. Go to this folder (file names are relative to the current folder).
2. The configuration filters in.f64 into out.f64 (raw 64-bit floats, interleaved) and can be tried
   at once: brutefir -nodefault brutefir_RATE.conf
3. For live use replace the device of input and output by yours, for example
   device: "jack" { };   or   device: "alsa" { device: "hw:0"; };
   and take a smaller filter_length for less latency.
Take the file of your sample rate. Inputs and outputs stand in the order of the names above.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write a configuration per rate and a raw file per path."""
    written = []
    for fs, filters in bank.filters.items():
        coefficients = []
        for output, inp in filters.active_paths:
            name = f"{fs}-{filters.inputs.index(inp) + 1}-{filters.outputs.index(output) + 1}.f64"
            write_bytes(folder / name, filters.path(output, inp).astype("<f8").tobytes())
            coefficients.append((name, output, inp))
        config = folder / f"brutefir_{fs}.conf"
        write_bytes(config, _config(bank, filters, coefficients).encode("ascii"))
        written += [config, *(folder / name for name, _, _ in coefficients)]
    return [*written, write_readme(bank, folder, program="BruteFIR", install=_INSTALL)]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every configuration strictly.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    configs = sorted(folder.glob("brutefir_*.conf"))
    if not configs:
        raise refused(folder, "holds no brutefir_*.conf")
    banks = [_read_one(path) for path in configs]
    return {filters.fs: filters for filters in banks}


def _config(bank: Bank, filters: FilterBank, coefficients: list[tuple[str, str, str]]) -> str:
    n_partitions = max(1, -(-filters.n_taps // _PARTITION))
    lines = [
        f"# roomcal correction {bank.name}, {filters.fs} Hz",
        f"float_bits: 64; sampling_rate: {filters.fs}; filter_length: {_PARTITION},{n_partitions};",
        "overflow_warnings: true; show_progress: false; max_dither_table_size: 0;",
        'allow_poll_mode: false; modules_path: "."; monitor_rate: false; powersave: false;',
        "lock_memory: false; sdf_length: -1;",
        'convolver_config: "brutefir_convolver";',
    ]
    for n, (name, _, _) in enumerate(coefficients, start=1):
        lines.append(
            f'coeff "c{n}" {{ filename: "{name}"; format: "FLOAT64_LE"; attenuation: 0.0; '
            "blocks: -1; skip: 0; shared_mem: false; };"
        )
    lines.append(_port("input", len(filters.inputs)))
    lines.append(_port("output", len(filters.outputs)))
    for n, (_, output, inp) in enumerate(coefficients, start=1):
        lines.append(
            f'filter "f{n}" {{ from_inputs: "in{filters.inputs.index(inp) + 1}"; '
            f'to_outputs: "out{filters.outputs.index(output) + 1}"; process: 0; coeff: "c{n}"; '
            "delay: 0; crossfade: false; };"
        )
    return "\n".join(lines) + "\n"


def _port(kind: str, n: int) -> str:
    """All inputs or outputs, on a file."""
    prefix = "in" if kind == "input" else "out"
    names = ",".join(f'"{prefix}{k + 1}"' for k in range(n))
    zeros, minus, falses = (",".join([each] * n) for each in ("0", "-1", "false"))
    dither = " dither: false;" if kind == "output" else ""
    return (
        f'{kind} {names} {{ device: "file" {{ path: "{prefix}.f64"; }}; sample: "FLOAT64_LE"; '
        f"channels: {n}; delay: {zeros}; maxdelay: -1; subdelay: {zeros}; "
        f"individual_maxdelay: {minus}; mute: {falses};{dither} }};"
    )


def _read_one(path: Path) -> FilterBank:
    try:
        text = re.sub(r"#.*", "", path.read_text(encoding="ascii"))
        fs = int(_only(r"sampling_rate: (\d+);", text))
        length, count = re.findall(r"filter_length: (\d+),(\d+);", text)[0]
        files = {}
        for name, body in re.findall(r'coeff "(\w+)" \{(.*?)\};', text):
            if 'format: "FLOAT64_LE"' not in body or "attenuation: 0.0" not in body:
                raise ValueError(f"coeff {name} is scaled or of another format")
            files[name] = _only(r'filename: "([\w.-]+)";', body)
        n_inputs = int(_only(r'input (?:"\w+",?)+ \{.*?channels: (\d+);', text))
        n_outputs = int(_only(r'output (?:"\w+",?)+ \{.*?channels: (\d+);', text))
        taps: dict[tuple[str, str], FloatArray] = {}
        for body in re.findall(r'filter "\w+" \{(.*?)\};', text):
            inp = _only(r'from_inputs: "in(\d+)";', body)
            out = _only(r'to_outputs: "out(\d+)";', body)
            h = np.fromfile(path.parent / files[_only(r'coeff: "(\w+)";', body)], "<f8")
            if h.size > int(length) * int(count) or not np.isfinite(h).all() or (out, inp) in taps:
                raise ValueError(f"filter from {inp} to {out} is cut, not finite or stands twice")
            if int(inp) > n_inputs or int(out) > n_outputs:
                raise ValueError(f"no input {inp} or output {out}")
            taps[out, inp] = h
        ordered = dict(sorted(taps.items(), key=lambda item: int(item[0][1])))
        return bank_of_paths(fs, ordered, outputs=numbered(n_outputs))
    except (OSError, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise refused(path, f"is no configuration of this export: {error}") from error


def _only(pattern: str, text: str) -> str:
    """Return what a pattern finds; it must stand exactly once."""
    found = re.findall(pattern, text)
    if len(found) != 1:
        raise ValueError(f"{pattern!r} stands {len(found)} times")
    return str(found[0])
