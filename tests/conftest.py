"""What several test files share: real files made by others, a private studio folder, seeds."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
SEED = 20240611  # any fixed number


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable) or default)
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set {variable} to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def reference_data() -> Path:
    return _folder("ROOMCAL_REFERENCE_DATA", ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def judge() -> Path:
    return _folder("ROOMCAL_JUDGE", ROOT.parent / "shared" / "judge")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


@pytest.fixture
def studio_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("ROOMCAL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "studio"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def runner(studio_folder: Path) -> CliRunner:
    """Runs commands in a studio folder of their own, without colour."""
    return CliRunner(env={"NO_COLOR": "1", "COLUMNS": "80", "HOME": str(studio_folder)})
