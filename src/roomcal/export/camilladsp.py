"""CamillaDSP: configuration fragments for versions 2 and 3/4, and a complete test configuration.

The convolution blocks are the same in every version; only the pipeline's filter steps differ
(`channel: 0` before version 3, `channels: [0]` since). `$samplerate$` in the file name picks the
file of the running rate, since CamillaDSP itself ignores the rate of a WAV.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from roomcal.export.impulse_files import (
    PathFile,
    bank_of_paths,
    read_impulse,
    refused,
    write_impulses,
)
from roomcal.export.readme import write_readme
from roomcal.export.signal_graph import Carried, filtered, inputs, numbered, path_taps, summed
from roomcal.files.atomic import write_bytes
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.units import FloatArray

_NEW, _OLD, _TEST = "camilladsp-v3-v4.yml", "camilladsp-v2.yml", "camilladsp-test-v4.yml"
_TOKEN = "$samplerate$"
_INSTALL = """
1. Copy the fir_*.wav files next to your CamillaDSP configuration file (relative file names are
   looked up there).
2. Copy the sections filters, mixers (if any) and pipeline out of camilladsp-v3-v4.yml (or
   camilladsp-v2.yml) into that configuration, or merge the pipeline steps with yours.
3. devices: samplerate must be one of the rates above. Channels count from 0, in the order of the
   inputs and outputs named above.
4. Check it: camilladsp --check CONFIG.yml

camilladsp-test-v4.yml is complete: it filters in.wav into out.raw without any sound card.
"""


def write(bank: Bank, folder: Path, _place: Path) -> list[Path]:
    """Write the fragments, the test configuration and the impulse responses."""
    files = write_impulses(bank, folder)
    first = next(iter(bank.filters.values()))
    paths = next(iter(files.values()))
    texts = {
        _NEW: _fragment(first, paths, old=False),
        _OLD: _fragment(first, paths, old=True),
        _TEST: _devices(first) + _fragment(first, paths, old=False),
    }
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
    readme = write_readme(bank, folder, program="CamillaDSP", install=_INSTALL)
    wavs = [folder / each[0].file for each in files.values()]
    return [*(folder / name for name in texts), *wavs, readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read both fragments for every rate and require that they say the same.

    Raises
    ------
    InputError
        RC-314 for anything that CamillaDSP would not take or that this export does not write.
    """
    rates = sorted(int(p.stem.removeprefix("fir_")) for p in folder.glob("fir_*.wav"))
    if not rates:
        raise refused(folder, "holds no fir_*.wav")
    banks = {fs: _interpret(folder / _NEW, fs, old=False) for fs in rates}
    for fs in rates:
        if not np.array_equal(_interpret(folder / _OLD, fs, old=True).taps, banks[fs].taps):
            raise refused(folder / _OLD, "differs from the newer fragment")
    return banks


def _fragment(filters: FilterBank, paths: Sequence[PathFile], *, old: bool) -> str:
    """YAML in the flow style of CamillaDSP's own examples."""
    lines = [f"# inputs: {', '.join(filters.inputs)}; outputs: {', '.join(filters.outputs)}"]
    lines.append("filters:")
    for n, path in enumerate(paths):
        file = f"fir_{_TOKEN}.wav"
        lines.append(
            f"  roomcal_{n}: {{type: Conv, parameters: {{type: Wav, filename: {file}, "
            f"channel: {path.channel}}}}}"
        )
    steps = [_filter_step(n, f"roomcal_{n}", old=old) for n in range(len(paths))]
    if _is_diagonal(filters, paths):
        return "\n".join([*lines, "pipeline:", *steps]) + "\n"
    spread = [(n, [filters.inputs.index(p.input)]) for n, p in enumerate(paths)]
    gathered = [
        (o, [n for n, p in enumerate(paths) if p.output == name])
        for o, name in enumerate(filters.outputs)
    ]
    lines.append("mixers:")
    lines += _mixer("roomcal_spread", len(filters.inputs), len(paths), spread)
    lines += _mixer("roomcal_gather", len(paths), len(filters.outputs), gathered)
    steps = [
        "  - {type: Mixer, name: roomcal_spread}",
        *steps,
        "  - {type: Mixer, name: roomcal_gather}",
    ]
    return "\n".join([*lines, "pipeline:", *steps]) + "\n"


