import io
import re

import pytest

from clustergraph.progress import Bars, Lines, Progress, choose_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_stage_is_timed() -> None:
    progress = Progress()
    with progress.stage("read") as advance:
        advance(None, "reading")
    with progress.stage("link"):
        pass
    timings = progress.timings()
    assert [timing["stage"] for timing in timings] == ["read", "link"]
    assert all(timing["seconds"] >= 0 for timing in timings)
    # A Python with pyarrow and the like in it holds at least some megabytes and less than the machine has.
    assert 1e6 < timings[0]["peak_memory_bytes"] <= timings[1]["peak_memory_bytes"] < 1e12


def test_timings_are_a_copy() -> None:
    progress = Progress()
    with progress.stage("read"):
        pass
    progress.timings()[0]["stage"] = "other"
    assert progress.timings()[0]["stage"] == "read"


def test_lines_come_now_and_then_with_the_time_left() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = Lines(stream, every=10.0, clock=lambda: now[0])
    with progress.stage("project") as advance:
        for share in (0.1, 0.2, 0.3, 0.4):
            now[0] += 5.0
            advance(share, "shuffled copy 1 of 2")
        now[0] += 10.0
        advance()
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [
        "project: 20%, shuffled copy 1 of 2, about 40 s left",
        "project: 40%, shuffled copy 1 of 2, about 30 s left",
        "project: working",
    ]
    assert re.fullmatch(r"project: done in [\d.]+ s, peak memory [\d.]+ [MG]B", lines[3])
    assert len(lines) == 4


@pytest.mark.parametrize("kind", [Progress, Lines, Bars])
def test_a_stage_that_fails_ends_and_is_timed(kind: type[Progress]) -> None:
    stream = io.StringIO()
    progress = kind() if kind is Progress else kind(stream)  # type: ignore[call-arg]
    with pytest.raises(KeyError), progress.stage("read"):
        raise KeyError
    assert len(progress.timings()) == 1
    assert "done" not in stream.getvalue()


def test_bars_show_the_stage_what_is_done_and_no_markup() -> None:
    stream = Terminal()
    progress = Bars(stream)
    with progress.stage("project") as advance:
        advance(None, "[red]looking")
        advance(0.5)
    with progress.stage("rank"):
        pass
    shown = stream.getvalue()
    assert "project" in shown
    assert "100%" in shown
    assert "rank" in shown


def test_the_stream_chooses() -> None:
    assert type(choose_progress(Terminal())) is Bars
    assert type(choose_progress(io.StringIO())) is Lines
    assert type(choose_progress(Terminal(), quiet=True)) is Progress
