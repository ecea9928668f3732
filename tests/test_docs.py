"""The documentation says what there is: commands, formats, targets, rooms, faults, terms, links."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

import roomcal
from roomcal.errors import FAULTS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / d / "README.md" for d in ("measurements", "filters")),
    }
)
PAGE_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]

# The words of the field that code and prose share; docs/glossary.md has a line for each.
TERMS = [
    *("sample rate", "exponential sweep", "recorded take", "impulse response"),
    *("transfer function", "level curve", "target curve", "filter bank", "tap", "speaker"),
    *("position", "channel", "block", "partition", "frame", "latency", "delay", "headroom"),
    *("dBFS", "dB SPL", "EDC", "EDT", "T20", "T30", "C50", "C80", "D50", "Ts", "ETC"),
    *("minimum phase", "excess phase", "group delay"),
]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    """Give every command by its full name: "export", "config show"."""
    from roomcal.cli.main import cli

    make = generator()
    walked = make.commands(cli, make.new_context(cli, "roomcal", None))
    return {
        context.command_path.removeprefix("roomcal").strip(): command for command, context in walked
    }


# --- what there is, is documented ---


def test_cli_page_equals_the_help():
    from roomcal.cli.main import cli

    make = generator()

    assert make.section_of(read(make.PAGE)) == make.generated_section(cli), (
        "docs/cli.md is not what --help says; bring it up to date with: "
        ".venv/bin/python docs/generate_cli.py (Windows: .venv\\Scripts\\python ...)"
    )


def test_every_command_and_option_explains_itself(commands):
    for name, command in commands.items():
        assert command.help, f"roomcal {name} has no help"
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"roomcal {name} {option.opts[0]} has no help"


def test_every_command_is_named_outside_of_the_generated_part(commands):
    make = generator()
    page = read(make.PAGE)
    written = page.replace(make.section_of(page), "")

    missing = [name for name in commands if name and f"`{name}`" not in written]

    assert not missing, f"docs/cli.md has no line for {missing}"


def test_every_export_format_is_documented():
    from roomcal.export.registry import FORMATS

    assert [name for name in FORMATS if f"`{name}`" not in read(DOCS / "filters.md")] == []


def test_every_target_is_documented():
    from roomcal.design.targets import TARGETS

    assert [name for name in TARGETS if f"`{name}`" not in read(DOCS / "filters.md")] == []


def test_every_virtual_room_is_documented():
    from roomcal.devices.registry import list_devices

    rooms = [device.name for device in list_devices() if device.name.startswith("virtual")]

    assert rooms
    assert [name for name in rooms if f"`{name}`" not in read(DOCS / "measuring.md")] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_documented_with_its_meaning(fault):
    assert f"| {fault} | {FAULTS[fault]} |" in read(DOCS / "faults.md")


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_in_the_glossary(term):
    first_cells = re.findall(r"^\| ([^|]+) \|", read(DOCS / "glossary.md"), re.MULTILINE)
    terms = {t.strip() for cell in first_cells for t in cell.split(",")}

    assert term in terms


# --- what is documented, is there ---


def command_lines(page: Path) -> list[list[str]]:
    """Commands in the code blocks of a page, without comments, prompts and continued output."""
    lines = []
    for block in re.findall(r"```(?:sh|console|)\n(.*?)```", read(page), re.DOTALL):
        for line in block.splitlines():
            if line.startswith(("roomcal ", "python3 run.py ")):
                lines.append(shlex.split(line, comments=True))
    return lines


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_every_command_line_in_the_docs_can_be_typed(page, commands):
    for words in command_lines(page):
        shown = " ".join(words)
        if words[:2] == ["python3", "run.py"]:
            words = words[2:]
            if not words or words[0] == "test":
                continue
            words = words[1:] if words[0] == "roomcal" else words
        else:
            words = words[1:]
        names = [word for word in words if not word.startswith("-")]
        if not names:
            continue
        two = " ".join(names[:2])
        name = two if two in commands else names[0]
        assert name in commands, f"{page.name}: {shown}: no such command"
        known = {o for p in (*commands[name].params, *commands[""].params) for o in p.opts}
        known |= {o for p in commands[name].params for o in p.secondary_opts} | {"--help"}
        for option in (word.split("=")[0] for word in words if word.startswith("-")):
            assert option in known, f"{page.name}: {shown}: no option {option}"


def test_the_readme_begins_with_the_two_commands():
    first = command_lines(ROOT / "README.md")[:2]

    assert first == [["python3", "run.py", "demo"], ["python3", "run.py", "test"]]


def test_the_studio_in_the_docs_can_be_read(tmp_path):
    from roomcal.files.studio_toml import read_studio

    (example,) = re.findall(r"```toml\n(.*?)```", read(DOCS / "measuring.md"), re.DOTALL)
    (tmp_path / "studio.toml").write_text(example, encoding="utf-8")

    studio = read_studio(tmp_path / "studio.toml")

    assert [speaker.name for speaker in studio.speakers] == ["L", "R", "Sub"]
    assert studio.speakers[2].is_sub


def anchors(page: Path) -> set[str]:
    """Names that a link into a page can carry, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)
def test_every_relative_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {link}"


def test_every_decision_is_listed():
    listed = read(DOCS / "architecture.md")

    assert [p.name for p in (DOCS / "decisions").glob("*.md") if p.name not in listed] == []


def test_the_layers_of_the_page_are_those_of_the_code():
    table = read(DOCS / "architecture.md")
    packages = [p for p in (ROOT / "src" / "roomcal").iterdir() if (p / "__init__.py").exists()]

    assert [p.name for p in packages if f"`{p.name}/`" not in table] == []


def test_the_version_is_one():
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]

    assert project["version"] == roomcal.__version__
    assert f"## [{roomcal.__version__}]" in read(ROOT / "CHANGELOG.md")
