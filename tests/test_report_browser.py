"""The report's page in a browser: it opens with the network off, sorts, filters, and prints.

One Chromium for all tests, and a context for each way of looking at the page.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from monitor.report.page import render
from monitor.report.page.numbers import by_way
from tests.page_kit import HOSTILE, hostile_facts, huge_facts
from tests.report_kit import demo_facts

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AA = 4.5  # contrast of text, WCAG 2.2 success criterion 1.4.3

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "demo.html").write_bytes(render(demo_facts()))
    (folder / "hostile.html").write_bytes(render(hostile_facts(HOSTILE[0])))
    (folder / "long.html").write_bytes(render(hostile_facts(HOSTILE[5])))
    (folder / "huge.html").write_bytes(render(huge_facts(2_000, 0)))
    return folder


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    """Return what opens a page; in the end nobody has complained, and nothing but the page was asked for."""
    contexts, wanted, heard, asked = [], set(), [], []

    def open_(name: str = "demo", width: int = 1400, scheme: str = "light", **options: bool) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            offline=True,
            java_script_enabled=options.get("script", True),
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("requestfailed", lambda request: heard.append(request.url))
        page.on("request", lambda request: asked.append(request.url))
        url = (folder / f"{name}.html").as_uri()
        wanted.add(url)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert heard == []
    assert set(asked) == wanted


def column(page: Page, number: int) -> list[str]:
    """Return the texts of a column of the destinations, of the rows that are shown."""
    cells = page.locator(f"#destinations-table tbody tr:not([hidden]) > :nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_a_column_sorts_by_click_and_key(opened: Open) -> None:
    page = opened()
    header = page.locator("#destinations-table thead th").nth(5)
    button = header.get_by_role("button")
    first = column(page, 6)
    button.click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert column(page, 6) == sorted(first, key=int)
    button.focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert column(page, 6) == sorted(first, key=int, reverse=True)
    page.keyboard.press("Space")
    assert header.get_attribute("aria-sort") is None
    assert column(page, 6) == first


def test_text_sorts_as_text(opened: Open) -> None:
    page = opened()
    page.locator("#destinations-table thead th").nth(2).get_by_role("button").click()
    names = [text.split("\n")[0] for text in column(page, 3)]
    assert names == sorted(names)
    assert names[0] == "anthropic"


def test_rows_are_filtered_by_words_and_outcome(opened: Open) -> None:
    page = opened()
    said = page.locator("#destinations output")
    assert said.inner_text() == "21 of 21 rows"
    assert said.get_attribute("aria-live") == "polite"
    page.get_by_label("Filter").press_sequentially("MISTRAL crm")
    assert [text.split("\n")[0] for text in column(page, 3)] == ["mistral"]
    assert said.inner_text() == "1 of 21 rows"
    page.get_by_label("Filter").fill("")
    page.get_by_label("Outcome").select_option("violation")
    violations = [row for row in demo_facts().destinations if row.key.outcome == "violation"]
    assert len(column(page, 1)) == len(violations)
    assert said.inner_text() == f"{len(violations)} of 21 rows"
    page.get_by_label("Filter").fill("nothing is called that")
    assert column(page, 1) == []


def test_charts_are_drawn(opened: Open) -> None:
    page = opened()
    for name in ("coverage", "map", "flows", "timeline"):
        chart = page.locator(f"#{name} figure svg[role=img]")
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 600
        assert box["height"] > 100
    reached = {
        row.key.countries[0]
        for row in demo_facts().destinations
        if len(row.key.countries) == 1 and row.key.scope != "global"
    }
    rings = page.locator("#map svg .mark")
    assert rings.count() == len(reached)
    assert all((each.bounding_box() or {"width": 0})["width"] > 0 for each in rings.all())
    assert page.locator("#timeline svg .touch").count() == len(demo_facts().timeline.buckets)
    ways = by_way(demo_facts().destinations)
    groups, providers, places = ({row.names[column] for row in ways} for column in range(3))
    assert page.locator("#flows svg .box").count() == len(providers)
    assert page.locator("#flows svg .node").count() == len(groups) + len(places)


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("name", ["demo", "hostile", "long"])
def test_the_page_is_as_wide_as_its_window(opened: Open, name: str, width: int) -> None:
    page = opened(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title().endswith(" - residency report")


CONTRAST = """([selector]) => {
  const channels = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (text) => channels(text)
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(selector)].map((each) => {
    const ink = light(getComputedStyle(each).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
}"""
TEXTS = "p, h1, h2, td, th, small, .badge, .figures dd, figcaption, summary, main a, .contents a, .muted"
SIGN = "each => getComputedStyle(each, '::before').content[1]"
PAPER = "getComputedStyle(document.body).backgroundColor"


def test_dark_and_light_can_be_read_and_changed(opened: Open) -> None:
    papers = []
    for scheme in ("light", "dark"):
        page = opened(scheme=scheme)
        papers.append(page.evaluate(PAPER))
        ratios = page.evaluate(CONTRAST, [TEXTS])
        assert len(ratios) > 300
        assert min(ratios) >= AA
        assert page.evaluate(CONTRAST, ["body"])[0] > 12
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "true"
    ticked = button.evaluate(SIGN)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert (ticked, button.evaluate(SIGN)) == ("\u2611", "\u2610")
    assert page.evaluate(PAPER) == papers[0] != papers[1]
    button.click()
    assert page.evaluate(PAPER) == papers[1]
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") is None


def test_it_prints_in_full_in_light(opened: Open) -> None:
    page = opened(scheme="dark")
    page.get_by_label("Filter").fill("mistral")
    page.emulate_media(media="print")
    assert page.evaluate(PAPER) == "rgb(255, 255, 255)"
    assert not page.locator(".controls").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("#destinations-table tbody tr:visible").count() == 21
    printed = page.pdf(prefer_css_page_size=True)
    pages = re.findall(rb"/Type\s*/Page\b", printed)
    assert 5 < len(pages) < 40
    assert b"/Subtype /Image" not in printed  # hatches are lines, which can be enlarged
    assert len(printed) < 2_000_000
    assert re.search(rb"/MediaBox\s*\[\s*0 0 59[45](\.\d+)? 84[12](\.\d+)?\s*\]", printed)
    closed = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed > 4


def test_without_javascript_all_is_there_but_the_controls(opened: Open) -> None:
    page = opened(script=False)
    assert page.locator("#destinations-table tbody tr:visible").count() == 21
    assert page.locator("article.finding:visible").count() == 9
    assert page.locator(".controls").is_hidden()
    assert page.locator("#theme").is_hidden()
    assert page.locator("main button").count() == 0
    page.locator("#policy summary").click()
    assert "CRM data stays in the EEA" in page.locator("#policy pre").inner_text()


def test_hostile_text_is_shown_and_not_obeyed(opened: Open) -> None:
    page = opened("hostile")
    assert page.locator("h1").inner_text() == HOSTILE[0]
    assert page.locator("img").count() == 0
    page.get_by_label("Filter").fill("onerror=")
    assert len(column(page, 1)) == 21


def test_the_most_rows_still_sort_and_filter(opened: Open) -> None:
    page = opened("huge")
    page.locator("#destinations-table thead th").nth(4).get_by_role("button").click()
    last = page.locator("#destinations-table tbody tr").last
    assert last.locator("code").inner_text().startswith("endpoint-001999")
    page.get_by_label("Filter").fill("endpoint-0012")
    assert page.locator("#destinations output").inner_text() == "100 of 2,000 rows"


def test_the_keyboard_finds_its_way(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    outline = page.locator("#destinations-table thead button").first
    outline.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert outline.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
