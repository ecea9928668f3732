"""`roomcal devices`: what can play and record."""

import dataclasses

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
        ["device", "in", "out", "rates in kHz", ""],
        [
            [
                d.name,
                str(d.n_inputs),
                str(d.n_outputs),
                " ".join(f"{fs / 1000:g}" for fs in d.sample_rates),
                d.description,
            ]
            for d in found
        ],
    )
    settings.next_step("roomcal measure before --device virtual")
