"""A run: its tables and its manifest, in memory or in a folder, and the clusters in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clustergraph.artefacts.notebook import cluster_html, run_html
from clustergraph.artefacts.schema import ARTEFACTS, DECISIONS, NIGHTLY_ARTEFACTS, REDUNDANT
from clustergraph.config import suggest
from clustergraph.errors import InputError, UsageError
from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import networkx as nx
    import pandas as pd

    from clustergraph.artefacts.graphs import NodesAndEdges
    from clustergraph.communities.leiden import Graph

MANIFEST = "run.json"
_SHORTEST_ID = 8
Made = TypeVar("Made")
_RANK = re.compile(r"#\d+|[1-9]\d*")


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What a run found; every table is as :mod:`clustergraph.artefacts.schema` says.

    Attributes:
        manifest: what run.json has: version, seed, configuration, input, timings and so on.
        directory: the folder that the run is in, if it is in one.
    """

    manifest: Mapping[str, Any]
    directory: Path | None = None
    _tables: dict[str, pa.Table] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any]) -> Run:
        """Make a run of tables in memory, one for each of ``schema.ARTEFACTS`` but the redundant ones."""
        missing = [name for name in ARTEFACTS if name not in tables and name not in REDUNDANT]
        if missing:
            raise ValueError(f"no table {missing[0]}")
        return cls(manifest, None, {name: ARTEFACTS[name].empty_table() for name in REDUNDANT} | dict(tables))

    @property
    def tables(self) -> dict[str, pa.Table]:
        """All artefacts by name, in the order of the schema."""
        return {name: self._table(name) for name in ARTEFACTS}

    @property
    def clusters(self) -> pa.Table:
        """A row per cluster, by rank."""
        return self._table("clusters")

    @property
    def members(self) -> pa.Table:
        """A row per clustered account."""
        return self._table("members")

    @property
    def evidence(self) -> pa.Table:
        """A row per cluster and signal that at least two members have."""
        return self._table("evidence")

    @property
    def links(self) -> pa.Table:
        """A row per member and signal that at least two members of its cluster have."""
        return self._table("links")

    @property
    def activity(self) -> pa.Table:
        """A row per member and hour."""
        return self._table("activity")

    @property
    def ties(self) -> pa.Table:
        """A row per kept pair of accounts."""
        return self._table("ties")

    @property
    def accounts(self) -> pa.Table:
        """A row per account, clustered or not."""
        return self._table("accounts")

    @property
    def signals(self) -> pa.Table:
        """A row per signal that at least two accounts have."""
        return self._table("signals")

    @property
    def incidence(self) -> pa.Table:
        """A row per account and signal that at least two accounts have, by their numbers."""
        return self._table("incidence")

    @property
    def holding(self) -> pa.Table:
        """A row per large cluster: what holds it together, reckoned with the run."""
        return self._table("holding")

    @property
    def decisions(self) -> pa.Table:
        """A row per cluster and decision on it; none where the run is no night of a store."""
        found = self.nightly("decisions")
        return DECISIONS.empty_table() if found is None else found

    def nightly(self, name: str) -> pa.Table | None:
        """Give an artefact that only nights have, None where this run has none of that name."""
        schema = NIGHTLY_ARTEFACTS.get(name)
        if name not in self._tables and schema is not None and self.directory is not None:
            path = self.directory / f"{name}.parquet"
            if path.is_file():
                self._tables[name] = _read_table(path, schema)
        return self._tables.get(name)

    def read(self, name: str, columns: Sequence[str], *, coded: Sequence[str] = ()) -> pa.Table:
        """Read some columns of an artefact, where one does not need a large table whole.

        Args:
            name: of the artefact.
            columns: to read.
            coded: those of them that are to come as dictionaries of their different values.

        Raises:
            InputError: the artefact is damaged.
        """
        if name in self._tables:
            table = self._tables[name].select(list(columns))
        else:
            assert self.directory is not None
            table = _read_table(self.directory / f"{name}.parquet", ARTEFACTS[name], columns, coded)
        for column in coded:
            if not pa.types.is_dictionary(table.schema.field(column).type):
                place = table.column_names.index(column)
                table = table.set_column(place, column, table[column].dictionary_encode())
        return table

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """Give every artefact of `tables` as a frame, by name."""
        return {name: _frame(table) for name, table in self.tables.items()}

    def once(self, name: str, make: Callable[[Run], Made]) -> Made:
        """Make something of the run when it is first asked for, and keep it for as long as the run is."""
        if name not in self._made:
            self._made[name] = make(self)
        made: Made = self._made[name]
        return made

    @property
    def templates(self) -> pa.Table:
        """A row per template that was found in prompts and that at least two accounts have."""
        return self._table("templates")

    def cluster(self, key: str | int) -> Cluster:
        """Find a cluster by its id, the beginning of its id, or its rank (``3``, ``'3'`` or ``'#3'``).

        Raises:
            UsageError: there is no such cluster, or several.
        """
        ids = self.clusters["cluster_id"].to_pylist()
        return Cluster(self, _find(str(key), ids))

    def short_ids(self) -> dict[str, str]:
        """Give for each cluster id a beginning of it that no other id has, all of one length."""
        return shorten_ids(self.clusters["cluster_id"].to_pylist())

    def __repr__(self) -> str:
        place = f" in {self.directory}" if self.directory else ""
        return f"<Run: {self.clusters.num_rows:,} clusters of {self.members.num_rows:,} accounts{place}>"

    def _repr_html_(self) -> str:
        return run_html(self)

    def _table(self, name: str) -> pa.Table:
        if name not in self._tables:
            assert self.directory is not None
            path, schema = self.directory / f"{name}.parquet", ARTEFACTS[name]
            absent = name in REDUNDANT and not path.is_file()
            self._tables[name] = schema.empty_table() if absent else _read_table(path, schema)
        return self._tables[name]


