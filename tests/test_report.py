"""``clustergraph report``: what goes into the file, and that data in it is never code."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import pytest

import clustergraph as cg
from clustergraph.artefacts.runs import Run, open_run
from clustergraph.investigation.explanation import explain
from clustergraph.report import writing
from clustergraph.report.limits import cut
from clustergraph.report.page_file import render
from clustergraph.report.recent import reckon_recent
from clustergraph.report.slices import split_ties
from clustergraph.report.writing import render_report, write_report
from tests import small_run
from tests.commands import call, snapshot
from tests.reported_runs import ATTACKS, HOSTILE, KINDS, NIGHT, PLAIN, SMALL, make_tables, write_night

CYTOSCAPE = "081591ab735b2b6a3b31a3c60f8f3a3e2fee8c92939e0c7820ad1208571b6cd8"


class Document(HTMLParser):
    """What a browser makes of the file: elements, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[tuple[dict[str, str | None], str]]] = {
            "script": [],
            "style": [],
            "title": [],
        }
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag
        if tag in self.texts:
            self.texts[tag].append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside in self.texts:
            attributes, text = self.texts[self.inside][-1]
            self.texts[self.inside][-1] = (attributes, text + data)

    def read(self, name: str):
        return next(
            json.loads(text) for attributes, text in self.texts["script"] if attributes.get("id") == name
        )

    def page(self, place: int):
        return json.loads(zlib.decompress(b64decode(self.read(f"page-{place}"))))

    def packed(self) -> int:
        """Give how many characters the pages of all clusters take."""
        scripts = self.texts["script"]
        return sum(len(text) - 2 for one, text in scripts if one.get("id", "").startswith("page-"))


@pytest.fixture
def night(tmp_path):
    return write_night(tmp_path / "store", "2026-02-02", "2026-02-03", NIGHT)


def test_the_command_writes_one_private_file_and_leaves_the_run_alone(night, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path / "store")
    ended = call("report", night)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("report.html (")
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"store", "report.html"}
    assert snapshot(tmp_path / "store") == before


@pytest.mark.parametrize(
    ("out", "code", "words"),
    [
        ("{run}/report.html", 2, "lies in the folder of the run"),
        ("{there}/report.txt", 2, "ends in .html"),
        ("{there}/nowhere/report.html", 3, "cannot be written"),
        ("{there}/folder.html", 2, "is a folder"),
    ],
)
def test_a_place_that_cannot_be_is_refused(night, tmp_path, out, code, words):
    (tmp_path / "folder.html").mkdir()
    before = snapshot(tmp_path)
    ended = call("report", night, "--out", out.format(run=night, there=tmp_path))
    assert ended.code == code
    assert words in ended.err
    assert snapshot(tmp_path) == before


def test_what_is_no_run_is_refused(tmp_path):
    assert call("report", tmp_path, "--out", tmp_path / "r.html").code == 3


