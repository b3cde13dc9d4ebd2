"""Makes the pictures of the report in ``docs/images`` from the demo capture: ``python -m tools.screenshots``.

It needs a Chromium. Fonts are the machine's, so that bytes differ from one machine to another.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from monitor import app, replaying
from monitor.report.page import render
from monitor.report.reading import Question, gather

ROOT = Path(__file__).parents[1]
CAPTURE, POLICY = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"
IMAGES = ROOT / "docs" / "images"
WIDTH = 1_180
TOP_HEIGHT = 790


def main() -> None:
    """Write the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.ExitStack() as start,
        sync_playwright() as playwright,
    ):
        demo = Path("demo-out")  # as it stands in the page
        start.enter_context(contextlib.chdir(folder))
        replaying.replay([CAPTURE], app.load_knowledge(POLICY), replaying.Reading(), demo)
        page = demo / "report.html"
        page.write_bytes(render(gather(Question((demo,)))))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            picture(browser, page.absolute(), scheme)
        browser.close()


def picture(browser: Browser, path: Path, scheme: str) -> None:
    """Write the top of the page, and who reached what."""
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        offline=True,
        viewport={"width": WIDTH, "height": TOP_HEIGHT},
    )
    page = context.new_page()
    page.goto(path.as_uri())
    page.screenshot(path=IMAGES / f"report-{scheme}.png")
    page.locator("section#flows").screenshot(path=IMAGES / f"report-flows-{scheme}.png")
    context.close()


if __name__ == "__main__":
    main()
