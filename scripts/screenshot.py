"""A picture of the page of the conversation while the portrait speaks.

python -m scripts.screenshot -o page.png [--url http://127.0.0.1:8080] [--text TEXT]
    [--width 1440] [--height 900] [--light] [--after-s 1.5]

The server must be running, and Chromium installed.
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from scripts.browser_viewer import CHROMIUM, SOUND_AT_ONCE

TEXT = "Good morning. I was a photograph until a moment ago."


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A picture of the page.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--text", default=TEXT, help="what the portrait says meanwhile")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--light", action="store_true", help="the light colours")
    parser.add_argument("--after-s", type=float, default=1.5, help="into the speech")
    return parser.parse_args(arguments)


def take(options: argparse.Namespace) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", SOUND_AT_ONCE],
        )
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            color_scheme="light" if options.light else "dark",
        )
        page.goto(f"{options.url}/talk.html")
        page.wait_for_selector("body[data-phase=live] video.alive")
        if options.text:
            page.locator("label:has(#mode-say)").click()
            page.fill("#text", options.text)
            page.press("#text", "Enter")
            page.wait_for_selector("body[data-speaking]")
        page.wait_for_timeout(1000 * options.after_s)
        page.screenshot(path=options.output)
        browser.close()


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if not CHROMIUM.exists():
        print(f"{CHROMIUM} is missing: apt-get install chromium", file=sys.stderr)
        return 1
    try:
        take(options)
    except Error as error:
        reason = error.message.splitlines()[0]
        print(f"no picture of {options.url}: {reason}", file=sys.stderr)
        return 1
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