def test_the_same_run_gives_the_same_bytes(night, tmp_path):
    first, second = (write_report(open_run(night), tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_the_list_has_what_an_analyst_needs(night):
    document = Document(render_report(open_run(night)))
    overview = document.read("overview")
    assert (overview["title"], overview["accounts_in_all"]) == (f"Clusters of the night {NIGHT}", 5000)
    plain, hostile, small = overview["clusters"]
    assert (plain["cluster_id"], plain["exchanges_1d"], plain["exchanges_lifetime"]) == (PLAIN, 6000, 120_000)
    assert (plain["accounts_active"], plain["accounts_banned"], plain["accounts_new"]) == (60, 1, 2)
    assert (plain["families"], plain["observable"]) == (
        ["payment", "network"],
        sorted({*KINDS.values()}),
    )
    assert plain["uncertain"] == 17
    assert plain["signals"][0] == {
        "kind": "payment_fingerprint", "value": "card-0", "family": "payment", "accounts": 120,
        "accounts_everywhere": 120, "share": pytest.approx(90 / sum(90 - place for place in range(31))),
    }  # fmt: skip
    assert [one["verdict"]["code"] for one in overview["clusters"]] == ["likely", "unclear", "cleared"]
    assert small["decisions"][0]["decided_by"] == "ann"
    assert hostile["verdict"]["against"][0].startswith(f"{ATTACKS[0]} cleared it on 2026-02-03")


def test_a_page_has_members_evidence_and_the_nights_up_to_its_own(night):
    document = Document(render_report(open_run(night.parent / "dt=2026-02-03")))
    page = document.page(0)
    assert page["members_in_all"] == len(page["members"]["account_id"]) == 120
    assert page["members"]["first_hour"][0] == "2026-02-02T00:00:00Z"
    assert page["evidence"]["bits"] == sorted(page["evidence"]["bits"], reverse=True)
    assert [stage["night"] for stage in page["life"]] == ["2026-02-02", "2026-02-03"]
    assert [stage["event"] for stage in page["life"]] == ["grew", "grew"]
    assert page["regrowth"][0]["account_id"] == ATTACKS[0]
    assert document.page(2)["regrowth"] == []


def test_a_page_says_what_holds_its_cluster_together(night):
    run = open_run(night)
    document = Document(render_report(run))
    whole, small = (document.page(place)["holding"] for place in (0, 2))
    assert [one["words"] for one in small["removals"]] == ["dissolves"]
    assert small["removals"][0]["value"] == "card"
    said = cg.explain(run, PLAIN).to_dict()["removals"]
    assert [(one["signals"][0]["value"], one["outcome"]) for one in said] == [
        (one["value"], one["outcome"]) for one in whole["removals"]
    ]


def test_ties_are_read_once_and_give_the_same_explanations(night, monkeypatch):
    run = cg.open_run(night)
    ids = run.clusters["cluster_id"].to_pylist()
    ties = split_ties(run, ids[:2])
    for one in ids[:2]:
        assert ties[one].num_rows > 0
        assert explain(run, one, ties=ties[one]) == explain(run, one)
    asked = []
    plain = Run.read
    monkeypatch.setattr(Run, "read", lambda *one, **more: asked.append(one[1]) or plain(*one, **more))
    render_report(cg.open_run(night))
    assert asked.count("ties") == 1


def test_a_run_that_does_not_say_how_it_was_reckoned_is_reported_all_the_same():
    run = Run.from_tables(small_run.make_tables(), {"version": "0.1.0"})
    assert Document(render_report(run)).page(0)["holding"] is None


def test_a_run_of_no_night_tells_what_its_activity_gives(tmp_path):
    overview = Document(render_report(small_run.make_run())).read("overview")
    first, second = overview["clusters"]
    assert not overview["nightly"]
    assert (first["exchanges_1d"], first["exchanges_7d"], first["exchanges_lifetime"]) == (9, 9, None)
    assert (first["accounts_active"], first["accounts_new"], first["accounts_banned"]) == (1, None, None)
    assert second["decisions"] == []


def test_recent_volume_is_that_of_the_last_days_with_data():
    activity = make_tables()["activity"]
    # Hours 0 and 3 are on the 2nd and 1 and 2 on the 3rd and 4th, 5 exchanges each.
    assert reckon_recent(activity, [SMALL, "nobody"]) == {
        SMALL: {"exchanges_1d": 15, "exchanges_7d": 60, "accounts_active": 3, "accounts_new": 0},
        "nobody": {"exchanges_1d": 0, "exchanges_7d": 0, "accounts_active": 0, "accounts_new": 0},
    }
    assert set(reckon_recent(activity.slice(0, 0), [SMALL])[SMALL].values()) == {None}


def test_a_run_without_clusters_is_reported(tmp_path):
    document = Document(render_report(small_run.make_run(empty=True)))
    assert document.read("overview")["clusters"] == []


def test_no_text_of_the_traffic_becomes_markup(night):
    document = Document(render_report(open_run(night)))
    names = [tag for tag, _ in document.elements]
    assert "img" not in names
    assert names.count("script") == 1 + 3 + 3  # the overview, a page a cluster, the program and its libraries
    assert not [one for _, attributes in document.elements for one in attributes if one.startswith("on")]
    assert document.page(1)["members"]["account_id"][0] == ATTACKS[0]
    assert "attack.invalid" not in {attributes.get("href") for _, attributes in document.elements}


@pytest.mark.parametrize("text", [*ATTACKS, "</SCRIPT >", "&lt;/title&gt;</title>", "]]>"])
def test_text_comes_back_from_the_file_as_it_was(text):
    document = Document(render(text, {"clusters": [], "said": text}, ["packed"]))
    assert document.read("overview")["said"] == text
    assert document.read("page-0") == "packed"
    assert len(document.texts["title"]) == 1


def test_the_policy_allows_what_is_in_the_file_and_nothing_else(night):
    document = Document(render_report(open_run(night)))
    meta = next(one for tag, one in document.elements if tag == "meta" and "http-equiv" in one)
    policy = dict(part.split(" ", 1) for part in meta["content"].split("; "))
    for directive, tag in (("script-src", "script"), ("style-src", "style")):
        found = {
            f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
            for attributes, text in document.texts[tag] if attributes.get("type") is None
        }  # fmt: skip
        assert set(policy[directive].split()) == found
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in meta["content"]
    assert not {"connect-src", "frame-src", "font-src"} & set(policy)


def test_long_text_is_cut_and_stays_different():
    one, other = "x" * 400 + "a", "x" * 400 + "b"
    assert cut("x" * 300) == "x" * 300
    assert len(cut(one)) < 400
    assert cut(one) != cut(other)


def test_pages_that_are_too_large_are_cut_and_say_so(night, monkeypatch):
    before = Document(render_report(open_run(night)))
    assert len(before.page(0)["members"]["account_id"]) == 120
    most = int(0.55 * before.packed())
    monkeypatch.setattr(writing, "MOST_BYTES", most)
    whole = Document(render_report(open_run(night)))
    page = whole.page(0)
    assert len(page["members"]["account_id"]) < page["members_in_all"] == 120
    assert whole.packed() <= most
    # A quarter of the room is for the least certain members.
    kept = page["members"]["confidence"]
    assert sum(one < 0.5 for one in kept) >= min(17, len(kept) // 4)


def test_only_so_many_clusters_are_told(night):
    document = Document(render_report(open_run(night), clusters=2))
    overview = document.read("overview")
    assert [one["cluster_id"] for one in overview["clusters"]] == [PLAIN, HOSTILE]
    assert overview["clusters_in_all"] == 3


def test_the_library_that_draws_graphs_is_the_released_one():
    vendor = files("clustergraph.report") / "static" / "vendor"
    found = sha256(vendor.joinpath("cytoscape.min.js").read_bytes()).hexdigest()
    assert found == CYTOSCAPE, "it is cytoscape@3.34.4 of the npm registry, dist/cytoscape.min.js"
    assert "Permission is hereby granted" in vendor.joinpath("cytoscape.LICENSE").read_text(encoding="utf-8")
    # Its only style, which the policy has to know beforehand.
    released = vendor.joinpath("cytoscape.min.js").read_text(encoding="utf-8")
    style = re.search(r'textContent="\."\+(\w)\+"( \{[^"]*\})"', released)
    css = vendor.joinpath("cytoscape-container.css").read_text(encoding="utf-8")
    assert style
    assert css == f".__________cytoscape_container{style[2]}\n"
