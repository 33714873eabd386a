"""The incidence against pandas: who has which signal, how often and when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clustergraph as cg
from clustergraph.errors import InputError
from tests.graphs import link_rows, random_rows


@pytest.fixture
def events(tmp_path) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    size = 600
    start = pd.Timestamp("2026-03-01")
    frame = pd.DataFrame(
        {
            "account_id": [f"acct {n}" for n in rng.integers(0, 80, size)],
            "timestamp": start + pd.to_timedelta(rng.integers(0, 86_400, size), unit="s"),
            "ip": [f"10.0.0.{n}" if n < 40 else None for n in rng.integers(0, 50, size)],
            "device_id": [f"d{n}" if n < 90 else None for n in rng.integers(0, 120, size)],
            "exchanges": rng.integers(0, 9, size),
            "input_tokens": rng.integers(0, 900, size),
            "output_tokens": rng.integers(0, 900, size),
        }
    )
    frame.to_parquet(tmp_path / "events.parquet")
    return frame


def expected_links(events: pd.DataFrame) -> pd.DataFrame:
    keys = ["account_id", "kind", "value"]
    long = pd.concat(
        events.assign(kind=kind, value=events[kind]).dropna(subset=["value"]) for kind in ("ip", "device_id")
    )
    grouped = long.groupby(keys)
    links = grouped[["exchanges", "input_tokens", "output_tokens"]].sum()
    links["first_seen"], links["last_seen"] = grouped.timestamp.min(), grouped.timestamp.max()
    links = links.reset_index()
    holders = links.groupby(["kind", "value"]).account_id.transform("size")
    return links[holders > 1].sort_values(keys).reset_index(drop=True)


def test_links_equal_a_pandas_group_by(events, tmp_path, engine):
    read = cg.read([tmp_path / "events.parquet"], engine=engine, derive={"ip_prefix": ""})
    found = cg.link(read).to_pandas()
    expected = expected_links(events)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_accounts_are_sorted_and_count_events_without_signals(events, tmp_path, engine):
    accounts = cg.link(cg.read([tmp_path / "events.parquet"], engine=engine)).accounts.to_pandas()
    expected = events.groupby("account_id").exchanges.sum().sort_index()
    assert accounts.account_id.tolist() == expected.index.tolist()
    assert accounts.exchanges.tolist() == expected.tolist()


def test_the_numbers_agree_with_the_strings(engine):
    rows = random_rows(2, accounts=50, rows=300)
    incidence = link_rows(rows, engine)
    frame, graph = incidence.to_pandas(), incidence.graph
    ids = incidence.accounts["account_id"].to_pylist()
    assert (
        np.diff(graph.indptr).tolist() == frame.account_id.value_counts().reindex(ids, fill_value=0).tolist()
    )
    held = pd.DataFrame(sorted(set(rows)), columns=["account_id", "kind", "value"])
    by_kind = held.groupby(["account_id", "kind"]).size().unstack(fill_value=0).reindex(ids)
    assert graph.strata.slots_by_kind(len(ids)).tolist() == by_kind.to_numpy().tolist()
    assert graph.strata.total.tolist() == by_kind.sum().tolist()
    kind = graph.strata.kind[graph.cells.stratum[graph.signal_cell[graph.indices]]]
    account = np.repeat(np.arange(len(ids)), np.diff(graph.indptr))
    assert graph.slots.tolist() == by_kind.to_numpy()[account, kind].tolist()
    assert (np.diff(graph.signal_cell) >= 0).all()
    band = graph.cells.band[graph.signal_cell]
    assert ((graph.signal_degree >= 2**band) & (graph.signal_degree < 2 ** (band + 1))).all()


class _Colliding:
    """An engine whose hash of one column is the same for all strings of one length."""

    def __init__(self, engine, column):
        self._engine, self._column = engine, column

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def hash(self, column):
        return f"length({column})::UBIGINT" if column.endswith(self._column) else self._engine.hash(column)


def test_a_collision_of_account_hashes_is_refused(engine):
    with pytest.raises(InputError, match="64-bit hash"):
        link_rows(random_rows(1), _Colliding(engine, "account_id"))


def test_more_families_than_can_be_counted_are_refused(engine):
    with pytest.raises(InputError, match=r"65 families, more than 64.*\[families\]"):
        link_rows([("a", f"kind {n}", "x") for n in range(65)], engine)
