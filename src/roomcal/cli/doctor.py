"""`roomcal doctor`: is this computer ready, and what to do where it is not."""

import dataclasses

import click

from roomcal.cli.settings import Settings, json_option


@click.command()
@json_option
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Check this computer and this studio folder, and say what to do.

    Exit code 0 says that everything works at least in a virtual studio.

    \b
    Examples:
      roomcal doctor
      roomcal doctor --json
    """
    from roomcal.jobs.doctor import examine, exit_code, worst

    found = examine(settings.folder, settings.talk)
    code = exit_code(found)
    if as_json:
        settings.show_json(
            {
                "usable": code == 0,
                "state": worst(found),
                "checks": [dataclasses.asdict(finding) for finding in found],
            }
        )
    else:
        settings.show_table(
            "This computer",
            ["", "check", ""],
            [[finding.state, finding.check, finding.message] for finding in found],
        )
        for finding in found:
            if finding.cure and finding.state != "ok":
                settings.show_text(f"{finding.state}: {finding.check}: {finding.cure}")
        for finding in found:
            if finding.cure and finding.state == "ok":
                settings.talk.note(f"{finding.check}: {finding.cure}")
    if code:
        raise click.exceptions.Exit(code)
    settings.next_step(
        "roomcal init" if not (settings.folder / "studio.toml").exists() else "roomcal level"
    )
