"""How a run and a cluster look in a notebook: small tables of HTML, in which traffic stays text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from clustergraph.figures import printable, say_count, say_days, say_plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clustergraph.artefacts.runs import Cluster, Run

ROWS = 10


def run_html(run: Run) -> str:
    """Give a sentence and the first clusters."""
    clusters, short = run.clusters, run.short_ids()
    head = ("rank", "cluster", "accounts", "exchanges", "families", "seen")
    rows = [
        (
            str(row["rank"]),
            short[row["cluster_id"]],
            say_count(row["accounts"]),
            say_count(row["exchanges"]),
            ", ".join(row["families"] or []),
            say_days(row["first_seen"], row["last_seen"]),
        )
        for row in clusters.slice(0, ROWS).to_pylist()
    ]
    said = f"{say_plural(clusters.num_rows, 'cluster')} of {say_plural(run.members.num_rows, 'account')}"
    return sentence(said) + table(head, rows, clusters.num_rows)


def cluster_html(cluster: Cluster) -> str:
    """Give a sentence and the strongest signals."""
    row, evidence = cluster.row, cluster.evidence.nlargest(ROWS, "bits")
    head = ("kind", "value", "members", "all holders", "bits")
    rows = [
        (
            one["kind"],
            one["value"],
            *map(say_count, (one["accounts"], one["accounts_everywhere"])),
            f"{one['bits']:,.0f}",
        )
        for one in evidence.to_dict("records")
    ]
    said = f"Cluster {row['cluster_id']}: {row['accounts']:,} accounts, {row['exchanges']:,} exchanges"
    return sentence(said) + table(head, rows, len(cluster.evidence))


def sentence(words: str) -> str:
    """Give a paragraph of text."""
    return f"<p>{_text(words)}</p>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], of: int | None = None) -> str:
    """Give a table of text; ``of`` is the number of rows that there are in all."""
    if not rows:
        return ""
    body = "".join(_row("td", row) for row in rows)
    more = sentence(f"... and {of - len(rows):,} more") if of is not None and of > len(rows) else ""
    return f"<table><thead>{_row('th', head)}</thead><tbody>{body}</tbody></table>{more}"


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"


def _text(words: str) -> str:
    return escape(printable(words))
