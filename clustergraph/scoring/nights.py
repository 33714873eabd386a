"""Runs of several nights: what went by before a group stood in the first ranks."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from clustergraph.artefacts.runs import MANIFEST
from clustergraph.errors import InputError
from clustergraph.scoring.labels import DAY, NUMBER, TEXT, read_labels, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clustergraph.scoring.overlaps import Overlaps

FIRST_RANKS = 10
GROUP_NIGHTS = "group_nights.parquet"
_COLUMNS = {"dt": DAY, "group": TEXT, "exchanges": NUMBER}
_NIGHT = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")

Activity = dict[str, dict[date, float]]  # group -> night -> exchanges


@dataclass(frozen=True)
class NightScore:
    """When a group was first seen by who reads only the first ranks.

    Attributes:
        group: its name.
        first_night: the first night with a run in whose first 10 ranks stands a cluster more than half of
            whose accounts are the group's; None if there is none.
        nights_before: nights before it on which the group was active; without a first night, all of them
            until the last run. None where it is not known.
        share_before: share of the group's exchanges of all nights that were made on those nights; None where
            it is not known.
    """

    group: str
    first_night: date | None
    nights_before: int | None
    share_before: float | None


def find_nights(directory: str | Path) -> dict[date, Path]:
    """List the runs of several nights in a folder, or in its folder ``runs``, by date.

    Returns:
        The folders named ``dt=YYYY-MM-DD``; nothing if the folder is itself a run or has none.

    Raises:
        InputError: a folder is named after a day that does not exist.
    """
    folder = Path(directory)
    if (folder / MANIFEST).is_file():
        return {}
    for place in (folder, folder / "runs"):
        found = {
            _parse_night(path, match[1]): path
            for path in place.glob("dt=*")
            if (match := _NIGHT.fullmatch(path.name)) and path.is_dir()
        }
        if found:
            return dict(sorted(found.items()))
    return {}


def _parse_night(path: Path, words: str) -> date:
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise InputError(f"{path}: is named after no day; expected dt=YYYY-MM-DD") from error


def read_activity(path: str | Path) -> Activity:
    """Read on which nights each group was active, and how many exchanges it made.

    Args:
        path: a table with ``dt``, ``group`` and ``exchanges``, a row for each night and group;
            rows without a group are passed over.

    Raises:
        InputError: a damaged file, a missing column, a wrong type or value, a night and group in two rows.
    """
    found: Activity = defaultdict(dict)
    for part in read_labels(path, _COLUMNS, list(_COLUMNS)):
        days = part.table["dt"]
        refuse(part.name, "dt", pc.is_null(days), days, "a day as YYYY-MM-DD")
        rows = zip(*(part.table[name].to_pylist() for name in _COLUMNS), strict=True)
        for number, (night, group, exchanges) in enumerate(rows, 1):
            if not group:
                continue
            if night in found[group]:
                raise InputError(
                    f"{part.name}: row {number:,}: {group[:80]!r} on {night} is in another row, too;"
                    " expected one row for each night and group"
                )
            found[group][night] = exchanges or 0.0
    return dict(found)


def find_majorities(overlaps: Overlaps) -> set[int]:
    """Find the groups to which more than half of a cluster in the first 10 ranks belongs."""
    first = overlaps.cluster < FIRST_RANKS
    most = 2 * overlaps.accounts > overlaps.cluster_sizes[overlaps.cluster]
    return {int(group) for group in overlaps.group[first & most]}


def score_nights(
    groups: Iterable[str],
    stood: Mapping[date, Iterable[str]],
    activity: Activity | None,
) -> tuple[NightScore, ...]:
    """Say when each group was first seen, and what went by before.

    Args:
        groups: their names, in the order wanted.
        stood: night of a run -> the groups in its first ranks.
        activity: of the groups; None if it is not known.
    """
    first: dict[str, date] = {}
    for night in sorted(stood, reverse=True):
        first |= dict.fromkeys(stood[night], night)
    last = max(stood)
    return tuple(
        NightScore(group, first.get(group), *_count_before(activity, group, first.get(group), last))
        for group in groups
    )


def _count_before(
    activity: Activity | None, group: str, first: date | None, last: date
) -> tuple[int | None, float | None]:
    if activity is None:
        return None, None
    nights = {night: exchanges for night, exchanges in activity.get(group, {}).items() if exchanges > 0}
    before = [night for night in nights if (night < first if first else night <= last)]
    total = math.fsum(nights.values())
    return len(before), math.fsum(nights[night] for night in before) / total if total else None
