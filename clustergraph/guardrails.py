"""What must not be published unseen: a night whose figures are out of line with those before."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from clustergraph.errors import GuardrailError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = ("volume", "days", "rejected", "clustered", "largest", "ids")
_FEW_NIGHTS, _FEW_CLUSTERS = 3, 20
_DAYS = "of the rows are of other days than the night's; --date may be wrong, or INPUT that of another night"
_REJECTED = "of the rows were set aside; `clustergraph run --dry-run` on the same input shows their faults"
_CLUSTERED = "of the accounts are in clusters; a signal may have lost its meaning, say to a default value"
_LARGEST = "of the accounts are in one cluster; its strongest signal may be a hub that is not known yet"
_IDS = "of last night's clusters are gone; account ids or signals may be written differently"


@dataclass(frozen=True)
class Figures:
    """What guardrails look at.

    Attributes:
        rows: that came in tonight.
        rows_before: that came in on the last nights.
        other_days: share of tonight's rows that are of other days.
        rejected: share of tonight's rows that were set aside.
        accounts: in the window.
        clustered: of them in a cluster.
        largest: accounts of the largest cluster.
        clusters: of tonight.
        known: clusters of the night before.
        ids_lost: of these, how many have no cluster of tonight.
    """

    rows: int
    rows_before: Sequence[int]
    other_days: float
    rejected: float
    accounts: int
    clustered: int
    largest: int
    clusters: int
    known: int
    ids_lost: int


@dataclass(frozen=True)
class Breach:
    """A figure out of its bound: the guardrail's name, the figure, the bound, and what to look at."""

    name: str
    figure: float
    bound: float
    words: str


def find_breaches(
    figures: Figures,
    *,
    least_volume: float = 0.3,
    most_volume: float = 3.0,
    days: float = 0.5,
    rejected: float = 0.05,
    clustered: float = 0.5,
    largest: float = 0.25,
    ids: float = 0.5,
) -> list[Breach]:
    """Find the guardrails that tonight's figures break.

    Args:
        figures: of tonight.
        least_volume: rows against the median of the last nights; looked at from the fourth night on.
        most_volume: the same, from above.
        days: share of the rows that may be of other days.
        rejected: share of the rows that may be set aside.
        clustered: share of the accounts that may be in clusters.
        largest: share of the accounts that may be in one cluster.
        ids: share of last night's clusters whose ids may be gone; looked at from 20 clusters on.
    """
    found = []
    if len(figures.rows_before) >= _FEW_NIGHTS:
        usual = median(figures.rows_before)
        times = figures.rows / max(usual, 1)
        if not least_volume <= times <= most_volume:
            bound = least_volume if times < least_volume else most_volume
            found.append(Breach("volume", times, bound, _say_volume(figures.rows, usual)))
    accounts = max(figures.accounts, 1)
    checks = [
        ("days", figures.other_days, days, _DAYS),
        ("rejected", figures.rejected, rejected, _REJECTED),
        ("clustered", figures.clustered / accounts, clustered, _CLUSTERED),
        ("largest", figures.largest / accounts, largest, _LARGEST),
    ]
    if figures.known >= _FEW_CLUSTERS:
        checks.append(("ids", figures.ids_lost / figures.known, ids, _IDS))
    return found + [Breach(*check) for check in checks if check[1] > check[2]]


def stop_at(breaches: Sequence[Breach], accepted: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Stop the run at a breach that nobody has accepted.

    Args:
        breaches: what :func:`find_breaches` gives.
        accepted: name of a guardrail -> who let it through (``by``) and why (``reason``).

    Returns:
        What run.json says of the breaches that were accepted.

    Raises:
        GuardrailError: of every such breach the figure, the bound and what to look at.
    """
    stopped = [breach for breach in breaches if breach.name not in accepted]
    if stopped:
        said = "".join(f"guardrail {one.name!r}: {_say(one)}. " for one in stopped)
        options = " ".join(f"--accept {one.name}" for one in stopped)
        raise GuardrailError(
            f"{said}Nothing of this night was published; if it is right, run it again with {options} "
            "--by NAME --reason TEXT"
        )
    return [{**asdict(breach), **accepted[breach.name]} for breach in breaches]


def _say(breach: Breach) -> str:
    form = ".2f" if breach.name == "volume" else ".1%"
    return f"{breach.figure:{form}} {breach.words} (bound {breach.bound:{form}})"


def _say_volume(rows: int, usual: float) -> str:
    return f"times the usual rows, {rows:,} against a median of {usual:,.0f}; files may be missing or doubled"
