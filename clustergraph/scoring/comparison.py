"""Compare the clusters of a run, or of the runs of several nights, with known groups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from clustergraph.artefacts.runs import Run, open_run
from clustergraph.errors import UsageError
from clustergraph.scoring.agreement import bcubed, pairs
from clustergraph.scoring.listing import COORDINATED, count_cohorts, find_coordinated, measure_precision
from clustergraph.scoring.matching import match_groups
from clustergraph.scoring.nights import (
    GROUP_NIGHTS,
    find_majorities,
    find_nights,
    read_activity,
    score_nights,
)
from clustergraph.scoring.overlaps import count_overlaps, place_accounts
from clustergraph.scoring.scorecard import Counts, Scorecard
from clustergraph.scoring.truth import read_truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from clustergraph.scoring.overlaps import Overlaps, Standing
    from clustergraph.scoring.truth import Truth


def score(
    run: Run | str | Path,
    truth: Any,
    *,
    nights: str | Path | None = None,
    coordinated: Sequence[str] | None = None,
) -> Scorecard:
    """Score the clusters of a run against known groups.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives, the folder of a run, or a
            folder that holds the runs of several nights, each in ``dt=YYYY-MM-DD`` or ``runs/dt=YYYY-MM-DD``:
            then the last is scored, and all are searched for when each group was first seen.
        truth: a path to a table, or a table in memory, with ``account_id``, ``group`` (null or empty: in no
            group) and optionally ``cohort`` and ``exchanges``. Accounts that it lacks are in no group.
        nights: a table of each group's ``exchanges`` by night (``dt``, ``group``, ``exchanges``); without
            it, ``group_nights.parquet`` beside the truth, if it is there. For runs of several nights only.
        coordinated: cohorts whose groups count as coordinated, for the precision of the first ranks;
            campaigns, decoys and cells by default. Where the truth has no cohorts, all groups count.

    Raises:
        InputError: the folder is no run, or a table is damaged or wrong.
        UsageError: ``nights`` for a single run, or ``coordinated`` for a truth without cohorts.
    """
    folders = {} if isinstance(run, Run) else find_nights(run)
    if nights is not None and not folders:
        raise UsageError("exchanges by night are for runs of several nights, and this is a single run")
    known = read_truth(truth)
    if coordinated is not None and known.cohort is None:
        raise UsageError(f"{known.name} has no column 'cohort'; all of its groups count as coordinated")
    if folders:
        beside = nights if nights is not None else _find_beside(truth)
        return _score_nights(folders, known, beside, coordinated)
    return _score_run(run if isinstance(run, Run) else open_run(run), known, coordinated)


def _score_run(run: Run, truth: Truth, coordinated: Sequence[str] | None) -> Scorecard:
    standing, overlaps = _compare(truth, run)
    chosen = tuple(COORDINATED if coordinated is None else coordinated)
    right = find_coordinated(truth, chosen)
    unexplained = pc.is_null(run.clusters["explained_by"]).to_numpy()
    counts = Counts(
        clusters=len(standing.sizes),
        clustered=int(standing.sizes.sum()),
        unlisted=int(standing.unlisted.sum()),
        listed=len(truth.accounts),
        grouped=int((truth.group >= 0).sum()),
    )
    return Scorecard(
        counts=counts,
        groups=match_groups(truth, run, overlaps),
        bcubed=bcubed(overlaps),
        pairs=pairs(overlaps),
        bcubed_grouped=bcubed(overlaps, outsiders=False),
        pairs_grouped=pairs(overlaps, outsiders=False),
        cohorts=count_cohorts(truth, standing),
        coordinated=chosen if truth.cohort is not None else None,
        precision_at=measure_precision(standing, right, np.ones(len(unexplained), np.bool_)),
        precision_at_unexplained=measure_precision(standing, right, unexplained),
        warnings=tuple(_warn(truth, counts, coordinated)),
    )


def _score_nights(
    folders: Mapping[date, Path],
    truth: Truth,
    nights: str | Path | None,
    coordinated: Sequence[str] | None,
) -> Scorecard:
    activity = read_activity(nights) if nights is not None else None
    stood = {night: _find_standing(truth, open_run(folder)) for night, folder in folders.items()}
    card = _score_run(open_run(folders[max(folders)]), truth, coordinated)
    names = [one.group for one in card.groups]
    missing = f"there is no {GROUP_NIGHTS} beside {truth.name}: what went by before a night is not known"
    return replace(
        card,
        runs=tuple(folders),
        nights=score_nights(names, stood, activity),
        warnings=card.warnings if activity is not None else (*card.warnings, missing),
    )


def _compare(truth: Truth, run: Run) -> tuple[Standing, Overlaps]:
    standing = place_accounts(truth, run)
    return standing, count_overlaps(truth.group, standing.cluster, len(truth.groups), standing.sizes)


def _find_standing(truth: Truth, run: Run) -> list[str]:
    _, overlaps = _compare(truth, run)
    return [truth.groups[group] for group in find_majorities(overlaps)]


def _find_beside(truth: Any) -> Path | None:
    if not isinstance(truth, str | Path):
        return None
    beside = Path(truth).with_name(GROUP_NIGHTS)
    return beside if beside.is_file() else None


def _warn(truth: Truth, counts: Counts, coordinated: Sequence[str] | None) -> list[str]:
    found = []
    if counts.clustered and counts.unlisted == counts.clustered:
        found.append(
            f"none of the {counts.clustered:,} clustered accounts is in {truth.name};"
            " is it of the same traffic?"
        )
    if not counts.grouped:
        found.append(f"{truth.name} puts no account in a group: there is nothing to agree with")
    if coordinated is not None:
        found += [f"{truth.name} has no cohort {name!r}" for name in coordinated if name not in truth.cohorts]
    return found
