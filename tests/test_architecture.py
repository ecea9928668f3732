"""The layers of docs/architecture.md, kept by reading every import; and the price of `--help`."""

import ast
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "roomcal"
MODULES = sorted(PACKAGE.rglob("*.py"))

# (layer, line within the layer's table): docs/architecture.md. Lines of layer 0 stand alone.
ORDER = {
    "errors": (0, 0),
    "units": (0, 1),
    "model": (1, 0),
    "dsp": (2, 0),
    "measure": (3, 0),
    "analyze": (3, 1),
    "design": (3, 2),
    "convolver": (3, 3),
    "verify": (4, 0),
    "files": (5, 0),
    "export": (5, 1),
    "devices": (5, 2),
    "live": (5, 3),
    "report": (5, 4),
    "jobs": (6, 0),
    "cli": (7, 0),
}
FORBIDDEN_NAMES = {"utils", "core", "base", "helpers", "common"}
MAX_LINES = 350
PURE = ("model", "dsp", "measure", "analyze", "design", "convolver", "verify")
# What touches files, the clock, the terminal or the net; layers 0-4 do not.
IMPURE_MODULES = {
    *("os", "io", "time", "datetime", "pathlib", "tempfile", "shutil", "socket", "subprocess"),
    *("random", "secrets", "logging", "sys", "rich", "click", "soundfile", "sounddevice"),
}
HEAVY = ("scipy", "pyfar", "matplotlib", "numba", "sounddevice", "soundfile")
# The goal of `roomcal --help` on a warm machine; the wall clock of a busy one is not its fault.
HELP_LIMIT_S = 0.4
HELP_RUNS = 7


def part(path: Path) -> str:
    """Package or module directly below roomcal that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, anywhere in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_every_package_has_a_layer():
    tops = {part(path) for path in MODULES} - {"__init__", "__main__"}

    assert tops <= set(ORDER), f"say in docs/architecture.md and here where {tops} belongs"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_come_from_below(path):
    own = part(path)
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "roomcal" or own == "__main__":
            continue
        if len(parts) == 1:  # the version stands in the package itself
            continue
        other = parts[1]
        if other in (own, "__version__"):
            continue
        assert other in ORDER, f"{shown(path)}:{line} imports {name}, which has no layer"
        assert own in ORDER, f"{shown(path)} imports {name} but has no layer"
        assert ORDER[other] < ORDER[own], (
            f"{shown(path)}:{line} imports {name}: {own} {ORDER[own]} stands below {other} "
            f"{ORDER[other]}; move the code to the layer that may know both"
        )


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part(path) in (*PURE, "errors", "units")], ids=shown
)
def test_pure_layers_touch_no_file_no_clock_and_no_terminal(path):
    used = {name.split(".")[0] for _, name in imports(path)} & IMPURE_MODULES
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    } & {"open", "print", "input"}

    assert not used | called, f"{shown(path)} uses {sorted(used | called)}"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_files_are_named_for_their_idea_and_short(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())

    assert not FORBIDDEN_NAMES & {*path.relative_to(PACKAGE).with_suffix("").parts}
    assert n_lines <= MAX_LINES, f"{shown(path)} has {n_lines} lines: split it by idea"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_every_file_begins_with_its_reason(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

    assert docstring.splitlines(), f"{shown(path)} has no docstring"


def help_command(*flags: str) -> list[str]:
    return [sys.executable, *flags, "-m", "roomcal", "--help"]


def test_help_loads_no_heavy_library():
    done = subprocess.run(
        help_command("-X", "importtime"), capture_output=True, text=True, check=True, timeout=60
    )

    loaded = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line]
    heavy = sorted({name.split(".")[0] for name in loaded} & set(HEAVY))
    assert "click" in loaded  # the list is what it seems to be
    assert not heavy, (
        f"`roomcal --help` loads {heavy}; import them inside the command that needs them "
        "(find the way with: python -X importtime -m roomcal --help)"
    )


def test_help_answers_at_once():
    durations_s = []
    for _ in range(HELP_RUNS):
        start = time.perf_counter()
        before_s = children_s()
        subprocess.run(help_command(), capture_output=True, check=True, timeout=60)
        # Where the system tells it, the processor's time: a machine that is busy with other tests
        # answers late, a heavy import costs always.
        durations_s.append(children_s() - before_s or time.perf_counter() - start)
        if statistics.median(durations_s) < HELP_LIMIT_S:
            break

    quickest_s = min(durations_s)
    assert quickest_s < HELP_LIMIT_S, (
        f"`roomcal --help` takes {quickest_s:.2f} s at best, the goal is {HELP_LIMIT_S} s; "
        "look for the slow import with: python -X importtime -m roomcal --help"
    )


def children_s() -> float:
    """Processor time of all processes that this one has waited for; 0 on Windows."""
    times = os.times()
    return times.children_user + times.children_system
