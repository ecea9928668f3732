"""`roomcal devices`: what can play and record."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.devices.device import DeviceInfo


@click.command()
@json_option
@click.pass_obj
def devices(settings: Settings, *, as_json: bool) -> None:
    """List virtual studios and sound cards with their host API, channels, rates and latency.

    \b
    Examples:
      roomcal devices
      roomcal devices --json
    """
    from roomcal.devices.registry import list_devices

    found = list_devices()
    if as_json:
        settings.show_json({"devices": [dataclasses.asdict(device) for device in found]})
        return
    cards = [d for d in found if d.number is not None]
    settings.show_table(
        "Virtual studios",
        ["device", "in", "out", "kHz", ""],
        [[*_channels(d), d.description] for d in found if d.number is None],
    )
    if cards:
        settings.show_table(
            "Sound cards",
            ["device", "in", "out", "kHz", "ms", "no.", "host API"],
            [[*_channels(d), _latency_text(d), str(d.number), d.host_api] for d in cards],
            caption="ms: latency there and back, as the driver promises it. --device and "
            "--input-device take words that are all in a name or host API, or a number, which "
            "changes when something is plugged in.",
        )
    else:
        settings.show_text("No sound card: `roomcal doctor` says what is missing.")
    settings.next_step("roomcal init --output-device virtual:bedroom")


def _channels(device: "DeviceInfo") -> list[str]:
    """Write name, channels and rates of a device."""
    rates = _rates_text(device.sample_rates)
    return [device.name, str(device.n_inputs), str(device.n_outputs), rates]


def _latency_text(device: "DeviceInfo") -> str:
    """Write the latency in milliseconds, where the driver says it."""
    return "" if device.latency_s is None else f"{1000.0 * device.latency_s:.0f}"


def _rates_text(rates: Sequence[int]) -> str:
    """Write sample rates in kHz; `--json` has every single one."""
    if len(rates) < 3:
        return ", ".join(f"{fs / 1000:g}" for fs in rates)
    return f"{min(rates) / 1000:g}-{max(rates) / 1000:g}"
