"""The two set-up commands: makes `.venv`, installs roomcal into it, then starts what was asked for.

Standard library only. The syntax stays within Python 3.6, so that an old Python reads this file
far enough to say what is wrong.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP_NAME = "roomcal-setup.json"
OLDEST_PYTHON = (3, 11)  # requires-python of pyproject.toml
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")  # looked for when this one is too old
INTERRUPTED = 130  # the shell's exit code for Ctrl-C
WINDOWS_CTRL_C = 0xC000013A  # STATUS_CONTROL_C_EXIT
MAX_TEST_PROCESSES = 4  # more of them only load the libraries more often
CHECKS = ("ruff format --check .", "ruff check .", "mypy")  # before the tests, as Python modules
REPORTED_LINES = 20  # of a failed installation

# What a virtual environment holds at its top; a folder with anything else is not ours to remove.
VENV_ENTRIES = {
    *("bin", "Scripts", "include", "Include", "lib", "lib64", "Lib", "share", "etc", "pyvenv.cfg"),
    *(".gitignore", ".lock", "CACHEDIR.TAG", STAMP_NAME),
}
# Words of pip and uv when no package index answers.
NETWORK_WORDS = (
    *("name resolution", "getaddrinfo", "dns error", "could not resolve", "failed to resolve"),
    *("newconnectionerror", "connection refused", "network is unreachable", "connecttimeout"),
    *("timed out", "error sending request", "tunnel", "max retries exceeded", "could not connect"),
    "from versions: none",
)
FULL_DISK_WORDS = ("no space left", "errno 28", "not enough space", "disk quota")

HELP = """\
usage: python3 run.py COMMAND [ARGUMENTS]

  demo [OPTIONS]      the whole job in a virtual studio: measure, design, verify, report
  test [PYTEST ARGS]  every check: format, lint, types, tests; with arguments only the tests
  roomcal [COMMAND]   any other command of roomcal, for example: run.py roomcal analyze --help

The first run makes the folder .venv and installs roomcal there (needs the internet, 1-5 minutes).
Nothing outside this folder changes. Remove .venv to start afresh.
"""


class SetupError(Exception):
    """What stands in the way, with the cure."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


def say(text: str) -> None:
    """Tell on stderr what happens; stdout belongs to the results."""
    print("run.py: " + text, file=sys.stderr, flush=True)


def command_line(arguments: list, *, python: str = "") -> str:
    """Return the command as the user would type it."""
    python = python or ("py" if os.name == "nt" else "python3")
    return " ".join([python, "run.py", *(f'"{a}"' if " " in a else a for a in arguments)])


# --- what the computer has ---------------------------------------------------------------------


def check_python(version: tuple, arguments: list) -> None:
    """Refuse a Python that roomcal does not run on."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return
    have = ".".join(str(n) for n in version[:3])
    need = ".".join(str(n) for n in OLDEST_PYTHON)
    newer = next((name for name in NEWER_PYTHONS if starts(name)), "")
    if newer:
        cure = "this computer has a newer one, use it: " + command_line(arguments, python=newer)
    elif starts("uv"):
        uv = "uv run --no-project --python 3.13"
        cure = "uv can fetch a newer one: " + command_line(arguments, python=uv)
    elif os.name == "nt":
        again = command_line(arguments, python="py -3.13")
        cure = "winget install Python.Python.3.13, then: " + again
    elif sys.platform == "darwin":
        again = command_line(arguments, python="python3.13")
        cure = "brew install python@3.13 (or the installer of python.org), then: " + again
    else:
        again = command_line(arguments, python="uv run --no-project --python 3.13")
        cure = (
            f"curl -LsSf https://astral.sh/uv/install.sh | sh, open a new terminal, then: {again}"
        )
    raise SetupError(f"roomcal needs Python {need} or newer, this is {have}", cure)


def answer(command: list) -> str:
    """Return what a short command prints, empty when it is missing or fails."""
    nothing = subprocess.DEVNULL
    try:
        text = subprocess.check_output(command, stdin=nothing, stderr=nothing, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return text.decode("utf-8", "replace").strip()


def starts(program: str) -> bool:
    """Whether a program is there and works; a shim on the PATH may stand for nothing."""
    path = shutil.which(program)
    return path is not None and answer([path, "--version"]) != ""


def check_ensurepip() -> None:
    """Refuse a Python that cannot put pip into a virtual environment."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if shutil.which("apt-get"):
        cure = "sudo apt install python3-venv"
        if Path(sys.executable).name == "python" + version:
            cure = f"sudo apt install python{version}-venv"
    else:
        cure = "install uv (https://docs.astral.sh/uv/) or a complete Python from python.org"
    raise SetupError(f"this Python ({version}) comes without ensurepip, which sets up pip", cure)


