"""The pages in a real browser, served by a real daphne: live, narrow, by keyboard."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live.website import Website, browser, browser_path, log_in, website

pytestmark = [
    pytest.mark.skipif(browser_path() is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("browser"),
]
PAGES = ("", "latency/", "entries/halt/")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory, broker) -> Iterator[Website]:
    with website(tmp_path_factory.mktemp("web"), broker=broker) as running:
        yield running


@pytest.fixture(scope="module")
def crowd(site) -> None:
    """Rows with long names and long words."""
    site.scene(
        "p = make_closed_position(pnl_lamports=-12345678, symbol='AVERYLONGSYMBOLINDEED', mint='l')\n"
        "make_equity([20, 21, 20.5, 22])\n"
        "s = make_signal(status='REJECTED', code='STRATEGY_NEEDS_BUNDLES', text='word ' * 40)\n"
        "make_decision(s, code='STRATEGY_NEEDS_BUNDLES'); make_delivery(s)"
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium, site) -> Iterator[Page]:
    """A logged-in trader's page; what the browser complains about fails the test."""
    context = chromium.new_context(viewport=DESKTOP)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    log_in(page, site)
    yield page
    context.close()
    assert complaints == []


def live(page: Page) -> None:
    expect(page.locator("#live")).to_have_text("live")


def test_a_position_appears_and_moves_without_a_reload(page, site):
    live(page)
    page.evaluate("window.sameDocument = true")
    site.scene("make_leader(); make_position(symbol='FRESHCOIN'); live.publish('positions')")
    row = page.locator("#positions tr", has_text="FRESHCOIN")
    expect(row).to_be_visible(timeout=4_000)
    site.scene(
        "p = Position.objects.get(symbol='FRESHCOIN'); p.last_price_sol = p.entry_price_sol * 2\n"
        "p.peak_price_sol = p.last_price_sol; p.save(); live.publish('positions')"
    )
    expect(row).to_contain_text("+99.6\N{NO-BREAK SPACE}%", timeout=4_000)
    assert page.evaluate("window.sameDocument")


def test_a_lost_hint_costs_no_more_than_a_poll(page, site):
    live(page)
    site.scene("make_signal(symbol='QUIETCOIN')")
    expect(page.locator("#signals")).to_contain_text("QUIETCOIN", timeout=8_000)


def test_focus_survives_a_live_update(page, site):
    live(page)
    site.scene("make_position(symbol='KEPT'); live.publish('positions')")
    close = page.get_by_role("link", name="Close KEPT")
    close.focus()
    site.scene("make_position(symbol='LATER', mint='later'); live.publish('positions')")
    expect(page.locator("#positions")).to_contain_text("LATER", timeout=4_000)
    expect(close).to_be_focused()


def test_a_halt_is_confirmed_in_a_dialog_and_shown_at_once(page, site):
    page.get_by_role("link", name="Halt entries").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Halt entries").click()
    dialog.get_by_label("Reason").fill("fills look odd")
    dialog.get_by_role("button", name="Halt entries").click()
    expect(page.locator("#health")).to_contain_text("fills look odd")
    expect(page.get_by_role("link", name="Resume entries")).to_be_hidden()
    site.scene("make_trading_state(entries_halted=False); live.publish('health')")
    expect(page.get_by_role("link", name="Halt entries")).to_be_visible(timeout=8_000)


def test_a_signal_that_another_process_has_sent_shows_on_the_open_latency_page(page, site):
    page.goto(f"{site.url}/latency/")
    live(page)
    buys = page.locator("section", has=page.locator("#lane-buy"))
    expect(buys).to_contain_text("make journey")
    site.scene(
        "from trading import metrics; from trading.domain.values import Action\n"
        "metrics.observe_first_byte(Action.BUY, total_seconds=0.0514, waited_seconds=0.05)\n"
        "metrics.settle(); live.publish('signals')"
    )
    expect(buys).to_contain_text("Our own time of 1 signal,", timeout=8_000)
    expect(buys.locator(".gain")).to_contain_text("ms")
    page.reload()
    expect(buys).to_contain_text("Our own time of 1 signal,")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page, site):
    # Going live draws the panels once more, and would take the focus away with what it replaces.
    live(page)
    page.wait_for_timeout(500)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("viewport", [PHONE, {"width": 768, "height": 1024}, DESKTOP])
def test_no_page_scrolls_sideways(page, site, crowd, viewport):
    page.set_viewport_size(viewport)
    page.goto(f"{site.url}/")
    live(page)
    links = page.locator("#signals a, #closed a").evaluate_all("all => all.map(a => a.href)")
    for url in [*(f"{site.url}/{path}" for path in PAGES), links[0], links[-1]]:
        page.goto(url)
        assert page.evaluate(OVERFLOW) <= 0, url


def test_every_page_has_a_title_of_its_own_and_a_heading(page, site, crowd):
    page.reload()
    titles = []
    links = page.locator("#signals a, #closed a").evaluate_all("all => all.map(a => a.href)")
    for url in [*(f"{site.url}/{path}" for path in PAGES), links[0], links[-1]]:
        page.goto(url)
        titles.append(page.title())
        assert page.locator("h1, h2").count() >= 1
    assert len(set(titles)) == len(titles)


def test_a_reader_who_wants_no_motion_gets_none(chromium, site):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    log_in(page, site)
    page.evaluate("document.querySelector('.figure').classList.add('rose')")
    name = page.evaluate("getComputedStyle(document.querySelector('.figure')).animationName")
    assert name == "none"
    context.close()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_the_picture_of_a_price_fills_its_panel_and_no_two_words_of_it_collide(
    page, site, viewport
):
    site.scene(
        "from trading.services.ticks import *; from datetime import timedelta\n"
        "make_leader(); p = make_position(symbol='PICTURE', mint='picture')\n"
        "add_ticks([Tick(mint=p.mint, at=p.opened_at + timedelta(seconds=n), source='jupiter',"
        " price_sol=p.entry_price_sol) for n in range(1, 9)])"
        if viewport is DESKTOP
        else ""
    )
    page.set_viewport_size(viewport)
    page.goto(site.url)
    page.click("#positions >> text=PICTURE")
    panel, line = page.locator("#price-line"), page.locator("#price-line line.level").first
    expect(line).to_be_attached()
    margins = panel.bounding_box()["width"] - line.bounding_box()["width"]
    assert 0 < margins <= 140
    words = page.locator("#price-line text.axis").all()
    times = sorted(
        (box["x"], box["width"])
        for word in words
        if ":" in (word.text_content() or "") and (box := word.bounding_box())
    )
    assert len(times) >= 2
    for (x, width), (following, _) in pairwise(times):
        assert x + width < following
