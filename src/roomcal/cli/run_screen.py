"""The screen of a live run: what plays, how loud, what was limited, and the keys."""

from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from roomcal.jobs.run_status import ChannelMeter, RunStatus
from roomcal.units import percent_text

KEYS = "1-9 bank · b bypass · d dim · m mute · s solo · q quit"
LINES = {"b": "bypass", "d": "dim", "m": "mute", "n": "next", "q": "stop"}
_NARROW, _WIDE = 24, 48  # columns of a meter's bar
_WIDE_CONSOLE = 110
_MOST_BARS = 10
# Level from which a meter warns: the limiter begins at -0.3 dBFS.
_NEAR_CLIPPING_DBFS = -3.0
_STATES = {
    "running": ("playing", "bold green"),
    "starting": ("fading in", "green"),
    "fading": ("fading out", "yellow"),
    "muted": ("MUTED", "bold red"),
    "waiting": ("WAITING FOR THE DEVICE", "bold yellow"),
    "compiling": ("compiling, about 20 s, only this once", "yellow"),
}


class RunScreen:
    """Draws a status ten times a second.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> "RunScreen":
        """Take the terminal."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last status standing."""
        self._live.stop()

    def show(self, status: RunStatus) -> None:
        """Draw."""
        self._live.update(screen(status, self._console.width), refresh=True)


def screen(status: RunStatus, width: int) -> RenderableType:
    """Return the picture of a status for a terminal of some width."""
    return Group(
        _state_line(status),
        _banks_line(status),
        Text(f"{status.source} → {status.device}", style="dim", no_wrap=True, overflow="ellipsis"),
        _all_meters(status, width),
        _counts_line(status),
        Text(_load_text(status), style="dim"),
        Text(_latency_text(status), style="dim"),
        Text(status.message, no_wrap=False),
        Text(KEYS, style="dim"),
    )


def line_of_key(key: str, status: RunStatus) -> str:
    """Return the line that a key stands for, or nothing."""
    if key.isdigit() and key != "0":
        return f"bank {key}"
    if key == "s":  # the next speaker alone, and after the last one all
        names = [meter.name for meter in status.outputs]
        after = ["off", *names]
        here = after.index(status.solo) if status.solo in after else 0
        following = dict(zip(after, [*after[1:], "off"], strict=True))
        return f"solo {following[after[here]]}"
    return LINES.get(key, "")


def _state_line(status: RunStatus) -> Text:
    words, style = _STATES.get(status.state, (status.state, "yellow"))
    line = Text.assemble((words, style))
    if status.reason:
        line.append(f" ({status.reason})", style=style)
    if status.try_number:
        line.append(f", try {status.try_number}", style=style)
    for name, on in (
        ("BYPASS", status.bypass),
        ("DIM", status.dim),
        ("MUTE", status.mute),
        (f"SOLO {status.solo}", bool(status.solo)),
        (f"INVERTED {' '.join(status.inverted)}", bool(status.inverted)),
    ):
        if on:
            line.append("  ")
            line.append(f" {name} ", style="black on yellow")
    return line


def _banks_line(status: RunStatus) -> Text:
    line = Text()
    for number, name in enumerate(status.banks, start=1):
        style = "bold reverse" if name == status.bank else ""
        line.append(f" {number} {name} ", style=style)
        line.append(" ")
    return line


def _all_meters(status: RunStatus, width: int) -> RenderableType:
    """Draw bars, or only numbers where there are too many for a terminal's height."""
    if len(status.inputs) + len(status.outputs) <= _MOST_BARS:
        return _meters(status, _WIDE if width >= _WIDE_CONSOLE else _NARROW)
    return Group(_numbers("in", status.inputs), _numbers("out", status.outputs))


def _numbers(heading: str, meters: Sequence[ChannelMeter]) -> Columns:
    cells = [Text(heading)]
    for meter in meters:
        level = "silent" if meter.peak_dbfs is None else f"{meter.peak_dbfs:.1f} dBFS"
        cells.append(Text(f"{meter.name} {level}", style="red" if is_hot(meter) else ""))
    return Columns(cells, padding=(0, 2))


def is_hot(meter: ChannelMeter) -> bool:
    """Whether a level comes near full scale."""
    return meter.peak_dbfs is not None and meter.peak_dbfs > _NEAR_CLIPPING_DBFS


def _meters(status: RunStatus, bar_columns: int) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for justify in ("left", "left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for heading, meters in (("in", status.inputs), ("out", status.outputs)):
        _add_meters(table, heading, meters, bar_columns)
    return table


def _add_meters(
    table: Table, heading: str, meters: Sequence[ChannelMeter], bar_columns: int
) -> None:
    for row, meter in enumerate(meters):
        peak = meter.peak_dbfs
        style = "red" if is_hot(meter) else "green"
        table.add_row(
            heading if row == 0 else "",
            meter.name,
            ProgressBar(
                total=1.0,
                completed=meter.fill,
                width=bar_columns,
                complete_style=style,
                finished_style="red",
            ),
            "silent" if peak is None else f"{peak:.1f} dBFS",
            "" if meter.true_peak_dbfs is None else f"true peak {meter.true_peak_dbfs:.1f} dBTP",
        )


def _counts_line(status: RunStatus) -> Text:
    counters = status.counters
    line = Text()
    for name, count in (
        ("limited", counters["limited"]),
        ("clipped", counters["clipped"]),
        ("xruns", status.xruns),
        ("late", counters["late"]),
        ("restarts", status.restarts),
    ):
        line.append(f"{name} {count}  ", style="yellow" if count else "dim")
    return line


def _load_text(status: RunStatus) -> str:
    text = "" if status.load is None else f"load {percent_text(status.load)} of the time there is"
    if status.load_worst is not None:
        text += f", worst block {percent_text(status.load_worst)}"
    return text


def _latency_text(status: RunStatus) -> str:
    if status.fs is None:
        return ""
    text = f"{status.fs} Hz, block {status.block}"
    if status.latency_s is not None:
        text += f", {milliseconds(status.latency_s)} end to end"
        text += f"\nof it filters {milliseconds(status.filter_latency_s)}, engine "
        text += f"{milliseconds(status.engine_latency_s)}, audio system "
        text += milliseconds(status.system_latency_s)
    if status.bypass and status.bypass_gain_db is not None:
        text += f"\nbypass at {status.bypass_gain_db:+.1f} dB, as loud as the bank"
    return text


def milliseconds(duration_s: float | None) -> str:
    """Write a duration in milliseconds."""
    return "?" if duration_s is None else f"{1000.0 * duration_s:.1f} ms"
