"""The report in a browser: it loads nothing, answers, fits a phone, and can be read by everyone."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from roomcal.analyze.response import smoothed_response, spatial_average
from roomcal.cli.main import cli
from roomcal.files.session_store import SessionStore
from roomcal.report.page import Page, Section, render_page

pytestmark = pytest.mark.browser

CHARTS = ("response", "speakers", "correction", "decay", "reflections", "step", "group-delay")
# Windows of 1/48 octave tile those of the page; the tool transforms for each width with bins of its
# own, one a hertz, which cut narrow windows a little elsewhere: not compared in the bass.
SMOOTHING_TOLERANCE_DB = 0.06
WIDE, NARROW = (1200, 900), (390, 844)


@pytest.fixture
def page(browser, report):
    browser.open(report)
    return browser


def chart(name):
    return f"roomcalCharts.find((c) => c.id === '{name}')"


def x_range(browser, name="response"):
    return browser.run(
        f"return {chart(name)}.drawn.map(({{u}}) => [u.scales.x.min, u.scales.x.max])"
    )


def ink(browser, name):
    """Give the pixels of a graph as text: another picture is another text."""
    return browser.run(f"return {chart(name)}.drawn[0].u.ctx.canvas.toDataURL()")


def find(browser, selector):
    return browser.driver.find_element("css selector", selector)


def settle(browser):
    """Wait until what was asked for is drawn."""
    browser.driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 20)));"
    )


def test_no_request_leaves_the_page_and_nothing_is_amiss(page):
    settle(page)
    messages = [
        json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")
    ]
    asked = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]

    assert asked  # the log is what it seems to be
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in asked) == 1  # the page itself
    assert page.driver.get_log("browser") == []


def test_every_graph_is_drawn_and_its_picture_hidden(page):
    assert page.run("return roomcalCharts.map((c) => c.id)") == list(CHARTS)
    shown = page.run(
        "return [...document.querySelectorAll('figure[id]')].map((f) => ["
        "f.querySelectorAll('canvas').length,"
        "getComputedStyle(f.querySelector('.static')).display])"
    )
    assert [n for n, _ in shown] == [2, 1, 1, 2, 2, 2, 2]  # panels of two speakers
    assert {display for _, display in shown} == {"none"}


def test_a_toggle_takes_a_curve_away_and_brings_it_back(page):
    settle(page)
    before = ink(page, "response")
    box = find(page, "#chart-response .toggles label:nth-of-type(2) input")

    box.click()
    settle(page)
    without = ink(page, "response")
    shown = page.run(
        f"return {chart('response')}.drawn[1].u.series.slice(1)"
        ".filter((s) => s.look.key === 'before').map((s) => s.show)"
    )
    box.click()
    settle(page)

    assert without != before
    assert not any(shown)  # also in the panel of the other speaker
    assert ink(page, "response") == before


def test_dragging_zooms_all_panels_and_a_double_click_shows_all_again(page):
    from selenium.webdriver import ActionChains

    over = find(page, "#chart-response .u-over")
    page.run("arguments[0].scrollIntoView({block: 'center'})", over)
    settle(page)
    mouse = ActionChains(page.driver)
    mouse.move_to_element_with_offset(over, -100, 0).click_and_hold().move_by_offset(200, 5)
    mouse.release().perform()
    settle(page)

    ranges = x_range(page)
    assert ranges[0] == ranges[1]
    assert 20.0 < ranges[0][0] < ranges[0][1] < 20000.0
    ActionChains(page.driver).double_click(over).perform()
    settle(page)
    assert x_range(page) == [[20, 20000], [20, 20000]]


def test_a_button_shows_the_bass(page):
    button = find(page, "#chart-response .views button:nth-of-type(2)")
    button.click()
    settle(page)

    assert x_range(page)[0] == [20, 300]
    assert button.get_attribute("aria-pressed") == "true"


def test_the_cursor_reads_the_values(page):
    from selenium.webdriver import ActionChains

    over = find(page, "#chart-response .u-over")
    page.run("arguments[0].scrollIntoView({block: 'center'})", over)
    ActionChains(page.driver).move_to_element(over).perform()
    settle(page)

    for number in (1, 2):  # the panels share their cursor
        text = find(page, f"#chart-response .panel:nth-of-type({number}) .readout").text
        assert "Hz:" in text
        assert all(word in text for word in ("Before", "Predicted", "Verified", "dB"))


def test_the_keyboard_reads_and_zooms(page):
    from selenium.webdriver import Keys

    stage = find(page, "#chart-response .stage")
    page.run("arguments[0].focus()", stage)
    stage.send_keys(Keys.HOME)
    settle(page)
    spoken = [page.run("return document.querySelector('[role=status]').textContent")]
    stage.send_keys(Keys.ARROW_RIGHT)
    settle(page)
    spoken.append(page.run("return document.querySelector('[role=status]').textContent"))
    stage.send_keys("+")
    settle(page)
    zoomed = x_range(page)[0]
    stage.send_keys("0")
    settle(page)

    assert spoken[0].startswith("L, 20 Hz: ")
    assert spoken[1] != spoken[0]
    assert zoomed[1] < 20000.0
    assert x_range(page)[0] == [20, 20000]


def test_the_page_smooths_as_the_tool_does(page, studio):
    responses = SessionStore.open(studio, "before").load_responses("L")
    for smoothing in (6, 3):
        find(page, f"#chart-response select option[value='{smoothing}']").click()
        settle(page)
        x, level = page.run(
            f"const u = {chart('response')}.drawn[0].u;"
            "const i = u.series.findIndex((s) => s.kind === 'mean' && s.look.key === 'before');"
            "return [u.data[0], u.data[i]]"
        )
        curves = [smoothed_response(r, smoothing=smoothing) for r in responses]
        expected = spatial_average(curves).mean
        inside = (expected.f_hz > 100.0) & (expected.f_hz < 15000.0)

        difference = np.interp(expected.f_hz, x, level) - expected.level_db
        difference = difference[inside] - np.mean(difference[inside])  # the level of the target
        assert np.abs(difference).max() < SMOOTHING_TOLERANCE_DB


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everyone_can_read_it(browser, report, axe, size, dark):
    browser.open(report, size=size, dark=dark)
    settle(browser)

    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    assert axe(browser) == []


def test_clauses_fit_a_phone_and_the_keyboard_reaches_them(browser, report):
    browser.open(report, size=NARROW)
    settle(browser)
    regions = browser.run(
        "return [...document.querySelectorAll('table')].filter((t) => t.querySelector('td .mark')"
        " || t.caption.textContent === 'Clauses of standards')"
        ".map((t) => t.parentElement).map((r) => [r.scrollWidth - r.clientWidth, r.tabIndex,"
        " r.getAttribute('aria-label'), r.querySelectorAll('tbody th[scope=row]').length])"
    )

    assert len(regions) == 4  # the count, and one a standard
    assert all(beyond <= 0 for beyond, _, _, _ in regions)
    assert {index for _, index, _, _ in regions} == {0}
    assert all(label for _, _, label, _ in regions)
    assert sum(n for _, _, _, n in regions) > 20
    browser.open(report, media="print")
    assert browser.run(
        "return [...document.querySelectorAll('td .mark')].every((m) => m.offsetHeight > 0)"
    )


def test_colours_follow_the_screen_until_the_reader_chooses(browser, report):
    def ground():
        return browser.run("return getComputedStyle(document.body).backgroundColor")

    browser.open(report, dark=True)
    assert ground() == "rgb(21, 24, 28)"
    settle(browser)
    dark = ink(browser, "response")
    button = find(browser, "button.theme")
    button.click()  # from auto to light
    settle(browser)
    assert ground() == "rgb(255, 255, 255)"
    assert ink(browser, "response") != dark
    button.click()
    assert ground() == "rgb(21, 24, 28)"
    button.click()
    assert button.text == "Colours: auto"


def test_paper_is_light_and_has_the_pictures(browser, report):
    browser.open(report, dark=True, media="print")

    assert browser.run("return getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )
    assert browser.run(
        "return [...document.querySelectorAll('figure[id]')].map((f) => ["
        "getComputedStyle(f.querySelector('.live')).display,"
        "getComputedStyle(f.querySelector('.static')).display])"
    ) == [["none", "block"]] * len(CHARTS)


def test_without_scripts_the_pictures_stand_in_their_place(browser, report):
    browser.open(report, scripts=False)
    pictures = browser.driver.find_elements("css selector", "figure[id] svg.picture")

    assert len(pictures) == len(CHARTS)
    assert all(picture.is_displayed() for picture in pictures)


def test_hostile_text_does_not_run(browser, tmp_path):
    hostile = '"><img src=x onerror="document.title=1"><script>document.title=1</script>'
    path = tmp_path / "hostile.html"
    path.write_text(
        render_page(Page(hostile, hostile, sections=(Section(hostile, hostile),))), encoding="utf-8"
    )
    browser.open(path)

    assert browser.driver.title == hostile


def test_a_comparison_can_be_read_by_everyone_too(browser, studio, axe):
    path = studio / "change.html"
    done = CliRunner().invoke(
        cli, ["-C", str(studio), "compare", "before", "after", "-o", str(path), "--force"]
    )
    assert done.exit_code == 0, done.output
    browser.open(path, size=NARROW, dark=True)
    settle(browser)

    assert browser.run("return roomcalCharts.map((c) => c.id)") == [
        "difference",
        "response",
        "decay",
    ]
    assert browser.run("return document.documentElement.scrollWidth") <= NARROW[0]
    assert axe(browser) == []
    assert browser.driver.get_log("browser") == []
