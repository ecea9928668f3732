"""PipeWire: a filter-chain drop-in per sample rate.

A drop-in holds `context.modules` alone. The service does not run in the user's folder, so file
names are absolute: move the folder and the paths must follow. An input that feeds several
convolvers goes through a `copy` node, several convolvers of one output through a `mixer` node.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from roomcal.errors import InputError
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

# Names of channels in PipeWire's graph, where a speaker's name has one.
_POSITIONS = {"L": "FL", "R": "FR", "C": "FC", "LFE": "LFE", "Sub": "LFE", "SUB": "LFE"}
_MODULE = "libpipewire-module-filter-chain"
_INSTALL = """
1. The .conf files name the WAV files by their absolute path: {place}
   Leave the folder where it is, or correct the paths.
2. Copy the .conf of your graph's sample rate (usually 48000) to
   ~/.config/pipewire/filter-chain.conf.d/
3. systemctl --user enable --now filter-chain.service   (restart it after a change)
4. Choose "roomcal {name}" as the output of your DAW, and connect its own output to the monitors.
"""


def write(bank: Bank, folder: Path, place: Path) -> list[Path]:
    """Write a drop-in and a WAV per rate."""
    files = write_impulses(bank, folder)
    configs = []
    for fs, paths in files.items():
        configs.append(folder / f"roomcal_{fs}.conf")
        text = _config(bank.name, bank.filters[fs], paths, place=place)
        write_bytes(configs[-1], text.encode())
    install = _INSTALL.format(place=place, name=bank.name)
    readme = write_readme(bank, folder, program="PipeWire's filter-chain", install=install)
    return [*configs, *(folder / paths[0].file for paths in files.values()), readme]


def read(folder: Path) -> Mapping[int, FilterBank]:
    """Read every drop-in strictly; WAVs are looked for beside it, by their bare names.

    Raises
    ------
    InputError
        RC-314 for anything that this export does not write.
    """
    configs = sorted(folder.glob("roomcal_*.conf"))
    if not configs:
        raise refused(folder, "holds no roomcal_*.conf")
    banks = {}
    for path in configs:
        try:
            fs = int(path.stem.removeprefix("roomcal_"))
            document = _parse(path.read_text(encoding="utf-8"))
            (module,) = document["context.modules"]
            if module["name"] != _MODULE or set(document) != {"context.modules"}:
                raise ValueError("a drop-in holds the filter-chain module alone")
            banks[fs] = _interpret(folder, fs, module["args"])
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise refused(path, f"is no drop-in of this export: {error}") from error
    return banks


def _config(name: str, filters: FilterBank, paths: Sequence[PathFile], *, place: Path) -> str:
    by_input = {i: [p for p in paths if p.input == i] for i in filters.inputs}
    by_output = {o: [p for p in paths if p.output == o] for o in filters.outputs}
    nodes, links = [], []
    for p in paths:
        file = json.dumps(str(place / p.file))
        nodes.append(
            f"{{ type = builtin name = conv{p.channel} label = convolver "
            f"config = {{ filename = {file} channel = {p.channel} }} }}"
        )
    ins, outs = [], []
    for i, (_, fed) in enumerate(by_input.items()):
        if len(fed) == 1:
            ins.append(f'"conv{fed[0].channel}:In"')
            continue
        nodes.append(f"{{ type = builtin name = in{i} label = copy }}")
        ins.append(f'"in{i}:In"')
        links += [_link(f"in{i}:Out", f"conv{p.channel}:In") for p in fed]
    for o, (_, feeding) in enumerate(by_output.items()):
        if len(feeding) == 1:
            outs.append(f'"conv{feeding[0].channel}:Out"')
            continue
        nodes.append(f"{{ type = builtin name = out{o} label = mixer }}")
        outs.append(f'"out{o}:Out"')
        links += [
            _link(f"conv{p.channel}:Out", f"out{o}:In {n}") for n, p in enumerate(feeding, start=1)
        ]
    indent = "\n          "
    return f"""# roomcal correction {name}, {filters.fs} Hz
