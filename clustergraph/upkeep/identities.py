"""Check that the ids of clusters tell one story from night to night."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clustergraph.errors import InputError
from clustergraph.upkeep.nights import read_columns
from clustergraph.upkeep.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from clustergraph.store.store import Store

_BIRTHS = ("born", "split")
_LIVING = (*_BIRTHS, "continued", "grew", "shrank", "merged", "returned")
_DIED = "died"
_GONE = ("dormant", _DIED)


def check_identities(store: Store, nights: Iterable[date], until: date | None = None) -> list[Problem]:
    """Check the lineage of nights against their clusters, and their ids against those of the nights before.

    Args:
        store: that has the nights.
        nights: to check, in order.
        until: the last night that goes on from the one before; after it a rebuild is not finished.
    """
    problems = list[Problem]()
    seen = set[str]()
    dead: dict[str, date] = {}
    for night in nights:
        try:
            lineage = read_columns(store, night, "lineage", ["cluster_id", "event"])
            clusters = read_columns(store, night, "clusters", ["cluster_id"])["cluster_id"].to_pylist()
        except InputError:
            continue  # what is wrong with the file is said with the artefacts
        told = list(zip(*(lineage[name].to_pylist() for name in ("cluster_id", "event")), strict=True))
        found = list(_check_night(told, clusters))
        if until is None or night <= until:
            found += _check_past(told, clusters, seen, dead)
            dead |= {one: night for one, event in told if event == _DIED}
            seen |= {*clusters, *(one for one, _ in told)}
        place = store.run(night).relative_to(store.root)
        problems += [Problem(f"{place}/{file}.parquet", words) for file, words in found]
    return problems


def _check_night(told: list[tuple[str, str]], clusters: list[str]) -> Iterator[tuple[str, str]]:
    """Say which files of one night contradict each other, and how."""
    rows, there = Counter(one for one, _ in told), Counter(clusters)
    for one, times in there.items():
        if times > 1:
            yield "clusters", f"has {times} rows of {one}; expected one"
        if rows[one] != 1:
            yield "lineage", f"has {rows[one]} rows of {one}, a cluster of the night; expected one"
    for one, event in told:
        if event in _GONE and one in there:
            yield "clusters", f"has {one}, which lineage.parquet calls {event}; expected no row of it"
        elif event in _LIVING and one not in there:
            yield "clusters", f"has no {one}, which lineage.parquet calls {event}; expected a row of it"
        elif event not in (*_LIVING, *_GONE):
            words = ", ".join((*_LIVING, *_GONE))
            yield "lineage", f"calls {one} {event!r}; expected one of {words}"


def _check_past(
    told: list[tuple[str, str]], clusters: list[str], seen: set[str], dead: dict[str, date]
) -> Iterator[tuple[str, str]]:
    """Say which ids cannot be, after what earlier nights told of them."""
    for one, event in told:
        if event in _BIRTHS and one in seen:
            yield "lineage", f"calls {one} {event}, but an earlier night has it; expected a new id"
    for one in sorted({*clusters, *(one for one, _ in told)} & dead.keys()):
        yield "lineage", f"has {one}, which died on {dead[one]}; expected it never to come again"
