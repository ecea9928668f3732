"""The one data file of standards, read strictly: noise curves and clauses with their sources."""

import tomllib
from functools import lru_cache
from importlib.resources import files

import msgspec

from roomcal.model.standard import Standards

FILE_NAME = "standards.toml"


@lru_cache(maxsize=1)
def load_standards() -> Standards:
    """Read `standards.toml` of the package."""
    text = files("roomcal.files").joinpath(FILE_NAME).read_text(encoding="utf-8")
    found = msgspec.convert(tomllib.loads(text), Standards)
    for curves in found.noise:
        rows = {len(row) for row in curves.levels_db_spl}
        if rows != {len(curves.bands_hz)} or len(curves.levels_db_spl) != len(curves.ratings):
            raise ValueError(f"{FILE_NAME}: {curves.name} is no table")
    return found
