"""A headless Chromium, and a report for it to read."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roomcal.cli.main import cli

FS = 48000
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
INSTALL = "apt install chromium chromium-driver"
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)


class Browser:
    """One page at a time, in a window of a chosen size and in a chosen theme."""

    def __init__(self, driver: object) -> None:
        self.driver = driver

    def open(
        self,
        page: Path,
        *,
        size: tuple[int, int] = (1200, 900),
        dark: bool = False,
        media: str = "screen",
        scripts: bool = True,
    ) -> None:
        """Show a page and wait until its graphs stand."""
        command = self.driver.execute_cdp_cmd
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        command("Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 500})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        command("Emulation.setEmulatedMedia", {"media": media, "features": [scheme, still]})
        command("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page.as_uri())

    def run(self, script: str, *arguments: object) -> object:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip(f"chromium or chromedriver is absent: {INSTALL}")
    webdriver = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield Browser(started)
    started.quit()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a session, a bank, and a session through the bank."""
    folder = tmp_path_factory.mktemp("studio")
    rng = np.random.default_rng(11)

    def run(*arguments: str) -> None:
        done = CliRunner().invoke(cli, ["-C", str(folder), *arguments])
        assert done.exit_code == 0, done.output

    t = np.arange(FS // 2) / FS
    names = []
    for speaker in ("L", "R"):
        for position in ("p1", "p2"):
            h = 0.03 * rng.standard_normal(t.size) * 10.0 ** (-3.0 * t / 0.4)
            for f_hz, t60_s in ((41.0, 0.8), (82.0, 0.7)):
                h += 0.01 * np.exp(-6.9 * t / t60_s) * np.sin(2.0 * np.pi * f_hz * t)
            h[0], h[240] = 1.0, 0.5
            h = np.concatenate([np.zeros(500), h])
            names.append(str(folder / f"{speaker}-{position}.wav"))
            soundfile.write(names[-1], h, FS, subtype="FLOAT")
    run("import", *names, "--session", "before")
    run("design", "mix", "--from", "before", "--taps", "8192")
    _write_predicted(folder, names)
    run("import", *names, "--session", "after")
    return folder


def _write_predicted(folder: Path, names: list[str]) -> None:
    """Write what the bank promises over the responses: as if it had been measured."""
    from roomcal.files.bank_store import load_bank
    from roomcal.files.session_store import SessionStore
    from roomcal.jobs.verify import predicted_responses

    before = SessionStore.open(folder, "before").load_responses()
    promised = predicted_responses(before, load_bank(folder, "mix").filters[FS])
    for name, response in zip(names, promised, strict=True):
        assert Path(name).stem == f"{response.speaker}-{response.position}"
        soundfile.write(name, response.samples, FS, subtype="FLOAT")


@pytest.fixture(scope="session")
def report(studio: Path) -> Path:
    path = studio / "report.html"
    arguments = ["report", "before", "--bank", "mix", "--against", "after", "-o", str(path)]
    done = CliRunner().invoke(cli, ["-C", str(studio), *arguments])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="session")
def axe() -> Callable[[Browser], list[str]]:
    """Return what axe-core finds fault with, one line each."""
    package = pytest.importorskip("axe_core_python", reason="pip install axe-core-python")
    code = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def check(browser: Browser) -> list[str]:
        # The page's own policy forbids foreign scripts; the debugger is no part of the page.
        browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": code})
        found = browser.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
            " 'best-practice']}).then((r) => done(r.violations));"
        )
        return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]

    return check
