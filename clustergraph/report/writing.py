"""Write the report of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from clustergraph.artefacts.runs import Cluster, Run
from clustergraph.artefacts.schema import ARTEFACTS
from clustergraph.disk.durable import replace_file
from clustergraph.disk.faults import told
from clustergraph.errors import UsageError
from clustergraph.figures import printable
from clustergraph.report.limits import MOST_BYTES, Limits
from clustergraph.report.listing import list_clusters
from clustergraph.report.nights import look_back, night_of, store_of
from clustergraph.report.page_file import pack, render
from clustergraph.report.pages import Material, make_page
from clustergraph.report.pictures import LOOK, picture_run
from clustergraph.report.slices import split_by_cluster, split_ties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clustergraph.report.nights import Nights
    from clustergraph.store.store import Store

MOST_CLUSTERS = 200
_SUFFIXES = {".html", ".htm"}


def write_report(run: Run, out: str | Path, *, clusters: int = MOST_CLUSTERS) -> Path:
    """Write the report of a run: one HTML file that works offline.

    Args:
        run: what :func:`clustergraph.run` or :func:`clustergraph.open_run` gives. Of a night that lies in its
            store, the nights before it are told, too.
        out: the file to write or to replace; its folder must be there.
        clusters: most clusters, from the first rank on.

    Returns:
        The file.

    Raises:
        UsageError: ``out`` is no name for a report.
        InputError: an artefact cannot be read, or the file cannot be written.
    """
    path = Path(out)
    _check_place(path, run)
    document = render_report(run, clusters=clusters)
    with told(path):
        replace_file(path, document)
    return path


def render_report(run: Run, *, clusters: int = MOST_CLUSTERS) -> str:
    """Render the report of a run as the text of an HTML file; see :func:`write_report`."""
    ids = run.clusters["cluster_id"].slice(0, clusters).to_pylist()
    nights = look_back(run, ids)
    overview = _tell_run(run) | {
        "clusters": list_clusters(run, ids, nights),
        "charts": picture_run(run, _ended_store(run)),
        "look": LOOK,
    }
    return render(_title(run), overview, _fit(list(_gather(run, ids, nights))))


def _ended_store(run: Run) -> Store | None:
    """Give the store of which a run is the last night: what came after it is not this report's to tell."""
    store = store_of(run)
    return store if store and store.nights()[-1] == night_of(run) else None


def _check_place(path: Path, run: Run) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{path}: is no name for a report; give one that ends in .html for --out")
    if run.directory is not None and path.absolute().parent.resolve() == run.directory.resolve():
        raise UsageError(
            f"{path}: lies in the folder of the run, which holds what its run.json says and nothing else; "
            "name a file elsewhere for --out"
        )
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file for --out")


def _title(run: Run) -> str:
    night = night_of(run)
    if night is not None:
        return f"Clusters of the night {night}"
    return f"Clusters of {printable(run.directory.absolute().name, 80)}" if run.directory else "Clusters"


def _tell_run(run: Run) -> dict[str, Any]:
    """Tell what holds for the whole report."""
    known = run.manifest.get("input", {})
    thresholds = known.get("thresholds") or {}
    clusters = run.clusters
    return {
        "version": str(run.manifest.get("version", "")),
        "title": _title(run),
        "night": night_of(run),
        "nightly": "exchanges_1d" in clusters.column_names,
        "by_exchanges": clusters["extraction_volume"].to_pylist() == clusters["exchanges"].to_pylist(),
        "accounts_in_all": known.get("accounts"),
        "accounts_clustered": run.members.num_rows,
        "clusters_in_all": clusters.num_rows,
        "explained_in_all": clusters.num_rows - clusters["explained_by"].null_count,
        "exchanges_in_all": sum(clusters["exchanges"].to_pylist()),
        "first_seen": pc.min(clusters["first_seen"]).as_py(),
        "last_seen": pc.max(clusters["last_seen"]).as_py(),
        "degraded": bool(known.get("degraded")),
        "tie_bits": thresholds.get("tie_bits"),
        "member_bits": thresholds.get("member_bits"),
    }


def _gather(run: Run, ids: Sequence[str], nights: Nights) -> Iterator[Callable[[Limits], dict[str, Any]]]:
    """Give for each cluster what makes its page within limits."""
    of_clusters = ("clusters", "members", "evidence", "links", "activity")
    parts = {name: split_by_cluster(getattr(run, name), ids) for name in of_clusters}
    ties = split_ties(run, ids)
    rest = {name: schema.empty_table() for name, schema in ARTEFACTS.items()}
    for one in ids:
        alone = Run.from_tables(rest | {name: parts[name][one] for name in of_clusters}, run.manifest)
        material = Material(
            run, Cluster(alone, one), ties[one], nights.lives.get(one), nights.regrowth.get(one, ())
        )
        yield partial(make_page, material)


def _fit(makers: Sequence[Callable[[Limits], dict[str, Any]]]) -> list[str]:
    """Pack pages, and the largest again within lower limits until all of them together are small enough."""
    limits = [Limits()] * len(makers)
    packed = [pack(make(Limits())) for make in makers]
    while sum(map(len, packed)) > MOST_BYTES:
        left = [place for place, one in enumerate(limits) if one.lower() != one]
        if not left:
            break
        largest = max(left, key=lambda place: len(packed[place]))
        limits[largest] = limits[largest].lower()
        packed[largest] = pack(makers[largest](limits[largest]))
    return packed
