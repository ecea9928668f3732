"""The `roomcal` command: its options, its subcommands (imported when used), its way to fail."""

import contextlib
import difflib
import importlib
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import click

import roomcal
from roomcal.cli.settings import Settings
from roomcal.cli.user_config import checked_defaults, load_defaults
from roomcal.devices.interruption import ending_like_ctrl_c
from roomcal.errors import RoomcalError, StorageError

# Command -> module of this package and the command's name in it, in the order of an evening.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "demo"),
    "doctor": ("doctor", "doctor"),
    "devices": ("devices", "devices"),
    "init": ("init", "init"),
    "level": ("level", "level"),
    "measure": ("measure", "measure"),
    "sweep": ("sweep", "sweep"),
    "import": ("import_files", "import_command"),
    "sessions": ("lists", "sessions"),
    "banks": ("lists", "banks"),
    "analyze": ("analyze", "analyze"),
    "plot": ("plot", "plot"),
    "targets": ("lists", "targets"),
    "design": ("design", "design"),
    "verify": ("verify", "verify"),
    "compare": ("compare", "compare"),
    "health": ("health", "health"),
    "apply": ("apply", "apply"),
    "run": ("run", "run"),
    "ctl": ("ctl", "ctl"),
    "export": ("export", "export"),
    "report": ("report", "report"),
    "config": ("config", "config"),
}

EXIT_BUG, EXIT_INTERRUPTED = 1, 130
EXIT_DEADLINE_S = 2.0  # for what the audio system still wants to do


class RoomcalGroup(click.Group):
    """Imports a subcommand when it is asked for, and turns every fault into one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """Return the commands in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            near = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            ctx.fail(
                f"no such command {cmd_name!r}" + (f": did you mean {near[0]!r}?" if near else "")
            )
        module, attribute = COMMANDS[cmd_name]
        command: click.Command = getattr(
            importlib.import_module(f"roomcal.cli.{module}"), attribute
        )
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command; name an option that belongs behind it."""
        named = next((a for a in args if a in COMMANDS), "")
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            command = self.get_command(ctx, named) if named else None
            if command is None or not any(error.option_name in p.opts for p in command.params):
                raise
            raise click.UsageError(
                f"no option {error.option_name} before the command: its own options come after "
                f"it, as in `roomcal {named} {error.option_name}`",
                ctx,
            ) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that runs, and give it the user's own defaults."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and name != "config" and not ctx.resilient_parsing:
            ctx.obj.json |= "--json" in rest  # the command has not read its options yet
            tables = load_defaults(list(COMMANDS))
            ctx.default_map = {command.name or "": checked_defaults(command, tables)}
        return name, command, rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing after the commands: the examples stand first."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - click's interface
        """Run, and leave with the exit code that the fault matrix gives."""
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # closed by the caller (>&-)
                setattr(sys, name, io.StringIO())
        settings = Settings()
        kwargs.update(standalone_mode=False, obj=settings)
        try:
            with ending_like_ctrl_c():
                answer = super().main(*args, **kwargs)
            code = answer if isinstance(answer, int) else 0  # a command's own exit code
        except RoomcalError as error:
            code = settings.show_error(error)
        except click.exceptions.Exit as leave:
            code = leave.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("stopped", err=True)
            code = EXIT_INTERRUPTED
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (BrokenPipeError, SystemExit):  # whoever read our output has seen enough
            _drop_output()  # click and rich turn the broken pipe into an exit of their own
            code = 0
        except OSError as error:
            settings.json &= error.filename is not None  # else stdout itself refuses the answer
            code = settings.show_error(_storage_error(error))
            _drop_output()
        except Exception as error:
            if settings.debug:
                raise
            click.echo(
                f"Error: roomcal has a bug: {type(error).__name__}: {error}\n"
                "  Run it again with --debug before the command and report what it prints.",
                err=True,
            )
            code = EXIT_BUG
        sys.exit(code)


def _drop_output() -> None:
    """Keep the interpreter from failing over what cannot be written any more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _storage_error(error: OSError) -> StorageError:
    """Say what the system refused, where no job said it better."""
    what = str(error.filename) if error.filename else "the answer"
    return StorageError(
        "RC-601",
        f"cannot write {what}: {error.strerror or error}",
        hint="check that the folder exists, is writable and has room",
        path=what,
    )


@click.group(
    cls=RoomcalGroup,
    invoke_without_command=True,
    context_settings={"max_content_width": 80, "auto_envvar_prefix": "ROOMCAL"},
)
@click.option(
    "-C",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ROOMCAL_STUDIO",
    default=Path(),
    help="Folder of the studio.  [default: here]",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
@click.option("-v", "--verbose", is_flag=True, help="Every note, and a line for each take.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
@click.version_option(roomcal.__version__, prog_name="roomcal")
@click.pass_context
def cli(
    ctx: click.Context, folder: Path, *, quiet: bool, verbose: bool, no_color: bool, debug: bool
) -> None:
    """Measure a studio, correct its monitors, and prove it.

    \b
    Examples:
      roomcal demo                          all of it in a virtual studio
      roomcal measure before --device virtual
      roomcal analyze before
      roomcal design mix --from before --target harman
      roomcal verify mix
      roomcal export mix --to daw-wav
      roomcal report before --bank mix
    """
    settings: Settings = ctx.obj
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose do not go together")
    settings.configure(folder=folder, quiet=quiet, verbose=verbose, no_color=no_color, debug=debug)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Entry point of the console script."""
    try:
        cli()
    except SystemExit as leave:
        _leave_audio_behind(leave.code if isinstance(leave.code, int) else EXIT_BUG)
        raise


def _leave_audio_behind(code: int) -> None:
    """End the process by force if the audio system does not let go of it.

    After a JACK server was killed, closing a stream and ending PortAudio never return; the second
    happens while the interpreter shuts down.
    """
    if "sounddevice" not in sys.modules:
        return
    from roomcal.devices.audio_thread import AUDIO

    def leave() -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    if not AUDIO.is_idle(deadline_s=EXIT_DEADLINE_S):
        leave()
    timer = threading.Timer(EXIT_DEADLINE_S, leave)
    timer.daemon = True
    timer.start()
