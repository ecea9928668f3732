"""The fault matrix of docs/faults.md and docs/live.md: every row has tests with its number."""

import re
from pathlib import Path

import pytest

from roomcal.errors import FAULTS

ROOT = Path(__file__).resolve().parents[1]
# Measuring, data and process, safety; what runs live has a page of its own.
PAGES = {
    "faults.md": [*range(1, 34), *range(42, 54)],
    "live.md": [*range(34, 42)],
}
ROWS = [row for rows in PAGES.values() for row in rows]
# The exit codes of docs/faults.md.
EXIT_CODES = {"0", "2", "3", "4", "5", "6", "7", "8", "130"}


def table(pages=tuple(PAGES)):
    """The rows of the tables: number to (exit code, what is said, names of test files)."""
    text = "\n".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in pages)
    found = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip("|").split(" | ")]
        if len(cells) == 5 and cells[0].isdigit():
            found[int(cells[0])] = (cells[2], cells[3], re.findall(r"`([^`]+\.py)`", cells[4]))
    return found


def numbered_tests(file, row):
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    return re.findall(rf"^def (test_(?:row|fault)_{row:02d}_\w+)", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_row_is_in_the_table_and_no_other(page):
    assert sorted(table([page])) == PAGES[page]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_test_with_its_number_in_every_file_that_it_names(row):
    exit_code, said, files = table()[row]

    assert files
    for file in files:
        assert numbered_tests(file, row), f"no test_row_{row:02d}_... in {file}"
    assert exit_code in EXIT_CODES
    for fault in re.findall(r"RC-\d{3}", said):
        assert fault in FAULTS


def test_no_test_carries_a_number_that_is_no_row():
    numbers = {
        int(n)
        for file in (ROOT / "tests").rglob("test_*.py")
        for n in re.findall(r"^def test_row_(\d\d)_", file.read_text("utf-8"), re.MULTILINE)
    }
    assert numbers >= set(PAGES["faults.md"])
    assert numbers <= set(range(1, 54))