def _is_diagonal(filters: FilterBank, paths: Sequence[PathFile]) -> bool:
    """Whether path n leads from input n to output n: no mixer is needed."""
    pairs = [(p.output, p.input) for p in paths]
    return pairs == list(zip(filters.outputs, filters.inputs, strict=False)) and (
        len(filters.outputs) == len(filters.inputs) == len(pairs)
    )


def _filter_step(channel: int, name: str, *, old: bool) -> str:
    where = f"channel: {channel}" if old else f"channels: [{channel}]"
    return f"  - {{type: Filter, {where}, names: [{name}]}}"


def _mixer(
    name: str, n_in: int, n_out: int, mapping: Sequence[tuple[int, Sequence[int]]]
) -> list[str]:
    """One mixer: destination and its sources, all at 0 dB."""
    lines = [f"  {name}:", f"    channels: {{in: {n_in}, out: {n_out}}}", "    mapping:"]
    for dest, sources in mapping:
        each = ", ".join(f"{{channel: {s}, gain: 0.0, inverted: false}}" for s in sources)
        lines.append(f"      - {{dest: {dest}, sources: [{each}]}}")
    return lines


def _devices(filters: FilterBank) -> str:
    """Devices that are files: the whole chain without a sound card (names of version 4)."""
    return (
        f"devices:\n  samplerate: {filters.fs}\n  chunksize: 4096\n"
        "  capture: {type: WavFile, filename: in.wav}\n"
        f"  playback: {{type: File, channels: {len(filters.outputs)}, filename: out.raw, "
        "format: F32_LE}\n"
    )


def _interpret(path: Path, fs: int, *, old: bool) -> FilterBank:
    """Run the pipeline on one unit impulse per input."""
    import yaml

    try:
        config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        known = {"filters", "mixers", "pipeline"}
        if not isinstance(config, dict) or not {"filters", "pipeline"} <= set(config) <= known:
            raise ValueError("sections are filters, mixers and pipeline")
        filters = {n: _conv(path.parent, f, fs) for n, f in config["filters"].items()}
        return _run(config, filters, fs, old=old)
    except (OSError, ValueError, KeyError, TypeError, IndexError, yaml.YAMLError) as error:
        raise refused(path, f"is no configuration of this export: {error}") from error


def _conv(folder: Path, block: Mapping[str, Any], fs: int) -> FloatArray:
    """Return the taps of one filter block."""
    parameters = dict(block["parameters"])
    if (block["type"], parameters.pop("type")) != ("Conv", "Wav") or set(block) != {
        "type",
        "parameters",
    }:
        raise ValueError(f"{block} is no convolution with a WAV")
    file = str(parameters.pop("filename")).replace(_TOKEN, str(fs))
    channel = int(parameters.pop("channel", 0))
    if parameters or "/" in file or "\\" in file:
        raise ValueError(f"unexpected {parameters or file}")
    return read_impulse(folder / file, channel, fs=fs)


def _run(
    config: Mapping[str, Any], filters: Mapping[str, FloatArray], fs: int, *, old: bool
) -> FilterBank:
    steps = list(config["pipeline"])
    mixers = config.get("mixers", {})
    n_inputs = (
        int(mixers[steps[0]["name"]]["channels"]["in"]) if mixers else len(filters)
    )  # without a mixer every channel has one filter
    channels = inputs(n_inputs)
    for step in steps:
        if step["type"] == "Mixer":
            channels = _mixed(channels, mixers[step["name"]])
            continue
        if step["type"] != "Filter" or set(step) != {
            "type",
            "names",
            "channel" if old else "channels",
        }:
            raise ValueError(f"unexpected step {step}")
        for c in [step["channel"]] if old else step["channels"]:
            for name in step["names"]:
                channels[c] = filtered(channels[c], filters[name])
    return bank_of_paths(fs, path_taps(channels), outputs=numbered(len(channels)))


def _mixed(channels: Sequence[Carried], mixer: Mapping[str, Any]) -> list[Carried]:
    if mixer["channels"]["in"] != len(channels):
        raise ValueError(f"a mixer of {mixer['channels']} meets {len(channels)} channels")
    result: list[Carried] = [{} for _ in range(mixer["channels"]["out"])]
    for entry in mixer["mapping"]:
        if any(source["gain"] != 0.0 or source["inverted"] for source in entry["sources"]):
            raise ValueError(f"a mixer of this export has no gain: {entry}")
        sources = [channels[source["channel"]] for source in entry["sources"]]
        result[entry["dest"]] = summed(sources)
    return result
