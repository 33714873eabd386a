"""The report as a reader has it: in a real browser, from disk, without a network."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from clustergraph.artefacts.runs import open_run
from clustergraph.report.writing import write_report
from tests.browser import MISSING, launch, may_skip, open_file
from tests.reported_runs import ATTACKS, HOSTILE, NIGHT, PLAIN, SMALL, write_night

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Download, Page

pytestmark = pytest.mark.skipif(may_skip(), reason=MISSING)
FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# What the graph looks like: the pixels of its canvases, read from copies that are made to be read.
GRAPH = """const canvases = [...document.querySelectorAll(".graph canvas")].map((canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height)
        .getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    return [canvas, copy.getImageData(0, 0, canvas.width, canvas.height).data];
});"""
COUNT_PIXELS = f"""() => {{
    {GRAPH}
    const drawn = (data) => data.filter((value, place) => place % 4 === 3 && value > 0).length;
    return canvases.reduce((sum, [, data]) => sum + drawn(data), 0);
}}"""
ORANGE = [0xE0, 0x86, 0x1A]  # of payment
# Where in the window the middle of all pixels of a colour is.
FIND_COLOUR = f"""(colour) => {{
    {GRAPH}
    for (const [canvas, data] of canvases) {{
        const found = [];
        for (let at = 0; at < data.length; at += 4) {{
            if (colour.every((value, part) => data[at + part] === value)) found.push(at / 4);
        }}
        if (!found.length) continue;
        const box = canvas.getBoundingClientRect();
        const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;
        const scale = box.width / canvas.width;
        const x = mean(found.map((at) => at % canvas.width));
        const y = mean(found.map((at) => Math.floor(at / canvas.width)));
        return [box.x + x * scale, box.y + y * scale];
    }}
    return null;
}}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    night = write_night(folder / "store", "2026-02-03", NIGHT)
    return write_report(open_run(night), folder / "report.html")


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    with open_file(browser, report) as opened:
        yield opened


def ranks(page: Page) -> list[int]:
    return [int(words) for words in page.locator("table.clusters td.rank").all_inner_texts()]


def choose(page: Page, label: str, value: str) -> None:
    page.locator("form.filter").get_by_label(label).select_option(value)


def open_cluster(page: Page, rank: int) -> None:
    page.locator("table.clusters tbody tr").nth(rank - 1).locator("a.id").click()
    page.wait_for_selector("#cluster h1")


def wait_for_pictures(page: Page) -> None:
    expect(page.locator("#cluster .chart svg")).to_have_count(3)
    for _ in range(50):  # the page's policy lets nobody wait by evaluating text
        if count_pixels(page):
            return
        page.wait_for_timeout(100)
    pytest.fail("the graph is not drawn")


def count_pixels(page: Page) -> int:
    found: int = page.evaluate(f"({COUNT_PIXELS})()")
    return found


def read_csv(download: Download) -> list[list[str]]:
    text = download.path().read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_list_is_there_at_once(page: Page) -> None:
    assert page.title() == f"Clusters of the night {NIGHT}"
    assert ranks(page) == [1, 2, 3]
    row = page.locator("table.clusters tbody tr").first
    for words in ("Likely one operation", "all 120 holders are members", "60 active", "2 of 4", "device"):
        assert words in row.inner_text()


def test_no_cell_of_the_list_runs_into_the_next(page: Page) -> None:
    wider = (
        """cells => cells.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.className)"""
    )
    cells = page.locator("table.clusters td")
    assert cells.count() > 30
    assert cells.evaluate_all(wider) == []


def test_what_a_cluster_asks_is_shown_as_text(page: Page) -> None:
    open_cluster(page, 2)
    section = page.get_by_role("region", name="What they ask")
    rows = section.locator("tbody tr")
    assert rows.count() == 10
    assert f"Tell me of <*>: {ATTACKS[0]}" in rows.first.inner_text()
    page.go_back()
    open_cluster(page, 1)
    assert page.get_by_role("region", name="What they ask").count() == 0


