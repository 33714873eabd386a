"""Refit the points of the extraction score to what people decided; nothing is applied by itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clustergraph.decisions.log import CLEARED, CONFIRMED, read_log
from clustergraph.decisions.standing import take_stand
from clustergraph.extraction.fitting import fit_points, measure_separation
from clustergraph.extraction.parts import PARTS
from clustergraph.extraction.points import DEFAULTS, add_points
from clustergraph.store.store import open_store
from clustergraph.upkeep.nights import list_nights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from clustergraph.store.store import Store

# Of confirmed clusters, and of cleared ones, below which a fit says little.
LEAST = 10
# Clusters are left out in so many turns to see how points do on such as they were not fitted to.
_TURNS = 20


@dataclass(frozen=True)
class RefittedPoint:
    """Points of one part: those that there are, those proposed, and their 95% interval.

    Attributes:
        name: of the part.
        present: points, in bits.
        proposed: points, in bits.
        low: end of the interval; None where nothing could be fitted.
        high: end of the interval.
        clusters: decided clusters of which the part is known.
    """

    name: str
    present: float
    proposed: float
    low: float | None
    high: float | None
    clusters: int


@dataclass(frozen=True)
class RefittedCluster:
    """A cluster that was decided on, and its score with the present points and with those proposed."""

    number: int
    cluster_id: str
    decision: str
    score_before: float
    score_after: float


@dataclass(frozen=True)
class Refit:
    """Points that decisions speak for.

    Attributes:
        confirmed: clusters that were confirmed, with known parts.
        cleared: clusters that were cleared, with known parts.
        points: of each part.
        clusters: scores before and after, in the order of the decisions.
        auc_before: how often a confirmed cluster has a higher score than a cleared one; None without either.
        auc_after: the same with the proposed points, on the clusters that they were fitted to.
        auc_left_out: the same, each cluster with points that were fitted without it.
        warning: what speaks against relying on it, None if nothing does.
    """

    confirmed: int
    cleared: int
    points: tuple[RefittedPoint, ...]
    clusters: tuple[RefittedCluster, ...]
    auc_before: float | None
    auc_after: float | None
    auc_left_out: float | None
    warning: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return asdict(self)

    def to_toml(self) -> str:
        """Give the section of a configuration that applies the proposed points."""
        return "\n".join(["[extraction]", *(f"{one.name} = {one.proposed:.2f}" for one in self.points)])


def refit_points(store: str | Path) -> Refit:
    """Fit the points of the extraction score to the clusters that were confirmed or cleared.

    A cluster is one observation, on the parts of its members on the day of the decision, which are kept with
    it. The present points are those of the last night. Nothing is changed by it.

    Args:
        store: folder of the store.

    Raises:
        InputError: the folder is no store, or its log is damaged.
    """
    opened = open_store(Path(store).absolute())
    standing = take_stand(opened, read_log(opened).entries)
    decided = [one for one in standing.entries if one.decision in (CONFIRMED, CLEARED)]
    members = [_read_parts(standing.copies[one.number].extraction) for one in decided]
    known = [place for place, one in enumerate(members) if _is_known(one)]
    decided, members = [decided[place] for place in known], [members[place] for place in known]
    present = _present_points(opened)
    confirmed = np.array([one.decision == CONFIRMED for one in decided], bool)
    means = _mean_parts(members)
    both = bool(confirmed.any() and not confirmed.all())
    fitted = fit_points(means, confirmed, present) if both else None
    proposed = fitted.points if fitted else present
    before, after = (_score(members, points) for points in (present, proposed))
    return Refit(
        confirmed=int(confirmed.sum()),
        cleared=int((~confirmed).sum()),
        points=tuple(
            RefittedPoint(
                name, present[name], proposed[name],
                fitted.low[name] if fitted else None, fitted.high[name] if fitted else None,
                int((~np.isnan(means[name])).sum()),
            )
            for name in PARTS
        ),
        clusters=tuple(
            RefittedCluster(one.number, one.cluster_id, one.decision, old, new)
            for one, old, new in zip(decided, before.tolist(), after.tolist(), strict=True)
        ),
        auc_before=measure_separation(before, confirmed) if both else None,
        auc_after=measure_separation(after, confirmed) if both else None,
        auc_left_out=_measure_left_out(members, means, confirmed, present) if both else None,
        warning=_warn(int(confirmed.sum()), int((~confirmed).sum())),
    )  # fmt: skip


def _read_parts(extraction: pa.Table) -> dict[str, NDArray[np.float64]]:
    """Give exchanges and parts of the members, NaN where they are not known."""
    found = {name: extraction[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in PARTS}
    return {"exchanges": extraction["exchanges"].to_numpy().astype(np.float64), **found}


def _is_known(members: Mapping[str, NDArray[np.float64]]) -> bool:
    """Tell whether any part is known of a member that has exchanges."""
    busy = members["exchanges"] > 0
    return any(bool((busy & ~np.isnan(members[name])).any()) for name in PARTS)


def _mean(values: NDArray[np.float64], exchanges: NDArray[np.float64]) -> float:
    known = ~np.isnan(values)
    whole = math.fsum(exchanges[known])
    return math.fsum(values[known] * exchanges[known]) / whole if whole > 0 else math.nan


def _mean_parts(members: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([_mean(one[name], one["exchanges"]) for one in members]) for name in PARTS}


def _score(
    members: Sequence[Mapping[str, NDArray[np.float64]]], points: Mapping[str, float]
) -> NDArray[np.float64]:
    """Score clusters as `rank` does: the mean of the members' scores by their exchanges."""
    scores = [_mean(add_points(one, points), one["exchanges"]) for one in members]
    return np.nan_to_num(np.array(scores, np.float64), nan=0.5)


def _measure_left_out(
    members: Sequence[Mapping[str, NDArray[np.float64]]], means: Mapping[str, NDArray[np.float64]],
    confirmed: NDArray[np.bool_], present: Mapping[str, float],
) -> float | None:  # fmt: skip
    """Measure the separation of clusters by points that were fitted without them."""
    turn = np.arange(len(members)) % min(_TURNS, len(members))
    scores = np.zeros(len(members))
    for number in range(int(turn.max()) + 1):
        rest = turn != number
        if not confirmed[rest].any() or confirmed[rest].all():
            return None
        fitted = fit_points({name: one[rest] for name, one in means.items()}, confirmed[rest], present)
        mine = np.flatnonzero(~rest)
        scores[mine] = _score([members[place] for place in mine.tolist()], fitted.points)
    return measure_separation(scores, confirmed)


def _present_points(store: Store) -> dict[str, float]:
    """Give the points of the last night; the defaults where it is of an earlier version."""
    used = store.manifest(list_nights(store)[-1]).get("config", {}).get("extraction") or {}
    return {name: float(used.get(name, DEFAULTS[name])) for name in PARTS}


def _warn(confirmed: int, cleared: int) -> str | None:
    if not confirmed or not cleared:
        return (
            f"{confirmed:,} confirmed and {cleared:,} cleared clusters have known parts: without both there "
            "is nothing to fit, and the points stay"
        )
    if min(confirmed, cleared) < LEAST:
        return (
            f"{confirmed:,} confirmed and {cleared:,} cleared clusters are few: with less than {LEAST} of "
            "each the proposed points are mostly the present ones, and their intervals are wide"
        )
    return None
