"""What investigating costs: explaining a cluster of 4% of the accounts, and a report of 200 clusters."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.parquet as pq

from clustergraph.simulation import simulate
from tests.bench.markdown import Table, gigabytes, seconds
from tests.bench.places import bench_folder
from tests.bench.processes import measure, measure_job
from tests.browser import CHROMIUM, launch, open_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.processes import Taken

# One of three campaigns, with two accounts of fifteen, is whole on the only night: 4.3% of the world.
_CAMPAIGN_SHARE = 0.32
_CLUSTERS = 200
# Answers do not depend on how thresholds were found; given ones spare nearly all of the shuffled copies.
_THRESHOLDS = "[project]\ntie_bits = 20.0\nmember_bits = 6.5\nnulls = 1\naccounts_per_null = 1000\n"


class _Found(NamedTuple):
    """The largest cluster of a run, and one of its accounts."""

    run: Path
    cluster: str
    accounts: int
    account: str
    clusters: int


def bench_investigation(*, accounts: int, rounds: int, threads: int) -> list[Table]:
    """Ask for the largest cluster and write a report, ``rounds`` times each as whole processes."""
    found = _find_largest(_make_run(accounts, threads))
    return [_bench_answers(found, rounds), _bench_report(found, rounds)]


def _make_run(accounts: int, threads: int) -> Path:
    """Give the folder of a run over a made-up world of one night; it is made where it is not there yet."""
    folder = bench_folder() / f"investigation-{accounts}"
    run, world, config = folder / "run", folder / "world", folder / "thresholds.toml"
    if not run.is_dir():
        simulate(world, accounts=accounts, campaign_accounts=round(_CAMPAIGN_SHARE * accounts), evasion=0.0)
        config.write_text(_THRESHOLDS)
        measure_job(world / "events", run, threads, accounts=world / "accounts.parquet", config=config)
    return run


def _find_largest(run: Path) -> _Found:
    clusters = pq.read_table(run / "clusters.parquet", columns=["cluster_id", "accounts"])
    cluster, size = max(
        zip(clusters["cluster_id"].to_pylist(), clusters["accounts"].to_pylist(), strict=True),
        key=lambda one: one[1],
    )
    members = pq.read_table(
        run / "members.parquet", columns=["account_id"], filters=[("cluster_id", "=", cluster)]
    )
    return _Found(run, cluster, size, members["account_id"][0].as_py(), clusters.num_rows)


def _bench_answers(found: _Found, rounds: int) -> Table:
    run, account = str(found.run), found.account
    asked = {
        "explain": ["explain", run, found.cluster],
        "explain --json": ["explain", run, found.cluster, "--json"],
        "explain --account": ["explain", run, found.cluster, "--account", account],
        "find": ["find", run, account],
    }
    rows = []
    for name, arguments in asked.items():
        taken = [measure([sys.executable, "-m", "clustergraph", *arguments]) for _ in range(rounds)]
        rows.append((name, *_middle(taken)))
    return Table(
        f"Investigation: questions on a cluster of {found.accounts:,} accounts, median of {rounds}",
        ("whole process", "seconds", "range", "of processors", "peak memory, GB"),
        rows,
        f"The run has {found.clusters:,} clusters in {_accounts(found):,} accounts, and lies on disk.",
    )


def _bench_report(found: _Found, rounds: int) -> Table:
    out = bench_folder() / "report.html"
    command = ["report", str(found.run), "--out", str(out), "-n", str(_CLUSTERS)]
    taken = [measure([sys.executable, "-m", "clustergraph", *command]) for _ in range(rounds)]
    rows = [("written by a whole process", *_middle(taken))]
    for name, opened in _time_opening(out, found.cluster, rounds).items():
        rows.append((name, seconds(statistics.median(opened)), _range(opened), "", ""))
    size = out.stat().st_size
    out.unlink()
    missing = "" if CHROMIUM else " There was no Chromium to open it in."
    return Table(
        f"Investigation: a report of {min(_CLUSTERS, found.clusters)} clusters, {size / 1e6:.1f} MB, "
        f"median of {rounds}",
        ("", "seconds", "range", "of processors", "peak memory, GB"),
        rows,
        f"Its largest cluster has {found.accounts:,} accounts.{missing}",
    )


def _time_opening(report: Path, cluster: str, rounds: int) -> dict[str, list[float]]:
    """Time a headless browser: until the list stands, and until the largest cluster's graph and charts do."""
    if not CHROMIUM:
        return {}
    listed, drawn = list[float](), list[float]()
    with launch() as browser:
        for _ in range(rounds):
            began = time.monotonic()
            with open_file(browser, report) as page:
                page.wait_for_selector("table.clusters tbody tr")
                listed.append(time.monotonic() - began)
                began = time.monotonic()
                page.evaluate("cluster => { location.hash = 'cluster=' + cluster }", cluster)
                page.locator("#cluster .chart svg").nth(2).wait_for()
                page.wait_for_selector("#cluster canvas", state="attached")
                drawn.append(time.monotonic() - began)
    return {"open in Chromium, to the list": listed, "its largest cluster, to the charts": drawn}


def _accounts(found: _Found) -> int:
    return pq.read_metadata(found.run / "accounts.parquet").num_rows


def _middle(taken: list[Taken]) -> tuple[str, str, str, str]:
    return (
        seconds(statistics.median(one.seconds for one in taken)),
        _range([one.seconds for one in taken]),
        seconds(statistics.median(one.worked for one in taken)),
        gigabytes(max(one.peak_bytes for one in taken)),
    )


def _range(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