def test_the_list_is_filtered(page: Page) -> None:
    choose(page, "Explained", "yes")
    assert ranks(page) == [3]
    choose(page, "Explained", "no")
    assert ranks(page) == [1, 2]
    choose(page, "Family", "payment")
    assert ranks(page) == [1]
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("table.clusters tbody tr")).to_have_count(3)
    page.get_by_label("Least volume").fill("9000")
    assert ranks(page) == [1, 2]
    assert page.get_by_text("2 of 3 clusters shown").is_visible()
    page.get_by_label("Least volume").fill("")
    choose(page, "Decision", "none")
    assert ranks(page) == [1]
    choose(page, "Decision", "")
    page.get_by_label("Text").fill("CARD-2")
    assert ranks(page) == [1]
    page.get_by_label("Text").fill("nobody has this")
    assert ranks(page) == []


def test_the_list_is_sorted_by_its_heads(page: Page) -> None:
    head = page.get_by_role("columnheader", name="Accounts")
    head.get_by_role("button").click()
    assert ranks(page) == [1, 2, 3]
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").press("Enter")
    assert ranks(page) == [3, 2, 1]
    assert head.get_attribute("aria-sort") == "ascending"
    # What is not known comes last, whatever the direction.
    verified = page.get_by_role("columnheader", name="Verified").get_by_role("button")
    for _ in range(2):
        verified.click()
        assert ranks(page)[-1] == 2


def test_a_cluster_opens_and_the_back_button_leads_back(page: Page) -> None:
    choose(page, "Explained", "no")
    open_cluster(page, 1)
    assert page.url.endswith(f"#cluster={PLAIN}")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert page.locator("table.members tbody tr").count() == 50
    page.locator("#cluster").get_by_role("navigation", name="Pages of members").get_by_text("Next").click()
    assert page.locator("table.members tbody tr").first.inner_text().startswith("acct-050")
    page.go_back()
    page.wait_for_selector("#list:not([hidden])")
    assert ranks(page) == [1, 2]
    assert page.evaluate("document.activeElement.textContent") == PLAIN[:8]


def test_the_pictures_of_a_cluster_are_drawn_in_light_and_dark(page: Page) -> None:
    open_cluster(page, 1)
    for theme in ("light", "dark"):
        page.get_by_label("Theme").select_option(theme)
        wait_for_pictures(page)
        marks = page.locator("#cluster .chart svg").evaluate_all(
            "all => all.map((one) => one.querySelectorAll('path').length)"
        )
        assert min(marks) > 10
        assert count_pixels(page) > 1000


def test_a_node_of_the_graph_tells_what_it_shares(page: Page) -> None:
    open_cluster(page, 3)
    wait_for_pictures(page)
    page.locator(".graph").scroll_into_view_if_needed()
    card = page.evaluate(f"({FIND_COLOUR})({ORANGE})")
    page.mouse.click(*card)
    said = page.locator("#cluster figure [role=status]")
    said.get_by_text("payment_fingerprint card: 3 members in the picture").wait_for()
    assert {"ann", "bo", "cy"} <= set(said.inner_text().replace(",", "").split())
    before = count_pixels(page)
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(100)
    assert count_pixels(page) != before


def test_the_pictures_of_the_run_are_drawn_when_they_are_asked_for(page: Page) -> None:
    assert page.locator("#list .chart").count() == 0
    page.get_by_text("Pictures of the whole run").click()
    expect(page.locator("#list .chart svg")).to_have_count(3)


def test_an_address_leads_to_its_cluster(browser: Browser, report: Path) -> None:
    with open_file(browser, report, fragment=f"#cluster={SMALL}") as page:
        page.wait_for_selector("#cluster h1")
        text = page.locator("#cluster").inner_text()
        for words in ("Cleared by ann on 2026-02-03: a flat.", "dissolves", "History", "grew"):
            assert words in text


