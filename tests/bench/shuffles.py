"""How many accounts chance alone puts in clusters: the whole job on shuffled inputs.

Two shuffles that have nothing in common but their purpose: the one that calibration itself uses, with
seeds of its own, and a plain one that permutes a table of sightings and goes through the whole command.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import clustergraph as cg
from clustergraph.incidence.strata import LEAST_SLOTS, LOCAL_FAMILIES
from clustergraph.projection.nulls import shuffle
from clustergraph.sightings.derived import DEFAULT_EXPRESSIONS
from tests.bench.markdown import Table, per_thousand
from tests.bench.places import AbsentError, find_hop, find_sample
from tests.graphs import homes_by_hand, number_places, strata_by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from clustergraph.incidence.links import Incidence
    from clustergraph.sightings.reading import Sightings

# Calibration hashes its seeds, which makes them numbers of 32 bits; these are none of them.
FIRST_SEED = 2**40
_ROUNDS = 1_000
_SIGHTINGS = "SELECT DISTINCT account_id, kind, value FROM sightings ORDER BY ALL"
# Signals as they were seen, place by place: what is derived of them would not be of a shuffled one.
OBSERVED: dict[str, Any] = {"derive": dict.fromkeys(DEFAULT_EXPRESSIONS, ""), "place": "asn"}
_PLACED = "SELECT DISTINCT account_id, kind, value, place FROM sightings"
_EXCHANGES = "SELECT account_id, place, sum(exchanges) AS exchanges FROM exchanges GROUP BY ALL"


@dataclass(frozen=True)
class Original:
    """An input that was run as it is, and what that gave.

    Attributes:
        incidence: of its accounts and signals.
        sightings: distinct ``account_id``, ``kind`` and ``value``, cleaned; where the input has places, with
            the ``place`` of the signal's stratum.
        tie_bits: least evidence of a tie.
        member_bits: least log2 of the odds that a member belongs.
        share: of accounts in any cluster.
        predicted: share of accounts that calibration says chance puts in clusters.
    """

    incidence: Incidence
    sightings: pa.Table
    tie_bits: float
    member_bits: float
    share: float
    predicted: float


@contextmanager
def opened(source: Path, *, threads: int = 2) -> Iterator[Original]:
    """Link an input and find its thresholds, as a run with defaults does."""
    with (
        tempfile.TemporaryDirectory() as folder,
        cg.DuckDBEngine(Path(folder), threads=threads) as engine,
    ):
        sightings = cg.read([source], engine=engine, **OBSERVED)
        rows = _place_signals(sightings) if sightings.has_place else engine.fetch(_SIGHTINGS)
        incidence = cg.link(sightings)
        ties = cg.project(incidence, threads=threads)
        found = ties.thresholds
        labels = cg.partition(ties, samples=0).labels
        yield Original(
            incidence, rows, found.tie_bits, found.member_bits, float((labels >= 0).mean()),
            found.chance_accounts,
        )  # fmt: skip


class Outcome(NamedTuple):
    """What a shuffled input gave.

    Attributes:
        share: of its accounts in any cluster.
        member_bits: least log2 of the odds of a member that was asked for.
    """

    share: float
    member_bits: float


def run_shuffled_graph(
    original: Original, seed: int, *, calibration_seed: int | None = None, threads: int = 2
) -> Outcome:
    """Shuffle the incidence, project and partition it.

    With the thresholds of the original, or with those that its own shuffles give: these have the degrees of
    the original's, so ``calibration_seed`` has to be another one for the thresholds to be found anew.
    """
    shuffled = replace(original.incidence, graph=shuffle(original.incidence.graph, seed=seed))
    project = _project_settings(original, calibration_seed)
    ties = cg.project(shuffled, threads=threads, seed=calibration_seed or 0, **project)
    labels = cg.partition(ties, samples=0).labels
    return Outcome(float((labels >= 0).mean()), ties.thresholds.member_bits)


def run_shuffled_rows(
    original: Original, seed: int, *, calibration_seed: int | None = None, threads: int = 2
) -> Outcome:
    """Shuffle the table of sightings, write it and run the whole job on the file; else as above."""
    table = shuffle_rows(original.sightings, seed=seed)
    config = {
        "project": _project_settings(original, calibration_seed), "partition": {"samples": 0},
        "derive": OBSERVED["derive"], "read": {"place": OBSERVED["place"]},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shuffled.parquet"
        pq.write_table(_widen(table) if "place" in table.column_names else table, path)
        run = cg.run(path, config=config, threads=threads, seed=calibration_seed or 0)
    found = run.manifest["input"]
    return Outcome(run.members.num_rows / found["accounts"], found["thresholds"]["member_bits"])


def _project_settings(original: Original, calibration_seed: int | None) -> dict[str, Any]:
    if calibration_seed is not None:
        return {}
    given = {"tie_bits": original.tie_bits, "member_bits": original.member_bits}
    return {**given, "nulls": 1, "accounts_per_null": 1}


def shuffle_rows(sightings: pa.Table, *, seed: int) -> pa.Table:
    """Permute the accounts of each stratum's sightings; swap until no account has a signal twice."""
    rng = np.random.default_rng(seed)
    frame = sightings.to_pandas()
    accounts, names = pd.factorize(frame["account_id"], sort=True)
    values = pd.factorize(frame["value"], sort=True)[0].astype(np.int64)
    strata = frame.groupby([name for name in ("kind", "place") if name in frame], dropna=False).ngroup()
    accounts = accounts.astype(np.int64)
    for stratum in range(int(strata.max()) + 1):
        rows = np.flatnonzero(strata == stratum)
        accounts[rows] = _swap_until_distinct(rng.permutation(accounts[rows]), values[rows], rng)
    return sightings.set_column(
        sightings.column_names.index("account_id"), "account_id", pa.array(names).take(pa.array(accounts))
    )