@dataclass(frozen=True, eq=False)
class Cluster:
    """One cluster of a run; its parts are pandas frames.

    Attributes:
        run: that it is in.
        cluster_id: its whole id.
    """

    run: Run = field(repr=False)
    cluster_id: str

    def table(self, name: str) -> pa.Table:
        """Give its rows of a table that has a ``cluster_id``."""
        table = getattr(self.run, name)
        return table.filter(pc.equal(table["cluster_id"], self.cluster_id))

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its row of ``clusters``."""
        found: dict[str, Any] = self.table("clusters").to_pylist()[0]
        return found

    @cached_property
    def members(self) -> pd.DataFrame:
        """Its accounts."""
        return _frame(self.table("members"))

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """The signals that at least two of its accounts have."""
        return _frame(self.table("evidence"))

    @cached_property
    def links(self) -> pd.DataFrame:
        """Which account has which of these signals."""
        return _frame(self.table("links"))

    @cached_property
    def activity(self) -> pd.DataFrame:
        """Exchanges of its accounts by the hour."""
        return _frame(self.table("activity"))

    @cached_property
    def inner_ties(self) -> pa.Table:
        """Its rows of ``ties``: those between its accounts."""
        ties = self.run.ties
        accounts = self.table("members")["account_id"].combine_chunks()
        for end in ("source", "target"):
            ties = ties.filter(pc.is_in(ties[end], value_set=accounts))
        return ties

    @cached_property
    def ties(self) -> pd.DataFrame:
        """The ties between its accounts."""
        return _frame(self.inner_ties)

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """Give its rows of every artefact that tells of clusters, and its ties, by name."""
        named = [name for name, schema in ARTEFACTS.items() if "cluster_id" in schema.names]
        return {name: _frame(self.table(name)) for name in named} | {"ties": self.ties}

    def to_networkx(self, *, bipartite: bool = False) -> nx.Graph:
        """Give its accounts and ties as a graph of networkx, with their figures as attributes.

        Args:
            bipartite: give its accounts and the signals that at least two of them have instead; a signal is
                the node (kind, value), and ``bipartite`` is 0 for accounts and 1 for signals.
        """
        return self._gather(bipartite).to_networkx()

    def to_igraph(self, *, bipartite: bool = False) -> Graph:
        """Give the same as a graph of igraph; a vertex has its account id, or (kind, value), as ``name``."""
        return self._gather(bipartite).to_igraph()

    def export(self, path: str | Path, *, bipartite: bool = False) -> None:
        """Write the same to a file that Gephi and networkx read: GraphML or GEXF.

        Args:
            path: of the file; ``.graphml`` or ``.gexf`` tells the format.
            bipartite: write accounts and signals.

        Raises:
            UsageError: the name tells no format.
            InputError: the file cannot be written.
        """
        from clustergraph.artefacts.interchange import write_graph

        write_graph(self._gather(bipartite), Path(path))

    def _gather(self, bipartite: bool) -> NodesAndEdges:
        from clustergraph.artefacts.graphs import gather_links, gather_ties

        return (gather_links if bipartite else gather_ties)(self)

    def _repr_html_(self) -> str:
        return cluster_html(self)


def open_run(directory: str | Path) -> Run:
    """Open the folder of a run; its tables are read when they are asked for.

    Args:
        directory: the folder, or its ``run.json``, as a store's ``runs/latest`` leads to it.

    Raises:
        InputError: the folder is missing or is not a run; the message says what it lacks.
    """
    folder = Path(directory)
    if folder.is_file() and folder.resolve().name == MANIFEST:
        folder = folder.resolve().parent
    if not folder.is_dir():
        raise InputError(f"{folder}: {'is not a folder' if folder.exists() else 'there is no such folder'}")
    wanted = (MANIFEST, *(f"{name}.parquet" for name in ARTEFACTS if name not in REDUNDANT))
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        rest = f" nor {len(missing) - 1} more of its files" if len(missing) > 1 else ""
        raise InputError(f"{folder}: not a run: it has no {missing[0]}{rest}")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{folder / MANIFEST}: cannot be read: {error}") from error
    if not isinstance(manifest, dict):
        raise InputError(f"{folder / MANIFEST}: must be a JSON object")
    return Run(manifest, folder)


def shorten_ids(ids: Collection[str]) -> dict[str, str]:
    """Give for each of some different ids a beginning of it that no other one has, all of one length."""
    length = _SHORTEST_ID
    while len({one[:length] for one in ids}) < len(ids):
        length += 1
    return {one: one[:length] for one in ids}


def _read_table(
    path: Path, schema: pa.Schema, columns: Sequence[str] | None = None, coded: Sequence[str] = ()
) -> pa.Table:
    """Read a Parquet file, or some columns of it, and check them against the schema."""
    wanted = schema.names if columns is None else columns
    try:
        # Not as a data set: a run may lie in dt=.../, which is no column of it. Columns are read one by one:
        # to have all of them in memory before any is decoded pays where files are far away.
        with pq.ParquetFile(path, read_dictionary=list(coded), pre_buffer=False) as file:
            table = file.read(None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    for column in (schema.field(name) for name in wanted):
        if column.name not in table.column_names:
            raise InputError(f"{path}: has no column {column.name}; it is not of this version")
        kind = table.schema.field(column.name).type
        if column.name in coded and pa.types.is_dictionary(kind):
            kind = kind.value_type
        if kind != column.type:
            raise InputError(f"{path}: column {column.name} is {kind}, but must be {column.type}")
    return table


def _find(key: str, ids: list[str]) -> str:
    if key in ids:
        return key
    if not ids:
        raise UsageError("this run found no clusters")
    if _RANK.fullmatch(key):
        rank = int(key.removeprefix("#"))
        if 1 <= rank <= len(ids):
            return ids[rank - 1]
    near = [one for one in ids if key and one.startswith(key)]
    if len(near) == 1:
        return near[0]
    said = printable(key, 80)
    if near:
        listed = ", ".join(near[:3]) + (", ..." if len(near) > 3 else "")
        raise UsageError(
            f"{len(near):,} clusters have ids that begin with {said!r}: {listed}; give more of it"
        )
    if _RANK.fullmatch(key):
        raise UsageError(
            f"there is no cluster of rank {key.removeprefix('#')}; ranks go from 1 to {len(ids)}"
        )
    hint = suggest(key, ids) or suggest(key, [one[: len(key)] for one in ids])
    raise UsageError(f"there is no cluster {said!r} in this run{hint or '; `clustergraph top` lists them'}")


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
