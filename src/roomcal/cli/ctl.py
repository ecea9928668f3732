"""`roomcal ctl`: speaks to a running engine."""

from typing import Any

import click

from roomcal.cli.settings import Settings, json_option


@click.command(context_settings={"ignore_unknown_options": True})  # -3 is a number of dB
@click.argument("command", nargs=-1, required=True, metavar="COMMAND")
@click.option("--device", help="Which engine, where several run: part of its device's name.")
@json_option
@click.pass_obj
def ctl(settings: Settings, *, command: tuple[str, ...], device: str | None, as_json: bool) -> None:
    """Say COMMAND to the engine that `roomcal run` started.

    \b
    BANK, bank BANK, next     switch the bank, by name or number
    bypass, dim, mute         turn over, or say on or off behind it
    solo SPEAKER, solo off    one speaker alone
    polarity SPEAKER          turn over, or say on or off behind it
    gain SPEAKER DB           from -60 to 0 dB
    load BANK                 load a bank from disk, and switch to it
    status, rearm, stop

    \b
    Examples:
      roomcal ctl night
      roomcal ctl bypass
      roomcal ctl gain Sub -3
      roomcal ctl status --json
    """
    from roomcal.jobs.run_door import command_engine

    status = command_engine(" ".join(command), device)
    if as_json:
        settings.show_json(status)
        return
    if command == ("status",):
        settings.show_table("The engine", ["", ""], _rows(status))
        return
    click.echo(_summary(status))


def _summary(status: dict[str, Any]) -> str:
    """Say in a line what is heard now."""
    switches = [name for name in ("bypass", "dim", "mute") if status[name]]
    switches += [f"solo {status['solo']}"] if status["solo"] else []
    switches += [f"inverted {name}" for name in status["inverted"]]
    switches += [f"{name} {gain_db:+g} dB" for name, gain_db in status["gains_db"].items()]
    return ", ".join([status["wanted"], status["state"], *switches])


def _rows(status: dict[str, Any]) -> list[list[str]]:
    from roomcal.cli.run_screen import milliseconds

    reason = f" ({status['reason']})" if status["reason"] else ""
    peaks = [
        [f"{kind} {meter['name']}", _level(meter["peak_dbfs"])]
        for kind, meters in (("in", status["inputs"]), ("out", status["outputs"]))
        for meter in meters
    ]
    return [
        ["state", f"{status['state']}{reason}"],
        ["bank", status["bank"] or "none yet"],
        ["", _summary(status)],
        ["banks", ", ".join(status["banks"])],
        ["from, to", f"{status['source']} → {status['device']}"],
        ["sample rate, block", f"{status['fs']} Hz, {status['block']}"],
        ["latency end to end", milliseconds(status["latency_s"])],
        *peaks,
        ["limited", str(status["counters"]["limited"])],
        ["xruns", str(status["xruns"])],
        ["restarts", str(status["restarts"])],
    ]


def _level(level_dbfs: float | None) -> str:
    return "silent" if level_dbfs is None else f"{level_dbfs:.1f} dBFS"
