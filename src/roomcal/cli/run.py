"""`roomcal run`: correct the monitors live."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from roomcal.cli.numbers import Number
from roomcal.cli.settings import Settings, json_option

if TYPE_CHECKING:
    from roomcal.devices.interruption import Requests
    from roomcal.jobs.run import LiveRun

LOOK_S = 0.1  # ten looks a second: meters, keys, the child
LOOKS_A_LINE = 10  # --json: one status a second
Show = Callable[[], None]


@click.command()
@click.argument("banks", nargs=-1, required=True, metavar="BANK [BANK...]")
@click.option("--source", help="What is corrected: DEVICE:1,2.  [default: the studio's source]")
@click.option("--device", envvar="ROOMCAL_DEVICE", help="Device that plays.  [default: studio's]")
@click.option(
    "--block", type=click.IntRange(16, 8192), help="Frames a block.  [default: 256; JACK's own]"
)
@click.option("--jack", is_flag=True, help="Be a JACK client: no latency is added.")
@click.option("--fs", type=click.IntRange(8000, 768000), help="Sample rate.  [default: device's]")
@click.option(
    "--latency",
    type=Number(0.0, 2.0),
    help="Latency in seconds that the system aims at.  [default: its lowest]",
)
@click.option("--exclusive", is_flag=True, help="Have the device alone (WASAPI, Core Audio).")
@click.option("--float32", is_flag=True, help="Compute in 32-bit floats: half the work.")
@click.option(
    "--lookahead-ms",
    type=Number(0.0, 5.0),
    default=0.0,
    show_default=True,
    help="Delay by which the limiter sees peaks coming.",
)
@click.option("--no-reconnect", is_flag=True, help="End when the device vanishes (exit code 4).")
@click.option("--rearm", is_flag=True, help="Play again after a feedback loop was stopped.")
@click.option("--dry-run", is_flag=True, help="Say what would play where; play nothing.")
@json_option
@click.pass_obj
def run(
    settings: Settings,
    *,
    banks: tuple[str, ...],
    source: str | None,
    device: str | None,
    block: int | None,
    jack: bool,
    fs: int | None,
    latency: float | None,
    exclusive: bool,
    float32: bool,
    lookahead_ms: float,
    no_reconnect: bool,
    rearm: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Correct the monitors live, until q, `roomcal ctl stop` or Ctrl-C.

    From the studio's source to its monitors. The first BANK is heard at once; keys 1 to 9 and
    `roomcal ctl` switch without a click. --json prints one status a second, each on its line.

    \b
    Examples:
      roomcal run mix --device virtual
      roomcal run mix flat --source "BlackHole 2ch:1,2"
      roomcal run mix --jack --source ardour:1,2 --device system
    """
    from roomcal.devices.interruption import requests
    from roomcal.jobs.run import LiveRun
    from roomcal.jobs.run_plan import RunChoices, plan_run

    settings.json_lines = not dry_run
    screen = not (as_json or settings.quiet or dry_run) and settings.console(err=True).is_terminal
    live = LiveRun(_teller(settings, screen=screen), reconnect=not no_reconnect)
    try:
        choices = RunChoices(
            banks=banks,
            source=source,
            device=device,
            block=block,
            jack=jack,
            fs=fs,
            float32=float32,
            lookahead_s=lookahead_ms / 1000.0,
            latency_s=latency,
            exclusive=exclusive,
            rearm=rearm,
        )
        plan = plan_run(settings.folder, choices)
        with requests(live.fade, live.cut) as asked:
            live.start(settings.folder, plan, dry=dry_run)
            if dry_run:
                _dry_run(settings, live, asked)
            else:
                _play(settings, live, asked, screen=screen)
    finally:
        live.end()
    if asked and asked.reasons[0] == "Ctrl-C":
        raise KeyboardInterrupt
    if not (as_json or dry_run):
        counters, status = live.status.counters, live.status
        click.echo(
            f"limited {counters['limited']}, clipped {counters['clipped']}, xruns {status.xruns}, "
            f"restarts {status.restarts}"
        )


def _play(settings: Settings, live: "LiveRun", asked: "Requests", *, screen: bool) -> None:
    """Look after the run until somebody wants its end."""
    from roomcal.cli.keys import single_keys
    from roomcal.cli.run_screen import RunScreen, line_of_key
    from roomcal.errors import InputError, StorageError
    from roomcal.jobs.run_door import open_door

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(open_door(live.obey))
        except (StorageError, OSError) as error:
            settings.talk.warn(f"`roomcal ctl` cannot reach this run: {error}")
        read_keys = stack.enter_context(single_keys())
        picture = stack.enter_context(RunScreen(settings.console(err=True))) if screen else None
        show = _status_lines(settings, live) if settings.json else None
        while not asked and not live.asked_to_stop:
            live.step(LOOK_S)
            for key in read_keys():
                line = line_of_key(key, live.status)
                with contextlib.suppress(InputError):  # a bank that is not there
                    if line:
                        live.obey(line)
            if picture is not None:
                picture.show(live.status)
            if show is not None:
                show()


def _status_lines(settings: Settings, live: "LiveRun") -> Show:
    """Return what prints a status each second, and whenever the state changes."""
    looks = 0
    last: tuple[Any, ...] = ()

    def show() -> None:
        nonlocal looks, last
        status = live.status
        now = (status.state, status.reason, status.bank, status.bypass, status.restarts)
        if looks % LOOKS_A_LINE == 0 or now != last:
            settings.show_json(dataclasses.asdict(status))
        looks += 1
        last = now

    return show


def _dry_run(settings: Settings, live: "LiveRun", asked: "Requests") -> None:
    """Say what would be played where."""
    while not live.found and not asked:
        live.step(LOOK_S)
    status = live.status
    if settings.json:
        settings.show_json(dataclasses.asdict(status))
        return
    click.echo(
        f"{', '.join(status.banks)}: {status.source} to {status.device}, {status.fs} Hz, block "
        f"{status.block}"
    )
    for kind, arrow in (("inputs", "<-"), ("outputs", "->")):
        for name, ends in status.routing.get(kind, {}).items():
            click.echo(f"  {kind[:-1]} {name} {arrow} {', '.join(ends)}")


def _teller(
    settings: Settings, *, screen: bool
) -> Callable[[Literal["note", "warning"], str], None]:
    """Return what tells a person; the screen shows the last message itself."""

    def tell(level: Literal["note", "warning"], text: str) -> None:
        if screen:
            return
        (settings.talk.warn if level == "warning" else settings.talk.note)(text)

    return tell
