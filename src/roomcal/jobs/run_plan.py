"""What a live run will do, decided and checked before any sound: banks, source, monitors."""

import dataclasses
import os
from pathlib import Path

from roomcal.devices.registry import is_virtual, open_device
from roomcal.errors import InputError, SafetyStop
from roomcal.files.bank_store import load_bank
from roomcal.files.feedback_mark import read_mark, remove_mark
from roomcal.files.studio_toml import FILE_NAME, read_studio
from roomcal.live.controls import Cast
from roomcal.live.request import Route, RunRequest, System
from roomcal.live.routing import (
    check_source,
    microphone_inputs,
    no_source,
    output_channels,
    parse_source,
    refuse_microphone,
)
from roomcal.model.filter_bank import Bank, FilterBank
from roomcal.model.studio import Source, Studio

DEFAULT_BLOCK = 256  # frames; 5.3 ms at 48 kHz
_VIRTUAL = "virtual"


@dataclasses.dataclass(frozen=True)
class RunChoices:
    """What the user asked for."""

    banks: tuple[str, ...]
    source: str | None = None
    device: str | None = None
    block: int | None = None
    jack: bool = False
    fs: int | None = None
    float32: bool = False
    lookahead_s: float = 0.0
    latency_s: float | None = None
    exclusive: bool = False
    rearm: bool = False


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """What will be done."""

    request: RunRequest
    cast: Cast
    trims_db: tuple[float, ...]  # of the studio, for each speaker
    banks: tuple[Bank, ...]


def plan_run(root: Path, choices: RunChoices) -> RunPlan:
    """Decide and check everything that can be decided without the audio system.

    Raises
    ------
    InputError
        RC-309 for a bank or speaker that is not known, RC-310 for a damaged bank, RC-331 when the
        source is not named or does not fit, RC-332 when it is the microphone, RC-334 for banks
        that do not go together.
    SafetyStop
        RC-711 after a feedback loop, until it is rearmed.
    """
    banks = tuple(load_bank(root, name) for name in choices.banks)
    first = next(iter(banks[0].filters.values()))
    for bank in banks:
        check_bank(bank, first)
    names = [bank.name for bank in banks]
    for name in names:
        if names.count(name) > 1:
            raise InputError("RC-334", f"the bank {name} is named twice", hint="name it once")
    studio, device = _studio_and_device(root, choices.device)
    source = _source(studio, device, choices, first)
    check_source(source, first.inputs)
    system: System = "virtual" if is_virtual(device) else "jack" if choices.jack else "port-audio"
    microphone, microphone_channels = microphone_inputs(studio)
    route = Route(
        system=system,
        source_device=source.device,
        source_channels=source.channels,
        output_device=device,
        output_channels=output_channels(studio, first.outputs),
        microphone_device=microphone,
        microphone_channels=microphone_channels,
    )
    refuse_microphone(route, same_device=source.device.lower() == microphone.lower())
    _refuse_after_feedback(root, rearm=choices.rearm)
    trims = {s.name.lower(): s.gain_db for s in studio.speakers}
    return RunPlan(
        request=RunRequest(
            route=route,
            root=str(root.resolve()),
            banks=choices.banks,
            inputs=first.inputs,
            outputs=first.outputs,
            fs=choices.fs,
            fallback_fs=studio.fs,
            block=choices.block or DEFAULT_BLOCK,
            latency_s=choices.latency_s,
            exclusive=choices.exclusive,
            float32=choices.float32,
            lookahead_s=choices.lookahead_s,
        ),
        cast=Cast(banks=tuple(names), speakers=first.outputs),
        trims_db=tuple(trims[name.lower()] for name in first.outputs),
        banks=banks,
    )


def check_bank(bank: Bank, like: FilterBank) -> None:
    """Check that a bank goes with the first one.

    Raises
    ------
    InputError
        RC-334
    """
    for filters in bank.filters.values():
        if (filters.inputs, filters.outputs) != (like.inputs, like.outputs):
            raise InputError(
                "RC-334",
                f"the bank {bank.name} filters {_matrix(filters)}, the first one {_matrix(like)}",
                hint="banks of one run have the same inputs and speakers: run it by itself",
            )


def _studio_and_device(root: Path, asked: str | None) -> tuple[Studio, str]:
    """Find the studio, and the device that plays in it."""
    path = root / FILE_NAME
    own = read_studio(path) if path.exists() or asked is None else None
    device = asked or (own.output_device if own else "")
    if not device:
        raise InputError(
            "RC-308",
            f"{path}: output_device is missing",
            hint="name one of `roomcal devices`, or use --device virtual",
        )
    if is_virtual(device) and (own is None or not is_virtual(own.output_device)):
        virtual = open_device(device).default_studio()
        if virtual is not None:
            return virtual, device
    if own is None:
        raise InputError(
            "RC-301",
            f"there is no {path}: it says which speaker hangs on which output",
            hint="`roomcal init` makes one",
            path=str(path),
        )
    return own, device


def _source(studio: Studio, device: str, choices: RunChoices, like: FilterBank) -> Source:
    """Return the source that was named: as an option, or in studio.toml."""
    if choices.source is not None:
        source = parse_source(choices.source, len(like.inputs))
    elif studio.source is not None and is_virtual(studio.source.device) == is_virtual(device):
        source = studio.source
    elif is_virtual(device):
        return parse_source(_VIRTUAL, len(like.inputs))
    else:
        raise no_source(jack=choices.jack)
    if is_virtual(source.device) != is_virtual(device):
        raise InputError(
            "RC-331",
            f"the source {source.device} does not go with the device {device}",
            hint="a virtual device plays a virtual source (--source virtual:pink), a sound card "
            "what comes in at a sound card",
        )
    return source


def _refuse_after_feedback(root: Path, *, rearm: bool) -> None:
    """Refuse to play where a loop was found, until the user says that it is broken."""
    if rearm:
        remove_mark(root)
        return
    when = read_mark(root)
    if when:
        raise SafetyStop(
            "RC-711",
            f"the last run here was stopped by feedback ({when} UTC)",
            hint="take the monitors' sound out of the source (a microphone channel, a loop in the "
            "mixer or patchbay), then run with --rearm",
            when=when,
        )


def _matrix(filters: FilterBank) -> str:
    return f"{', '.join(filters.inputs)} to {', '.join(filters.outputs)}"


def lock_name(plan: RunPlan, found_output: str) -> str:
    """Return the name by which the device is locked; other commands lock it by the same."""
    route = plan.request.route
    if route.system == "jack":  # the server has many clients, and one of us is enough
        return f"jack {os.environ.get('JACK_DEFAULT_SERVER', '')} {route.output_device}"
    return found_output if route.output_device.isdigit() else route.output_device
