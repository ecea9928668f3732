"""What a format carries of a bank: its filters as that program will play them, and what is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

from roomcal.model.filter_bank import FilterBank


@dataclass(frozen=True, eq=False)
class Carried:
    """The filters by sample rate, and sentences on what is lost with its consequence."""

    filters: Mapping[int, FilterBank]
    losses: tuple[str, ...] = ()
