"""Half-lives of kinds: what old sightings count, by hand."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

import clustergraph as cg
from clustergraph.errors import UsageError
from clustergraph.incidence.fading import inherit_half_lives

DAYS = [
    2,
    3,
    7,
    20,
]  # of March; the clock counts days with data alone, so the last is 3 nights after the first


def events():
    """Accounts with one address each from a stock, and one card, on days of their own."""
    rng = np.random.default_rng(4)
    rows = [
        {
            "account_id": f"a{account:03d}",
            "timestamp": datetime(2026, 3, day, 12),
            "ip": f"i{rng.integers(0, 90)}",
            "payment_fingerprint": f"c{rng.integers(0, 60)}",
        }
        for account in range(200)
        for day in rng.choice(DAYS, rng.integers(1, 4), replace=False)
    ]
    return pd.DataFrame(rows)


def weights_by_hand(rows, kind, half_life):
    days = sorted(rows["timestamp"].dt.day.unique(), reverse=True)
    last = rows.groupby(["account_id", kind])["timestamp"].max().reset_index()
    last["weight"] = [2 ** (-days.index(time.day) / half_life) for time in last["timestamp"]]
    mean = last.groupby(kind)["weight"].agg(["mean", "size"])
    return {
        value: 2 ** (-round(-2 * math.log2(row["mean"])) / 2)
        for value, row in mean[mean["size"] > 1].iterrows()
    }


def link(tmp_path, engine, **options):
    rows = events()
    rows.to_parquet(tmp_path / "x.parquet")
    incidence = cg.link(cg.read([tmp_path / "x.parquet"], engine=engine), **options)
    names = incidence.sightings.engine.fetch(
        "SELECT s.signal, k.kind, v.value FROM signals s JOIN kinds k USING (kind_number)"
        f" JOIN (SELECT DISTINCT kind, value, {engine.hash('value')} AS hash FROM sightings) v"
        " ON v.kind = k.kind AND v.hash = s.hash ORDER BY s.signal"
    ).to_pylist()
    graph = incidence.graph
    weight = graph.cells.weight[graph.signal_cell]
    return rows, {(row["kind"], row["value"]): weight[row["signal"]] for row in names}


def test_a_signal_counts_what_the_last_sightings_of_its_holders_count(tmp_path, engine):
    rows, found = link(tmp_path, engine, half_lives={"ip": 1.5})
    expected = weights_by_hand(rows, "ip", 1.5)
    assert {value: w for (kind, value), w in found.items() if kind == "ip"} == pytest.approx(expected)
    assert len({round(w, 6) for w in expected.values()}) > 2
    assert {w for (kind, _), w in found.items() if kind == "payment_fingerprint"} == {1.0}


NESTED = {"ip": "prefix", "prefix": "network", "host": "network", "card": "bank"}


@pytest.mark.parametrize(
    ("given", "inherited"),
    [
        ({"card": 3.0}, {"bank": 3.0}),
        ({"ip": 3.0}, {"prefix": 3.0}),  # a host does not fade, nor does the network that it is in
        ({"ip": 3.0, "host": 7.0}, {"prefix": 3.0, "network": 7.0}),
        ({"ip": 3.0, "host": 7.0, "prefix": 9.0}, {"network": 9.0}),
        ({"ip": 3.0, "network": 2.0}, {"prefix": 3.0}),
        ({"network": 2.0}, {}),
    ],
)
def test_a_coarser_kind_fades_as_what_lies_in_it(given, inherited):
    assert inherit_half_lives(given, NESTED) == given | inherited


def test_a_prefix_fades_with_its_addresses(tmp_path):
    rows = [
        {"account_id": name, "timestamp": datetime(2026, 3, day, 12), "ip": f"10.0.{net}.{host}"}
        for day, net in ((2, 1), (20, 2))
        for host, name in enumerate((f"n{net}0", f"n{net}1"))
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    run = cg.run(tmp_path / "x.parquet", config={"link": {"half_lives": {"ip": 1.0}}})
    weights = run.signals.to_pandas().set_index("value")["weight"]
    assert weights.to_dict() == {"10.0.1.0/24": 0.5, "10.0.2.0/24": 1.0}


def test_without_half_lives_nothing_fades(tmp_path, engine):
    assert set(link(tmp_path, engine)[1].values()) == {1.0}


def test_a_half_life_is_over_nothing(tmp_path, engine):
    with pytest.raises(UsageError, match="half_lives: ip"):
        link(tmp_path, engine, half_lives={"ip": 0})


def test_evidence_of_old_signals_counts_less(tmp_path):
    """A pair that shared a card long ago is tied by fewer bits than one that shares a card tonight."""
    rows = events()
    for name, card, day in (("old0", "x", 2), ("old1", "x", 2), ("new0", "y", 20), ("new1", "y", 20)):
        rows.loc[len(rows)] = [name, datetime(2026, 3, day, 12), None, card]
    rows.to_parquet(tmp_path / "x.parquet")
    config = {
        "link": {"half_lives": {"payment_fingerprint": 1.0}},
        "project": {"tie_bits": 0.1, "member_bits": 0.0},
        "behaviour": {"synchrony": False, "handover": False},
    }
    ties = (
        cg.run(tmp_path / "x.parquet", config=config).ties.to_pandas().set_index(["source", "target"])["bits"]
    )
    assert ties["old0", "old1"] == pytest.approx(ties["new0", "new1"] / 8)
