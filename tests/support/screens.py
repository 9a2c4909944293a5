"""Label Studio's screens in a real browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.support.needs import need_chromium
from tests.support.waiting import HANG

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TILE = ".grid .lsf-choice"
ROW = ".names .lsf-choice"


@contextlib.contextmanager
def browser(url: str, email: str, password: str) -> Iterator[Page]:
    """A page of a fresh Chromium, logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=need_chromium(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(1000 * HANG)
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/user/login" not in address)
        yield page
        chromium.close()


def open_stream(page: Page, url: str, project_id: int, shown: str) -> None:
    """The next question of a project, as its annotators get it, once ``shown`` is there."""
    page.goto(f"{url}/projects/{project_id}/data?labeling=1")
    page.wait_for_selector(shown)
    page.wait_for_load_state("networkidle")


def press_until(page: Page, key: str, shown: str) -> None:
    """Press a key until ``shown`` is there: a page that is still loading loses keys."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    deadline = time.monotonic() + HANG
    while True:
        page.keyboard.press(key)
        try:
            page.locator(shown).first.wait_for(state="attached", timeout=5000)
        except PlaywrightTimeout:
            if time.monotonic() > deadline:
                raise
        else:
            return


FAINT = """least => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const linear = v => v <= .04045 * 255 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const ground = element => {
    const own = parse(getComputedStyle(element).backgroundColor), parent = element.parentElement;
    return over(own, own[3] === 1 || !parent ? [255, 255, 255, 1] : ground(parent));
  };
  const opacity = element => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
  const walker = document.createTreeWalker(document.querySelector('.reground'), NodeFilter.SHOW_TEXT);
  const faint = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.textContent.trim();
    if (!text || element.tagName === 'STYLE' || !element.checkVisibility()) continue;
    const back = ground(element), ink = parse(getComputedStyle(element).color);
    ink[3] *= opacity(element);
    const [a, b] = [light(over(ink, back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < least) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(1)}`);
  }
  return faint;
}"""
"""Texts of the labeling page whose contrast with what is behind them is too low, with the ratio (WCAG 2.2, 1.4.3)."""
MIN_CONTRAST = 4.5


def set_theme(page: Page, theme: str) -> None:
    """Light or Dark, as somebody chooses it on Label Studio's page."""
    page.evaluate("theme => localStorage.setItem('preferred-color-scheme', theme)", theme)


def faint_texts(page: Page) -> list[str]:
    """The texts on the labeling page that cannot be read well, once nothing moves or fades in any more."""
    page.wait_for_function("document.getAnimations().every(animation => animation.playState !== 'running')")
    return page.evaluate(FAINT, MIN_CONTRAST)
