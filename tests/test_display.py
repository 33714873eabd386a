import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from clustergraph.artefacts.runs import Run
from clustergraph.figures import printable, say_bytes, say_count, say_days, say_seconds, say_share
from clustergraph.investigation.explanation import explain
from clustergraph.presentation.columns import Column, Columns, draw_bar
from clustergraph.presentation.display import (
    DEGRADED,
    NOTHING_FOUND,
    show_estimate,
    show_explanation,
    show_ranking,
)
from tests.small_run import HOSTILE, make_run, make_tables


def draw(what: Any, width: int = 100) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=True, color_system="truecolor").print(what)
    return stream.getvalue()


def plain(what: Any, width: int = 100) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(what)
    return stream.getvalue()


def test_the_ranking_is_read_at_a_glance() -> None:
    shown = plain(show_ranking(make_run()))
    first = next(line for line in shown.splitlines() if line.startswith("1"))
    assert first.split() == [
        "1", "caaaaaaaa", "3", "1,234,567", "████████", "payment,", "network", "20",
        "2", "Feb", "-", "3", "Feb", "2026",
    ]  # fmt: skip
    assert "2 clusters of 6 accounts · 1,234,867 exchanges\n" in shown


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_lines_fit_the_terminal(width: int) -> None:
    for what in (show_ranking(make_run()), show_explanation(explain(make_run(), 1))):
        lines = plain(what, width).splitlines()
        assert max(map(len, lines)) <= width
        # Ranks, ids and figures are never cut.
        assert any("1,234,567" in line for line in lines)
    assert ("strongest signal" in plain(show_ranking(make_run()), width)) == (width >= 160)
    assert ("seen" in plain(show_ranking(make_run()), width)) == (width >= 100)


def test_part_of_a_ranking_says_so() -> None:
    shown = plain(show_ranking(make_run(), 1))
    assert "the first is shown" in shown
    assert "caaaaaaab" not in shown


def test_another_volume_has_its_own_column() -> None:
    tables = make_tables()
    clusters = tables["clusters"]
    place = clusters.schema.get_field_index("extraction_volume")
    usd = clusters.set_column(place, clusters.schema.field(place), [[2500.5, 0.0]])
    shown = plain(show_ranking(Run.from_tables(tables | {"clusters": usd}, {})))
    assert "volume" in shown
    assert "2,500" in shown
    nothing = clusters.set_column(place, clusters.schema.field(place), [[0.0, 0.0]])
    assert "caaaaaaaa" in plain(show_ranking(Run.from_tables(tables | {"clusters": nothing}, {})))


def test_nothing_found_is_a_sentence() -> None:
    assert plain(show_ranking(make_run(empty=True))) == NOTHING_FOUND + "\n"


def test_a_degraded_run_says_so() -> None:
    for empty in (False, True):
        degraded = Run.from_tables(make_tables(empty=empty), {"input": {"degraded": True}})
        assert DEGRADED in plain(show_ranking(degraded), 200)


@pytest.mark.parametrize("width", [80, 200])
def test_traffic_neither_moves_the_cursor_nor_is_markup(width: int) -> None:
    harmless = {"\x1b[1m", "\x1b[2m", "\x1b[0m", "\x1b[36m", "\x1b[33m", "\x1b[2;36m", "\x1b[1;2m"}
    for what in (show_ranking(make_run()), show_explanation(explain(make_run(), 2))):
        shown = draw(what, width)
        for code in harmless:
            shown = shown.replace(code, "")
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[red]" in shown
        assert r"\x1b[2J" in shown


def test_an_explanation_is_a_waterfall() -> None:
    shown = plain(show_explanation(explain(make_run(), 1)))
    card, address = (line for line in shown.splitlines() if "3 of 4" in line or "2 of 3" in line)
    # 75% of 20 cells, and then the other 25%.
    assert "█" * 15 + " " * 5 in card
    assert " " * 15 + "█" * 5 in address
    assert (
        shown.index("Most central") < shown.index("a1 ") < shown.index("Least certain") < shown.rindex("a3 ")
    )
    assert "2 Feb - 3 Feb 2026" in shown


def test_what_is_not_listed_is_summed() -> None:
    assert "1 more" in plain(show_explanation(explain(make_run(), 1, signals=1)))
    assert "2 signals" in plain(show_explanation(explain(make_run(), 1, signals=0, members=0)))


def test_an_estimate_is_a_table() -> None:
    found = SimpleNamespace(
        files=[{"path": "x", "bytes": 2_500_000, "rows": 10, "format": "parquet"}], rows=10, accounts=5,
        kinds=["ip"], rejected={"account_id: empty": 1}, signals=3, links=4, tie_bits=12.5, visits=1_000_000,
        memory_bytes=3 * 10**9, disk_bytes=10**6,
    )  # fmt: skip
    shown = plain(show_estimate(found))
    for words in (
        "1 (2.5 MB)",
        "account_id: empty",
        "1,000,000 (for ties of 12.5 bits",
        "about 3 GB",
        "Nothing was",
    ):
        assert words in shown


def test_columns_give_way_in_their_order() -> None:
    columns = Columns([
        Column("id", ["x" * 10]),
        Column("words", ["y" * 20], least=5),
        Column("first to go", ["z"], spare=2),
        Column("then", ["w"], spare=1),
    ])  # fmt: skip
    assert plain(columns, 60).split("\n")[2].split() == ["x" * 10, "y" * 20, "z", "w"]
    assert plain(columns, 35).split("\n")[2].split() == ["x" * 10, "y" * 16 + "…", "w"]
    assert plain(columns, 20).split("\n")[2].split() == ["x" * 10, "y" * 7 + "…"]


def test_wide_characters_take_their_room() -> None:
    shown = plain(Columns([Column("id", ["日本語" * 5], least=6), Column("n", ["1"])]), 20)
    assert shown.splitlines()[2].endswith("1")


@pytest.mark.parametrize(
    ("start", "end", "bar"),
    [(0, 1, "████"), (0, 0, "▏   "), (1, 1, "   ▏"), (0.25, 0.375, " ▌  "), (0.5, 1.0000001, "  ██")],
)
def test_bars_keep_their_width(start: float, end: float, bar: str) -> None:
    assert draw_bar(start, end, 4) == bar


def test_printable_shows_what_hides() -> None:
    assert printable(HOSTILE) == r"\x1b[2J[red]<script>alert(1)</script>\u202e\x0a:smile:"
    assert printable("\ud800\U000e0001\u2028") == r"\ud800\U000e0001\u2028"
    assert printable("日本 é") == "日本 é"
    assert printable("x" * 300) == "x" * 199 + "…"


def test_figures_are_said_shortly() -> None:
    assert [say_bytes(n) for n in (0, 999, 1000, 999_499, 12_345_678, 10**15)] == [
        "0 bytes", "999 bytes", "1 KB", "999 KB", "12 MB", "1000 TB",
    ]  # fmt: skip
    assert [say_seconds(n) for n in (0, 9.94, 12, 59.6, 3600)] == [
        "0.0 s",
        "9.9 s",
        "12 s",
        "1 min 0 s",
        "1 h 0 min",
    ]
    assert [say_count(n) for n in (0, 0.25, 1234.5, 1e6)] == ["0", "0.25", "1,234", "1,000,000"]
    assert [say_share(n) for n in (0, 0.001, 0.42, 0.999, 1)] == ["0%", "<1%", "42%", ">99%", "100%"]
    assert say_days(None, None) == "-"
