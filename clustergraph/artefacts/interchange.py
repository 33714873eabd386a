"""A cluster as a file that Gephi, networkx and others read: GraphML or GEXF, in which traffic stays text."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from clustergraph.disk.durable import replace_file
from clustergraph.disk.faults import told
from clustergraph.errors import InputError, UsageError
from clustergraph.figures import printable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    import networkx as nx

    from clustergraph.artefacts.graphs import NodesAndEdges

GRAPHML, GEXF = ".graphml", ".gexf"
# The same graph gives the same bytes, whatever the day.
_DATE = re.compile(r' lastmodifieddate="[0-9-]*"')


def check_format(path: Path) -> str:
    """Tell the format of a file from its name.

    Raises:
        UsageError: it ends in neither ``.graphml`` nor ``.gexf``.
    """
    suffix = path.suffix.lower()
    if suffix not in (GRAPHML, GEXF):
        raise UsageError(
            f"{printable(str(path))}: the name must end in {GRAPHML} or {GEXF}, which tells the format"
        )
    return suffix


def write_graph(graph: NodesAndEdges, path: Path) -> None:
    """Write a graph to a file, whole or not at all; the format is that of its name.

    A node's ``id`` is its number (``n0``, ...), since an id from traffic may be anything; its ``label`` is
    the account's id or the signal's value. Text is printable: what is not seen, and XML could not hold, is
    written as its code. Times are ISO 8601 in UTC. The ``weight`` of a tie is its bits.

    Raises:
        UsageError: the name of the file tells no format.
        InputError: it cannot be written.
    """
    import networkx as nx

    suffix = check_format(path)
    named = _name(graph)
    if suffix == GRAPHML:
        lines = list(nx.generate_graphml(named, named_key_ids=True))
    else:
        lines = [_DATE.sub("", line, count=1) for line in nx.generate_gexf(named)]
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    with told(path):
        replace_file(path, "\n".join([*lines, ""]))


def _name(graph: NodesAndEdges) -> nx.Graph:
    """Number the nodes and make every attribute something that all formats hold."""
    import networkx as nx

    numbers: dict[Hashable, str] = {key: f"n{number}" for number, key in enumerate(graph.nodes)}
    named = nx.Graph(name=graph.cluster_id)
    for key, attributes in graph.nodes.items():
        signal = isinstance(key, tuple)
        label = key[1] if isinstance(key, tuple) else key
        plain = _make_plain({"type": "signal" if signal else "account", **attributes})
        named.add_node(numbers[key], label=_make_text(label), **plain)
    for one, other, attributes in graph.edges:
        weight = {"weight": attributes["bits"]} if "bits" in attributes else {}
        named.add_edge(numbers[one], numbers[other], **_make_plain(attributes), **weight)
    return named


def _make_plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int | float) else _make_text(value)
        for name, value in attributes.items()
    }


def _make_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return printable(text, len(text))