def _place_signals(sightings: Sightings) -> pa.Table:
    """Give distinct ``account_id``, ``kind``, ``value`` and the ``place`` of the signal's stratum, if any."""
    engine = sightings.engine
    rows = [tuple(row.values()) for row in engine.fetch(_PLACED).to_pylist()]
    exchanges = [tuple(row.values()) for row in engine.fetch(_EXCHANGES).to_pylist()]
    number = number_places(engine, {place for _, place, _ in exchanges if place is not None})
    local = {kind for kind in sightings.kinds if sightings.families[kind] in LOCAL_FAMILIES}
    strata = strata_by_hand(rows, homes_by_hand(exchanges, number), local, number, least=LEAST_SLOTS)
    placed = sorted({row[:3] for row in rows})
    columns = [*zip(*placed, strict=True), [strata[row[1:]][1] for row in placed]]
    names = ("account_id", "kind", "value", "place")
    return pa.table({name: pa.array(c, pa.string()) for name, c in zip(names, columns, strict=True)})


def _widen(sightings: pa.Table) -> pa.Table:
    """Make events of one signal each, at the place of its stratum: they are put in the same strata again."""
    parts = []
    for kind in sightings["kind"].unique().to_pylist():
        rows = sightings.filter(pc.equal(sightings["kind"], kind))
        parts.append(pa.table({"account_id": rows["account_id"], kind: rows["value"], "asn": rows["place"]}))
    return pa.concat_tables(parts, promote_options="default")


def _swap_until_distinct(
    account: NDArray[np.int64], value: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Swap the accounts of doubled rows with those of random rows, one after the other.

    Raises:
        ValueError: doubles are left after many rounds.
    """
    width = int(value.max()) + 1
    for _ in range(_ROUNDS):
        key = account * width + value
        first = np.unique(key, return_index=True)[1]
        doubled = np.setdiff1d(np.arange(len(key)), first)
        if len(doubled) == 0:
            return account
        for row, other in zip(doubled, rng.integers(0, len(key), len(doubled)), strict=True):
            account[row], account[other] = account[other], account[row]
    raise ValueError(f"{len(doubled)} sightings are still doubled")


def bench_shuffles(*, count: int, threads: int) -> list[Table]:
    """Shuffle each input ``count`` times in both ways, with its own thresholds and with new ones."""
    tables = []
    for name, find in (("Hop", find_hop), ("the sample", find_sample)):
        try:
            found = find()
        except AbsentError as absent:
            tables.append(Table(f"Shuffles of {name}: left out", ("why",), [(str(absent),)]))
            continue
        source = found / "sightings.parquet" if found.is_dir() else found
        with opened(source, threads=threads) as original:
            tables.append(_shuffled(name, original, count, threads))
    return tables


def _shuffled(name: str, original: Original, count: int, threads: int) -> Table:
    ways = {
        "incidence shuffled": run_shuffled_graph,
        "table permuted, whole command": run_shuffled_rows,
    }
    rows = []
    for way, run_one in ways.items():
        for anew in (False, True):
            outcomes = [
                run_one(
                    original, FIRST_SEED + number, calibration_seed=number + 1 if anew else None,
                    threads=threads,
                )
                for number in range(count)
            ]  # fmt: skip
            levels = "found anew" if anew else "of the run"
            rows.append((f"{way}, thresholds {levels}", *_summary(outcomes)))
    return Table(
        f"Shuffles of {name}: accounts in any cluster, in a thousand, over {count} fresh shuffles",
        ("", "mean", "least", "most", "member_bits"),
        rows,
        f"The run as it is: {original.share:.1%} of {original.incidence.graph.accounts:,} accounts in "
        f"clusters, at tie_bits {original.tie_bits:g} and member_bits {original.member_bits:g}; "
        f"calibration expects {per_thousand(original.predicted)} in a thousand by chance.",
    )


def _summary(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    shares, levels = ([o.share for o in outcomes], sorted({o.member_bits for o in outcomes}))
    asked = f"{levels[0]:g}" if len(levels) == 1 else f"{levels[0]:g} to {levels[-1]:g}"
    return (*(per_thousand(f) for f in (float(np.mean(shares)), min(shares), max(shares))), asked)