def check_writable() -> None:
    """Refuse a folder in which nothing can be made."""
    folder = VENV if VENV.is_dir() else ROOT
    try:
        with tempfile.TemporaryFile(dir=str(folder)):
            pass
    except OSError as error:
        raise SetupError(
            f"cannot write to {folder} ({error.strerror or error})",
            "copy roomcal to a folder of your own, for example in your home, and run it there",
        ) from error


# --- the virtual environment -------------------------------------------------------------------


def venv_python() -> Path:
    """Return the interpreter of the virtual environment, whether it exists or not."""
    places = (VENV / "Scripts" / "python.exe", VENV / "bin" / "python")
    preferred = places[0] if os.name == "nt" else places[1]
    return next((place for place in places if place.exists()), preferred)


def venv_version() -> str:
    """Python version of the virtual environment, empty when its interpreter does not run."""
    question = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    return answer([str(venv_python()), "-I", "-c", question])


def wanted_key(version: str) -> str:
    """Digest of everything that makes another installation necessary, but for the extras."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(f"\0{version}\0{ROOT}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def read_stamp() -> dict:
    """Return what the last finished set-up wrote; an empty dict when there was none."""
    try:
        stamp = json.loads((VENV / STAMP_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_ready(stamp: dict, version: str, extras: list) -> bool:
    """Whether the last set-up serves this run too."""
    if not version or stamp.get("key") != wanted_key(version):
        return False
    return set(extras) <= set(stamp.get("extras", []))


def remove_venv() -> None:
    """Remove `.venv`, but nothing that is something else."""
    if VENV.is_symlink() or VENV.is_file():
        raise SetupError(f"{VENV} is not a folder made by run.py", "move it away")
    strange = sorted(entry.name for entry in VENV.iterdir() if entry.name not in VENV_ENTRIES)
    if strange:
        raise SetupError(
            f"{VENV} holds {strange[0]!r}, so it is not ours to remove", "move it away"
        )
    try:
        shutil.rmtree(str(VENV))
    except OSError as error:
        raise SetupError(
            f"cannot remove the broken {VENV} ({error})",
            "close every program that uses it, remove the folder by hand, then try again",
        ) from error


def prepare(extras: list, arguments: list) -> Path:
    """Return the interpreter of a virtual environment that has roomcal with `extras`."""
    version = venv_version() if VENV.exists() else ""
    stamp = read_stamp()
    if is_ready(stamp, version, extras):
        return venv_python()
    check_writable()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.path.lexists(str(VENV)) and version.split(".")[:2] != here.split("."):
        state = f"for Python {version}" if version else "broken"
        say(f".venv is {state}, making it again")
        remove_venv()
        stamp = {}
    uv = shutil.which("uv") if starts("uv") else None
    if not VENV.exists():
        make_venv(uv, arguments)
    extras = sorted({*extras, *stamp.get("extras", [])})
    if (VENV / STAMP_NAME).exists():
        (VENV / STAMP_NAME).unlink()  # from here on the set-up is unfinished
    install(uv, extras, arguments)
    new = {"key": wanted_key(venv_version()), "extras": extras}
    (VENV / STAMP_NAME).write_text(json.dumps(new) + "\n", encoding="utf-8")
    return venv_python()


def make_venv(uv: str, arguments: list) -> None:
    """Make an empty virtual environment."""
    say(f"making .venv with {'uv' if uv else 'venv'}, Python {sys.version.split()[0]}")
    if uv:
        step([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], arguments)
        return
    check_ensurepip()
    step([sys.executable, "-m", "venv", str(VENV)], arguments)


def install(uv: str, extras: list, arguments: list) -> None:
    """Install the project, editable, with its dependencies."""
    what = f".[{','.join(extras)}]" if extras else "."
    say(f"installing roomcal ({what}) with {'uv' if uv else 'pip'}; the first time takes a while")
    python = str(venv_python())
    started = time.monotonic()
    if uv:
        step([uv, "pip", "install", "--quiet", "--python", python, "--editable", what], arguments)
    else:
        if not answer([python, "-m", "pip", "--version"]):
            check_ensurepip()
            step([python, "-m", "ensurepip"], arguments)
        pip = [python, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
        step([*pip, "install", "--editable", what], arguments)
    say(f"installed in {time.monotonic() - started:.0f} s")


def step(command: list, arguments: list) -> None:
    """Run one step of the set-up; a failure ends with its last lines and the cure."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH")}
    try:
        done = subprocess.run(
            command,
            cwd=str(ROOT),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        again = "then: " + command_line(arguments)
        raise SetupError(
            f"cannot start {command[0]} ({error})", f"remove .venv, {again}"
        ) from error
    if done.returncode == 0:
        return
    text = done.stdout.decode("utf-8", "replace").strip()
    for line in text.splitlines()[-REPORTED_LINES:]:
        print("    " + line, file=sys.stderr, flush=True)
    raise SetupError(*explain(text.lower(), " ".join(command[:4]), command_line(arguments)))


def explain(text: str, command: str, again: str) -> tuple:
    """Message and cure for a failed step, from what it wrote in lower case."""
    if any(word in text for word in FULL_DISK_WORDS):
        return "the disk is full", f"free 2 GB, then: {again}"
    if any(word in text for word in NETWORK_WORDS):
        proxy = "behind a proxy set HTTPS_PROXY=http://host:port"
        return "the package index does not answer", f"go online ({proxy}), then: {again}"
    if "ensurepip" in text:
        return "this Python cannot set up pip", f"sudo apt install python3-venv, then: {again}"
    return f"{command} ... failed (its last lines are above)", f"remove .venv, then: {again}"


# --- the commands ------------------------------------------------------------------------------


def call(command: list, environment: dict) -> int:
    """Run a command to its end and return its exit code; Ctrl-C is the command's own affair."""
    sys.stdout.flush()
    process = subprocess.Popen(command, cwd=str(ROOT), env=environment)
    return wait(process)


def wait(process: "subprocess.Popen[bytes]") -> int:
    """Exit code of a process, as a shell would give it."""
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # the terminal sent it to the process too, which ends in its own way
    if code % (1 << 32) == WINDOWS_CTRL_C:
        return INTERRUPTED
    return 128 - code if code < 0 else code


def run_roomcal(arguments: list) -> int:
    """Become `roomcal ...`, in the user's own folder."""
    python = str(prepare([], arguments))
    command = [python, "-m", *(["roomcal"] if arguments[0] == "demo" else []), *arguments]
    sys.stdout.flush()
    if os.name == "nt":  # there, exec returns to the prompt at once and breaks spaces in paths
        return wait(subprocess.Popen(command))
    os.execv(python, command)
    return 0


def pytest_command(python: str, arguments: list, n_cpus: int) -> list:
    """Return the test run, on several processes unless the arguments speak against it."""
    command = [python, "-m", "pytest"]
    alone = ("-n", "--numprocesses", "--dist", "--pdb", "--trace", "-s", "--capture=no", "-p")
    if not any(a.split("=")[0] in alone or a in alone or a.startswith("-n") for a in arguments):
        command += ["-n", str(min(n_cpus, MAX_TEST_PROCESSES)), "--dist", "loadfile"]
    return command + arguments


def run_tests(arguments: list) -> int:
    """Run every check, then the tests, whose summary is the last that is written."""
    python = str(prepare(["dev"], ["test", *arguments]))
    environment = dict(os.environ)
    # The test processes share the cores; threads below them would only queue.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, "1")
    failed = []
    for check in [] if arguments else CHECKS:
        say(check)
        code = call([python, "-m", *check.split()], environment)
        if code == INTERRUPTED:
            return code
        failed += [(check, code)] if code else []
    if failed:
        say("FAILED: " + ", ".join(check for check, _ in failed) + " (see above); now the tests")
    say("pytest")
    code = call(pytest_command(python, arguments, os.cpu_count() or 1), environment)
    return code or (failed[0][1] if failed else 0)


def main(arguments: list) -> int:
    """Run one command and return the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    command, rest = arguments[0], arguments[1:]
    if command not in ("demo", "test", "roomcal"):
        hint = command_line(["roomcal", *arguments])
        say(f"there is no command {command!r} here; for a command of roomcal: {hint}")
        return 2
    try:
        check_python(sys.version_info, arguments)
        if command == "test":
            return run_tests(rest)
        return run_roomcal(arguments)
    except SetupError as error:
        say(error.message)
        say("what to do: " + error.cure)
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
