"""The set-up script: what it refuses, what it repeats, what it passes on. No network is used."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "run.py"
HERE = ".".join(str(n) for n in sys.version_info[:3])
START_LIMIT_S = 10.0  # a ready set-up answers at once; generous for a busy machine


@pytest.fixture
def run(tmp_path, monkeypatch) -> ModuleType:
    """Give the script as a module, its root in a folder with a space and an umlaut."""
    spec = importlib.util.spec_from_file_location("run_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "möbel studio"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "roomcal"\n')
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(module, "VENV", root / ".venv")
    monkeypatch.setattr(module, "starts", lambda _: False)  # no uv, no other Python
    return module


@pytest.fixture
def steps(run, monkeypatch) -> list[list[str]]:
    """Record the steps of the set-up; the virtual environment is real but empty."""
    taken: list[list[str]] = []

    def step(command: list, _arguments: list) -> None:
        taken.append([str(c) for c in command])
        if "venv" in command:
            venv.create(run.VENV, with_pip=False, symlinks=os.name != "nt")

    monkeypatch.setattr(run, "step", step)
    answer = run.answer
    monkeypatch.setattr(run, "answer", lambda c: "pip 24" if "pip" in c else answer(c))
    return taken


def kinds(steps: list[list[str]]) -> list[str]:
    return ["install" if "install" in s else "venv" for s in steps]


# --- the syntax ---


def test_the_script_parses_on_an_old_python():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_script_needs_the_standard_library_alone():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}

    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


# --- what it refuses ---


def test_an_old_python_is_told_which_command_to_type(run, monkeypatch, capsys):
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(run, "starts", lambda name: name == "python3.12")

    assert run.main(["demo", "--out", "a b"]) == 1

    error = capsys.readouterr().err
    assert "needs Python 3.11 or newer, this is 3.9.2" in error
    assert 'python3.12 run.py demo --out "a b"' in error


@pytest.mark.parametrize(
    ("platform", "cure"), [("win32", "winget"), ("darwin", "brew"), ("linux", "astral.sh/uv")]
)
def test_an_old_python_alone_is_told_how_to_get_a_newer_one(run, monkeypatch, platform, cure):
    monkeypatch.setattr(run.sys, "platform", platform)
    monkeypatch.setattr(run.os, "name", "nt" if platform == "win32" else "posix")

    with pytest.raises(run.SetupError) as caught:
        run.check_python((3, 10, 1), ["demo"])

    assert cure in caught.value.cure
    assert "run.py demo" in caught.value.cure


def test_the_oldest_supported_python_is_the_one_of_pyproject(run):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'requires-python = ">={run.OLDEST_PYTHON[0]}.{run.OLDEST_PYTHON[1]}"' in text
    run.check_python((*run.OLDEST_PYTHON, 0), [])


def test_a_missing_ensurepip_names_the_debian_package(run, monkeypatch, capsys):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(run.shutil, "which", lambda name: "/usr/bin/" + name)

    assert run.main(["test"]) == 1

    assert "sudo apt install python3" in capsys.readouterr().err
    assert not run.VENV.exists()


@pytest.mark.parametrize(
    ("output", "cure"),
    [
        ("error: dns error: failed to lookup address information", "HTTPS_PROXY"),
        ("[Errno -3] Temporary failure in name resolution", "HTTPS_PROXY"),
        ("ERROR: Could not find hatchling (from versions: none)", "HTTPS_PROXY"),
        ("OSError: [Errno 28] No space left on device", "free 2 GB"),
        ("error: metadata-generation-failed", "remove .venv"),
    ],
)
def test_a_failed_installation_ends_with_its_cure(run, capsys, output, cure):
    command = [sys.executable, "-c", f"import sys; print({output!r}); sys.exit(3)"]

    with pytest.raises(run.SetupError) as caught:
        run.step(command, ["demo"])

    assert output in capsys.readouterr().err
    assert cure in caught.value.cure
    assert "run.py demo" in caught.value.cure


def test_a_folder_that_cannot_be_written_is_named(run, monkeypatch, capsys):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(run.tempfile, "TemporaryFile", refuse)

    assert run.main(["demo"]) == 1

    error = capsys.readouterr().err
    assert str(run.ROOT) in error
    assert "a folder of your own" in error


def test_a_venv_that_is_something_else_is_left_alone(run, steps):
    run.VENV.mkdir()
    (run.VENV / "diary.txt").write_text("mine")

    with pytest.raises(run.SetupError, match=r"diary\.txt"):
        run.prepare([], ["demo"])

    assert (run.VENV / "diary.txt").read_text() == "mine"
    assert steps == []


def test_an_unknown_command_shows_the_pass_through(run, capsys):
    assert run.main(["measure", "before"]) == 2

    assert "run.py roomcal measure before" in capsys.readouterr().err


def test_no_command_prints_help_and_succeeds(run, capsys):
    assert run.main([]) == 0

    assert "usage: python3 run.py" in capsys.readouterr().out


# --- what it repeats ---


def test_the_second_run_reuses_the_first(run, steps):
    first = run.prepare(["dev"], ["test"])
    assert kinds(steps) == ["venv", "install"]
    start = time.perf_counter()

    second = run.prepare(["dev"], ["test"])

    assert first == second
    assert kinds(steps) == ["venv", "install"]
    assert time.perf_counter() - start < START_LIMIT_S


def test_what_was_installed_for_the_tests_serves_the_demo_too(run, steps):
    run.prepare(["dev"], ["test"])
    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install"]


def test_the_tests_add_to_what_the_demo_installed(run, steps):
    run.prepare([], ["demo"])
    run.prepare(["dev"], ["test"])

    assert kinds(steps) == ["venv", "install", "install"]
    assert steps[1][-1] == "."
    assert steps[2][-1] == ".[dev]"


def test_a_changed_pyproject_installs_again_and_keeps_the_extras(run, steps):
    run.prepare(["dev"], ["test"])
    with (run.ROOT / "pyproject.toml").open("a") as file:
        file.write('dependencies = ["numpy"]\n')

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install", "install"]
    assert steps[2][-1] == ".[dev]"


def test_a_moved_folder_installs_again(run, steps, monkeypatch):
    run.prepare([], ["demo"])
    moved = run.ROOT.with_name("moved")
    run.ROOT.rename(moved)
    monkeypatch.setattr(run, "ROOT", moved)
    monkeypatch.setattr(run, "VENV", moved / ".venv")

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install", "install"]


def test_an_interrupted_set_up_is_done_again(run, steps, monkeypatch, capsys):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "install", interrupt)
        assert run.main(["demo"]) == run.INTERRUPTED
    assert "goes on from here" in capsys.readouterr().err

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install"]
    assert json.loads((run.VENV / run.STAMP_NAME).read_text())["extras"] == []


@pytest.mark.usefixtures("steps")
def test_a_failed_upgrade_leaves_no_stamp_behind(run, monkeypatch):
    run.prepare([], ["demo"])

    def fail(*_: object) -> None:
        raise run.SetupError("no", "none")

    with monkeypatch.context() as patch:
        patch.setattr(run, "install", fail)
        with pytest.raises(run.SetupError):
            run.prepare(["dev"], ["test"])

    assert run.read_stamp() == {}


def test_a_venv_whose_interpreter_is_gone_is_made_again(run, steps, capsys):
    run.prepare([], ["demo"])
    run.venv_python().unlink()

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install", "venv", "install"]
    assert "broken" in capsys.readouterr().err


def test_a_venv_of_another_python_is_made_again(run, steps, monkeypatch, capsys):
    run.prepare([], ["demo"])
    real = run.venv_version
    answers = iter(["3.10.1"])
    monkeypatch.setattr(run, "venv_version", lambda: next(answers, None) or real())

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install", "venv", "install"]
    assert "for Python 3.10.1" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 3}'])
def test_a_damaged_stamp_counts_as_none(run, steps, content):
    run.prepare([], ["demo"])
    (run.VENV / run.STAMP_NAME).write_text(content)

    run.prepare([], ["demo"])

    assert kinds(steps) == ["venv", "install", "install"]


def test_uv_is_taken_where_it_works(run, steps, monkeypatch):
    monkeypatch.setattr(run, "starts", lambda name: name == "uv")
    monkeypatch.setattr(run.shutil, "which", lambda name: "/opt/" + name)

    run.prepare([], ["demo"])

    assert [s[0] for s in steps] == ["/opt/uv", "/opt/uv"]


def test_a_shim_that_stands_for_nothing_does_not_count(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("run_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(tmp_path / "gone"))

    assert not module.starts("uv")


# --- what it passes on ---


def test_arguments_reach_roomcal_as_they_were_typed(run, monkeypatch):
    seen: list[list[str]] = []
    monkeypatch.setattr(run, "prepare", lambda *_: Path("/venv/python"))
    monkeypatch.setattr(run.os, "name", "posix")
    monkeypatch.setattr(run.os, "execv", lambda program, command: seen.append([program, *command]))

    run.main(["roomcal", "export", "mix", "-o", "a b", "--help"])
    run.main(["demo", "--seed", "3"])

    tails = [command[-len(tail) :] for command, tail in zip(seen, TAILS, strict=True)]
    assert tails == TAILS


TAILS = [
    ["-m", "roomcal", "export", "mix", "-o", "a b", "--help"],
    ["-m", "roomcal", "demo", "--seed", "3"],
]


@pytest.mark.parametrize(
    ("returned", "expected"), [(0, 0), (5, 5), (-2, 130), (-15, 143), (0xC000013A, 130)]
)
def test_exit_codes_are_those_of_a_shell(run, returned, expected):
    class Process:
        def __init__(self) -> None:
            self.interrupts = 1

        def wait(self) -> int:
            if self.interrupts:  # Ctrl-C reaches both; the child ends in its own way
                self.interrupts -= 1
                raise KeyboardInterrupt
            return returned

    assert run.wait(Process()) == expected


@pytest.fixture
def calls(run, monkeypatch) -> list[list[str]]:
    made: list[list[str]] = []
    monkeypatch.setattr(run, "prepare", lambda *_: Path("/venv/python"))
    monkeypatch.setattr(run, "call", lambda command, _: made.append(command) or 0)
    return made


def test_every_check_runs_and_pytest_comes_last(run, calls):
    assert run.main(["test"]) == 0

    assert [command[2] for command in calls] == ["ruff", "ruff", "mypy", "pytest"]


def test_with_arguments_only_pytest_runs(run, calls):
    run.main(["test", "-k", "decay and not slow"])

    assert [command[2] for command in calls] == ["pytest"]
    assert calls[0][-2:] == ["-k", "decay and not slow"]


@pytest.mark.parametrize("argument", ["-n0", "-n=2", "--pdb", "-s", "--dist=no"])
def test_arguments_about_processes_are_not_contradicted(run, argument):
    assert run.pytest_command("python", [argument], 8)[3:] == [argument]


@pytest.mark.parametrize(("n_cpus", "expected"), [(1, "1"), (2, "2"), (64, "4")])
def test_the_tests_share_the_processors(run, n_cpus, expected):
    command = run.pytest_command("python", ["-k", "x"], n_cpus)

    assert command[3:7] == ["-n", expected, "--dist", "loadfile"]


def test_a_failed_check_fails_the_whole_and_the_tests_still_run(run, monkeypatch, capsys):
    made: list[str] = []

    def call(command: list, _environment: dict) -> int:
        made.append(command[2])
        return 2 if command[2] == "mypy" else 0

    monkeypatch.setattr(run, "prepare", lambda *_: Path("/venv/python"))
    monkeypatch.setattr(run, "call", call)

    assert run.main(["test"]) == 2

    assert made[-1] == "pytest"
    lines = capsys.readouterr().err.splitlines()
    assert "FAILED: mypy" in lines[-2]
    assert lines[-1] == "run.py: pytest"  # nothing follows what pytest writes


def test_failed_tests_give_their_own_exit_code(run, monkeypatch):
    monkeypatch.setattr(run, "prepare", lambda *_: Path("/venv/python"))
    monkeypatch.setattr(run, "call", lambda command, _: 1 if command[2] == "pytest" else 0)

    assert run.main(["test"]) == 1


def test_the_script_starts_as_a_program():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert "demo" in done.stdout
    assert done.stderr == ""
