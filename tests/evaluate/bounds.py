"""The bounds on worlds of the usual size: plain, with places, with decoys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.markdown import Table, gigabytes, per_thousand, share
from tests.evaluate.judging import (
    BEHIND,
    FIRST_RANKS,
    count_clusters_first,
    count_people_first,
    f1_of,
    share_clustered,
    stands_ahead,
    volume_of,
    worst_f1,
)
from tests.evaluate.setting import EVASIONS, Bound, Setting, bounds_table, yes
from tests.evaluate.truth import PEOPLE, VERIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.evaluate.outcome import Outcome
    from tests.evaluate.trials import Trials

LEAST_F1, MOST_VOLUME_OFF, MOST_PEOPLE, MOST_BITS_MOVED, MOST_SIMPLE_F1 = 0.98, 0.02, 0.001, 1.0, 0.6
OF_THE_BEST = (
    "Of the cluster with the highest F1. Volume found is the exchanges of that cluster, as a multiple of the "
    "campaign's."
)
TOWNS, DECOYS = 160, 3_000
PLAIN, TOWNED, DECOYED = "plain", "towns", "decoys"


def bounds(trials: Trials, setting: Setting) -> Iterator[Table]:
    """Run on every world; give figures by world, then what the bounds say."""
    found, simple = {}, {}
    for key, world in _worlds(setting).items():
        found[key] = trials.run(world)
        if key[2] == PLAIN:
            simple[key] = trials.run_simple(world)
    outcomes = {_say(*key): outcome for key, outcome in found.items()}
    size = f"{setting.size():,} accounts"
    yield campaigns_table(f"Campaigns in worlds of {size}", outcomes)
    yield innocents_table(f"Everybody else in worlds of {size}", outcomes)
    yield kinds_table(f"Clustered accounts by kind, all worlds of {size} together", list(outcomes.values()))
    yield _simple_table(found, simple)
    bound = [*common_bounds(list(outcomes.values())), _decoys_bound(found), _simple_bound(simple)]
    yield bounds_table(f"Bounds on {len(found)} worlds of {size}", bound)


def _worlds(setting: Setting) -> dict[tuple[float, int, str], dict[str, Any]]:
    variants = {
        PLAIN: {},
        TOWNED: {"towns": setting.scale(TOWNS, least=2)},
        DECOYED: {"decoys": setting.scale(DECOYS, least=20)},
    }
    return {
        (evasion, seed, name): {"accounts": setting.size(), "evasion": evasion, "seed": seed, **more}
        for evasion in EVASIONS
        for seed in setting.seeds
        for name, more in variants.items()
    }


def _say(evasion: float, seed: int, name: str) -> str:
    return f"evasion {evasion}, seed {seed}, {name}"


def campaigns_table(title: str, outcomes: Mapping[str, Outcome]) -> Table:
    """Give a row per world: how whole each campaign is, and where it stands."""
    names = sorted({one.group for outcome in outcomes.values() for one in outcome.campaigns})
    header = ["world"]
    for name in names:
        header += [f"{name.removeprefix('campaign-')}: F1", "volume found", "rank", "ahead"]
    rows = []
    for world, outcome in outcomes.items():
        row = [world]
        for one in outcome.campaigns:
            row += [
                share(f1_of(one)),
                share(volume_of(one)),
                str(one.rank or "-"),
                yes(stands_ahead(outcome, one)),
            ]
        rows.append(row)
    return Table(
        title, header, rows,
        f"{OF_THE_BEST} Ahead: of every cluster that is mostly a household, club, university or verified "
        "organisation.",
    )  # fmt: skip


def innocents_table(title: str, outcomes: Mapping[str, Outcome]) -> Table:
    """Give a row per world: who else is clustered, who stands in the first ranks, thresholds, cost."""
    names = sorted({name for outcome in outcomes.values() for name in outcome.thresholds})
    header = ("world", "individuals clustered, of 1,000", "individuals in the first 20", *BEHIND, *names)
    rows = []
    for world, outcome in outcomes.items():
        bits = (f"{outcome.thresholds[name]:g}" if name in outcome.thresholds else "-" for name in names)
        first = (_say_first(*count_clusters_first(outcome, kind)) for kind in BEHIND)
        people = (per_thousand(share_clustered(outcome, *PEOPLE)), f"{count_people_first(outcome):,}")
        rows.append((world, *people, *first, *bits, *_say_taken(outcome)))
    return Table(
        title, (*header, "seconds", "peak memory, GB"), rows,
        f"Individuals are the cohorts {' and '.join(PEOPLE)}. The columns from {BEHIND[0]} to {BEHIND[-1]} "
        f"count clusters of mostly such accounts in the first {FIRST_RANKS} ranks.",
    )  # fmt: skip


def _say_first(clusters: int, explained: int) -> str:
    return f"{clusters} ({explained} explained)" if explained else str(clusters)


def _say_taken(outcome: Outcome) -> tuple[str, str]:
    taken = outcome.taken
    return (f"{taken.seconds:.0f}", gigabytes(taken.peak_bytes)) if taken else ("-", "-")


def kinds_table(title: str, outcomes: Sequence[Outcome]) -> Table:
    """Give a row per kind of account, all worlds together."""
    kinds = sorted({kind for outcome in outcomes for kind in outcome.kinds.index})
    rows = []
    for kind in kinds:
        everybody = sum(int(outcome.kinds.get(kind, 0)) for outcome in outcomes)
        of_kind = [outcome.members[outcome.members["kind"] == kind] for outcome in outcomes]
        clustered = sum(map(len, of_kind))
        first = sum(int((members["rank"] <= FIRST_RANKS).sum()) for members in of_kind)
        rows.append(
            (kind, f"{everybody:,}", f"{clustered:,}", per_thousand(clustered / everybody), f"{first:,}")
        )
    header = ("", "accounts", "clustered", "of 1,000", f"in the first {FIRST_RANKS}")
    return Table(title, header, rows)


def _simple_table(
    found: Mapping[tuple[float, int, str], Outcome], simple: Mapping[tuple[float, int, str], Outcome]
) -> Table:
    rows = []
    for key, outcome in simple.items():
        people = per_thousand(share_clustered(outcome, *PEOPLE))
        rows.append((_say(*key), share(worst_f1(found[key])), share(worst_f1(outcome)), people))
    header = ("world", "clustergraph", "simple detector", "individuals that it clusters, of 1,000")
    return Table(
        "F1 of the campaign that is found worst", header, rows,
        "The simple detector ties accounts that share at least 22 bits of log2(N / d) from two families; its "
        "clusters are connected components.",
    )  # fmt: skip


def common_bounds(outcomes: Sequence[Outcome]) -> list[Bound]:
    """Hold campaigns, individuals and organisations of all worlds against what is asked for."""
    wholes = [(outcome, one) for outcome in outcomes for one in outcome.campaigns]
    f1 = min(f1_of(one) for _, one in wholes)
    off = max(abs(volume_of(one) - 1) for _, one in wholes)
    behind = sum(not stands_ahead(outcome, one) for outcome, one in wholes)
    people = max(share_clustered(outcome, *PEOPLE) for outcome in outcomes)
    first = max(count_people_first(outcome) for outcome in outcomes)
    ahead = "each campaign ahead of all households, clubs, universities and verified organisations"
    return [
        Bound(f"F1 of each campaign at least {LEAST_F1}", share(f1), f1 >= LEAST_F1),
        Bound(f"volume found within {MOST_VOLUME_OFF:.0%}", f"off by {off:.1%}", off <= MOST_VOLUME_OFF),
        Bound(ahead, f"{behind} of {len(wholes)} are not", behind == 0),
        Bound(f"at most {MOST_PEOPLE:.1%} of individuals clustered", f"{people:.3%}", people <= MOST_PEOPLE),
        Bound(f"no individual in the first {FIRST_RANKS}", f"{first:,}", first == 0),
        *(_first_bound(outcomes, kind) for kind in ("university", VERIFIED)),
    ]


def _first_bound(outcomes: Sequence[Outcome], kind: str) -> Bound:
    most = max((count_clusters_first(outcome, kind) for outcome in outcomes), default=(0, 0))
    return Bound(f"no {kind} in the first {FIRST_RANKS}", f"{_say_first(*most)} in one world", most[0] == 0)


def _decoys_bound(found: Mapping[tuple[float, int, str], Outcome]) -> Bound:
    moved = [
        abs(bits - found[evasion, seed, PLAIN].thresholds[name])
        for (evasion, seed, variant), outcome in found.items() if variant == DECOYED
        for name, bits in outcome.thresholds.items() if name in found[evasion, seed, PLAIN].thresholds
    ]  # fmt: skip
    wanted = f"decoys move the thresholds by less than {MOST_BITS_MOVED:g} bit"
    worst = max(moved, default=None)
    return Bound(
        wanted, "-" if worst is None else f"{worst:g} bits", worst is not None and worst < MOST_BITS_MOVED
    )


def _simple_bound(simple: Mapping[tuple[float, int, str], Outcome]) -> Bound:
    best = max(worst_f1(outcome) for (evasion, _, _), outcome in simple.items() if evasion == max(EVASIONS))
    wanted = (
        f"the simple detector's worst campaign under an F1 of {MOST_SIMPLE_F1} at evasion {max(EVASIONS)}"
    )
    return Bound(wanted, share(best), best < MOST_SIMPLE_F1)
