"""`roomcal devices`: what can play and record."""

import dataclasses
from collections.abc import Sequence

import click

from roomcal.cli.settings import Settings, json_option


@click.command()
@json_option
@click.pass_obj
def devices(settings: Settings, *, as_json: bool) -> None:
    """List sound cards and virtual studios.

    \b
    Example:
      roomcal devices
    """
    from roomcal.devices.registry import list_devices

    found = list_devices()
    if as_json:
        settings.show_json({"devices": [dataclasses.asdict(device) for device in found]})
        return
    settings.show_table(
        "Devices",
        ["device", "in", "out", "kHz", ""],
        [
            [
                d.name,
                str(d.n_inputs),
                str(d.n_outputs),
                _rates_text(d.sample_rates),
                d.description,
            ]
            for d in found
        ],
    )
    settings.next_step("roomcal init --output-device virtual:bedroom")


def _rates_text(rates: Sequence[int]) -> str:
    """Write sample rates in kHz; `--json` has every single one."""
    if len(rates) < 3:
        return ", ".join(f"{fs / 1000:g}" for fs in rates)
    return f"{min(rates) / 1000:g}-{max(rates) / 1000:g}"
