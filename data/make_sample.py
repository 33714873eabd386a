"""Make the sample in this folder: one made-up night of traffic, and a picture of what is found in it.

It writes

- ``events.parquet``: a row per exchange or roll-up of exchanges (the columns of the README's "Input"), sorted
  by account and time;
- ``accounts.parquet``: what the provider knows of the accounts;
- ``truth.parquet``: ``account_id``, ``cohort``, ``group``, ``infrastructure`` and ``exchanges`` of each
  account. No command reads it while looking for clusters;
- ``ranking.svg``: what ``clustergraph top`` prints for a run on the events and accounts;
- ``chance.svg``: how many ties that run has, and how many chance gives.

The world is one of :mod:`clustergraph.simulation`: 5,000 accounts, three campaigns among them (100, 30 and 30
accounts), whose operators take some care (evasion 0.3). The same version of the script makes the same rows.

    python data/make_sample.py [FOLDER]
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console

import clustergraph as cg
from clustergraph.presentation.display import show_ranking
from clustergraph.simulation import World, simulate

ACCOUNTS, EVASION, SEED = 5_000, 0.3, 1
SHOWN, WIDTH = 12, 172  # clusters and columns of the picture
ORDER = {"events": ("account_id", "timestamp"), "accounts": ("account_id",), "truth": ("account_id",)}


def make_sample(folder: Path) -> World:
    """Write events, accounts and truth; files of these names are replaced.

    Args:
        folder: where to write; made if it does not exist.

    Returns:
        The world that they are of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        world = simulate(Path(scratch) / "world", accounts=ACCOUNTS, evasion=EVASION, seed=SEED)
        written = Path(scratch) / "world"
        (night,) = written.glob("events/*/*.parquet")
        for name, path in {
            "events": night,
            "accounts": written / "accounts.parquet",
            "truth": written / "truth.parquet",
        }.items():
            table = pq.read_table(path, partitioning=None)
            table = table.sort_by([(column, "ascending") for column in ORDER[name]])
            few = [column for column in table.column_names if len(table[column].unique()) < 256]
            # Small rather than quick: the sample is cloned more often than it is made.
            pq.write_table(
                table,
                folder / f"{name}.parquet",
                compression="zstd",
                compression_level=19,
                use_dictionary=few,
            )
    return world


def draw_ranking(found: cg.Run, picture: Path) -> None:
    """Write what ``clustergraph top`` prints of a run as a picture."""
    console = Console(record=True, file=io.StringIO(), width=WIDTH, color_system="truecolor", highlight=False)
    console.print(show_ranking(found, SHOWN))
    drawn = console.export_svg(title=f"clustergraph top out/demo -n {SHOWN}", unique_id="ranking")
    # A picture in a README loads no fonts from elsewhere.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    picture.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")


def main() -> None:
    """Make everything in the folder that is named, or in the script's own."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_sample(folder)
    found = cg.run(folder / "events.parquet", accounts=folder / "accounts.parquet")
    draw_ranking(found, folder / "ranking.svg")
    cg.charts.draw_chance(found).save(str(folder / "chance.svg"))


if __name__ == "__main__":
    main()
