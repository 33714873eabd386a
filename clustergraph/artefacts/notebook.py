"""How a run and a cluster look in a notebook: small tables of HTML, in which traffic stays text.

They take the colours of the page, light or dark, and load nothing.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from clustergraph.figures import printable, say_count, say_days, say_plural, say_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clustergraph.artefacts.runs import Cluster, Run

ROWS = 10
_BAR = 80  # pixels of the longest bar
_DOUBTFUL = 0.9
# Columns that nights add to a run's clusters, and what stands above them.
_NIGHTLY = {"decision": "decision", "accounts_banned": "banned", "accounts_new": "new"}


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: its heading.
        cells: as text.
        number: whether cells stand to the right.
        bars: from 0 to 1, behind the cells.
        wrap: whether long cells are broken.
    """

    name: str
    cells: Sequence[str]
    number: bool = False
    bars: Sequence[float] = ()
    wrap: bool = False


def run_html(run: Run) -> str:
    """Give a sentence and the first clusters."""
    clusters, short = run.clusters, run.short_ids()
    rows = clusters.slice(0, ROWS).to_pylist()
    most = max((row["extraction_volume"] for row in rows), default=0.0)
    explained = clusters.num_rows - clusters["explained_by"].null_count
    said = f"{say_plural(clusters.num_rows, 'cluster')} of {say_plural(run.members.num_rows, 'account')}"
    why = f", {explained:,} explained by legitimate sharing" if explained else ""
    return sentence(f"{said}{why}.") + _draw_table(
        [
            Column("rank", [str(row["rank"]) for row in rows], number=True),
            Column("cluster", [short[row["cluster_id"]] for row in rows]),
            Column("accounts", [say_count(row["accounts"]) for row in rows], number=True),
            Column(
                "exchanges", [say_count(row["exchanges"]) for row in rows], number=True,
                bars=[_share(row["extraction_volume"], most) for row in rows],
            ),
            Column("held together by", [", ".join(row["families"] or []) for row in rows], wrap=True),
            Column("explained by", [(row["explained_by"] or "").replace("_", " ") for row in rows]),
            *(
                Column(heading, [_say(row[name]) for row in rows])
                for name, heading in _NIGHTLY.items()
                if any(row.get(name) is not None for row in rows)
            ),
            Column("seen", [say_days(row["first_seen"], row["last_seen"]) for row in rows]),
        ],
        clusters.num_rows,
    )  # fmt: skip


def cluster_html(cluster: Cluster) -> str:
    """Give what a cluster is, what speaks for or against it, and its strongest signals."""
    row, evidence = cluster.row, cluster.evidence
    signals = evidence.sort_values(["bits", "kind", "value"], ascending=[False, True, True])
    rows = [{str(name): value for name, value in one.items()} for one in signals[:ROWS].to_dict("records")]
    total = float(evidence["bits"].sum())
    most = max((one["bits"] for one in rows), default=0.0)
    title = _text(f"Cluster {row['cluster_id']}, rank {row['rank']}")
    said = "".join(map(sentence, _say_cluster(cluster)))
    return f"<p><strong>{title}</strong></p>{said}" + _draw_table(
        [
            Column("kind", [one["kind"] for one in rows]),
            Column("value", [one["value"] for one in rows], wrap=True),
            Column(
                "bits", [f"{one['bits']:,.0f}" for one in rows], number=True,
                bars=[_share(one["bits"], most) for one in rows],
            ),
            Column("share", [say_share(_share(one["bits"], total)) for one in rows], number=True),
            Column(
                "holders that are members",
                [f"{one['accounts']:,} of {one['accounts_everywhere']:,}" for one in rows], number=True,
            ),
        ],
        len(evidence),
    )  # fmt: skip


def _say_cluster(cluster: Cluster) -> list[str]:
    row = cluster.row
    doubtful = int((cluster.members["confidence"] < _DOUBTFUL).sum())
    parts = [
        say_plural(row["accounts"], "account"),
        say_plural(row["exchanges"], "exchange"),
        f"seen {say_days(row['first_seen'], row['last_seen'])}" if row["first_seen"] else "",
        f"held together by {', '.join(row['families'])}" if row["families"] else "",
        f"{say_plural(doubtful, 'member')} of a confidence under {_DOUBTFUL:g}" if doubtful else "",
    ]
    explained = (row["explained_by"] or "").replace("_", " ")
    why = [f"Explained by {explained}: {row['reason'] or ''}" if explained else row["reason"] or ""]
    return ["; ".join(part for part in parts if part) + ".", *(words for words in why if words)]


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0


def _say(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else say_count(value)


def sentence(words: str) -> str:
    """Give a paragraph of text."""
    return f"<p>{_text(words, 2000)}</p>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], of: int | None = None) -> str:
    """Give a table of text; ``of`` is the number of rows that there are in all."""
    columns = [Column(name, [row[place] for row in rows]) for place, name in enumerate(head)]
    return _draw_table(columns, len(rows) if of is None else of)


def _draw_table(columns: Sequence[Column], of: int) -> str:
    """Draw columns that have anything in them, and how many rows there are more."""
    shown = [one for one in columns if any(one.cells)]
    if not shown:
        return ""
    count = len(shown[0].cells)
    head = "".join(f'<th scope="col" {_align(one)}>{_text(one.name)}</th>' for one in shown)
    body = "".join(_draw_row(_cell(one, number) for one in shown) for number in range(count))
    more = sentence(f"... and {of - count:,} more") if of > count else ""
    return f"<table><thead>{_draw_row([head])}</thead><tbody>{body}</tbody></table>{more}"


def _draw_row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: Column, row: int) -> str:
    bar = _draw_bar(column.bars[row]) if column.bars else ""
    return f"<td {_align(column)}>{_text(column.cells[row])}{bar}</td>"


def _draw_bar(share: float) -> str:
    """Draw a bar of the page's own ink behind a number, each beginning at the same place."""
    full, rest = round(share * _BAR), _BAR - round(share * _BAR)
    style = f"display:inline-block;height:0.7em;width:{full}px;margin:0 {rest}px 0 0.6em"
    return f'<span aria-hidden="true" style="{style};background:currentColor;opacity:0.35"></span>'


def _align(column: Column) -> str:
    style = f"text-align:{'right' if column.number else 'left'}"
    return f'style="{style}"' if column.wrap else f'style="{style};white-space:nowrap"'


def _text(words: str, longest: int = 80) -> str:
    return escape(printable(words, longest))