@pytest.mark.parametrize("fragment", ["#cluster=nobody", "#cluster=%E0%A4%A", "#constructor"])
def test_an_address_of_nothing_leads_to_the_list(browser: Browser, report: Path, fragment: str) -> None:
    with open_file(browser, report, fragment=fragment) as page:
        assert page.locator("#list h1").is_visible()


def test_attacks_stay_text(page: Page) -> None:
    assert ATTACKS[0] in page.locator("table.clusters tbody tr").nth(1).inner_text()
    open_cluster(page, 2)
    wait_for_pictures(page)
    shown = page.locator("#cluster").inner_text()
    for attack in (*ATTACKS[:9], "{{ 7 * 7 }}", "\\u202egpj.exe\\u2028\\x1b[31m", "__proto__"):
        assert attack in shown
    assert "\u202e" not in shown
    assert page.locator("#cluster img, #cluster script, #cluster [onerror]").count() == 0
    links = page.locator("#cluster a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)


@pytest.mark.parametrize(
    ("directive", "attempt"),
    [
        ("require-trusted-types-for", "make('script').text = 'ran = 1'"),
        ("require-trusted-types-for", "make('b').setAttribute('onclick', 'ran = 1')"),
        ("require-trusted-types-for", "document.body.innerHTML = '<b>x</b>'"),
        ("style-src-elem", "make('style').append('b {}')"),
        ("connect-src", "fetch('https://attack.invalid/').catch(() => null)"),
        ("img-src", "make('img').src = 'https://attack.invalid/'"),
        ("frame-src", "make('iframe').src = 'https://attack.invalid/'"),
    ],
)
def test_the_policy_stops_what_would_run_or_load(
    browser: Browser, report: Path, directive: str, attempt: str
) -> None:
    with open_file(browser, report, watched=False) as page:
        stopped = page.evaluate(
            f"""async () => {{
                const told = new Promise((tell) => {{
                    const say = (event) => tell(event.effectiveDirective);
                    document.addEventListener("securitypolicyviolation", say);
                    setTimeout(tell, 2000, "nothing was stopped");
                }});
                const make = (name) => document.body.appendChild(document.createElement(name));
                try {{ {attempt}; }} catch {{}}
                return told;
            }}"""
        )
        assert stopped == directive
        assert page.evaluate("typeof ran") == "undefined"


def test_saved_tables_hold_no_formulas_and_lose_nothing(page: Page) -> None:
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the list as CSV").click()
    listed = read_csv(saved.value)
    assert [row[1] for row in listed[1:]] == [PLAIN, HOSTILE, SMALL]
    open_cluster(page, 2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the members as CSV").click()
    rows = read_csv(saved.value)
    assert {len(row) for row in rows} == {12}
    assert not [cell for row in [*rows, *listed] for cell in row if cell.startswith(FORMULAS)]
    ids = [row[1].removeprefix("'") for row in rows[1:]]
    assert [one for one in ids if "cut from" not in one] == [one for one in ATTACKS if len(one) < 300]
    assert saved.value.suggested_filename == f"members-{HOSTILE[:8]}.csv"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 420])
def test_nothing_serious_keeps_anybody_out(browser: Browser, report: Path, scheme: str, width: int) -> None:
    with open_file(browser, report, color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        page.get_by_text("How to read this").click()
        check_accessible(page)
        open_cluster(page, 1)
        wait_for_pictures(page)
        check_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def check_accessible(page: Page) -> None:
    # axe does not get through the policy as a script of the page, but as the debugger's.
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in grave]


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector("#list h1")
    assert page.evaluate(paper) == dark


def test_everything_can_be_reached_with_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Save the list as CSV", "Accounts", "Decision", PLAIN[:8], HOSTILE[:8], SMALL[:8]} <= reached