context.modules = [
  {{ name = {_MODULE}
    flags = [ nofail ]
    args = {{
      node.description = "roomcal {name}"
      media.name = "roomcal {name}"
      filter.graph = {{
        nodes = [{indent}{indent.join(nodes)}
        ]
        links = [{"".join(indent + link for link in links)}
        ]
        inputs = [ {" ".join(ins)} ]
        outputs = [ {" ".join(outs)} ]
      }}
      capture.props = {{
        node.name = "effect_input.roomcal"
        media.class = Audio/Sink
        audio.channels = {len(filters.inputs)}
        audio.position = [ {_position_list(filters.inputs)} ]
      }}
      playback.props = {{
        node.name = "effect_output.roomcal"
        node.passive = true
        audio.channels = {len(filters.outputs)}
        audio.position = [ {_position_list(filters.outputs)} ]
      }}
    }}
  }}
]
"""


def _link(source: str, sink: str) -> str:
    return f'{{ output = "{source}" input = "{sink}" }}'


def _position_list(names: Sequence[str]) -> str:
    positions = [_POSITIONS.get(name, "") for name in names]
    if "" in positions or len(set(positions)) < len(positions):
        positions = [f"AUX{n}" for n in range(len(names))]
    return " ".join(positions)


def _interpret(folder: Path, fs: int, args: Mapping[str, Any]) -> FilterBank:
    """Follow the graph from its inputs to its outputs."""
    graph = args["filter.graph"]
    nodes = {node["name"]: node for node in graph["nodes"]}
    sources: dict[str, list[str]] = {}
    for link in graph["links"]:
        sources.setdefault(link["input"].split(":")[0], []).append(link["output"].split(":")[0])
    entering = {port.split(":")[0]: n for n, port in enumerate(graph["inputs"])}
    channels = inputs(len(graph["inputs"]))

    def carried(name: str) -> Carried:
        """Work out what leaves a node."""
        node = nodes[name]
        arriving = [channels[entering[name]]] if name in entering else []
        total = summed([*arriving, *(carried(source) for source in sources.get(name, []))])
        if node["label"] != "convolver":
            return total
        config = node["config"]
        if set(config) != {"filename", "channel"}:
            raise ValueError(f"unexpected settings of a convolver: {config}")
        file = Path(config["filename"]).name
        return filtered(total, read_impulse(folder / file, int(config["channel"]), fs=fs))

    outputs = [carried(port.split(":")[0]) for port in graph["outputs"]]
    if [int(args[k]["audio.channels"]) for k in ("capture.props", "playback.props")] != [
        len(channels),
        len(outputs),
    ]:
        raise ValueError("the number of channels does not fit the graph")
    return bank_of_paths(fs, path_taps(outputs), outputs=numbered(len(outputs)))


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]"=,]+|=')


def _parse(text: str) -> dict[str, Any]:
    """Parse PipeWire's relaxed JSON: `key = value`, no commas, bare words."""
    tokens = iter(
        _TOKEN.findall("\n".join(line for line in text.splitlines() if not line.startswith("#")))
    )
    return _object(tokens, end="")


def _object(tokens: Iterator[str], *, end: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for token in tokens:
        if token == end:
            return result
        if next(tokens) != "=" or token in result:
            raise ValueError(f"expected one value for {token!r}")
        result[token] = _value(next(tokens), tokens)
    if end:
        raise ValueError("the text ends within an object")
    return result


def _value(token: str, tokens: Iterator[str]) -> Any:  # noqa: ANN401 - any value of the document
    if token == "{":
        return _object(tokens, end="}")
    if token == "[":
        items: list[Any] = []
        for item in tokens:
            if item == "]":
                return items
            items.append(_value(item, tokens))
        raise ValueError("the text ends within a list")
    return json.loads(token) if token.startswith('"') else token
