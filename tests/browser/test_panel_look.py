"""The panel as it is seen, in each of its states: found sound by axe-core, in both themes, at every width."""

from __future__ import annotations

import pytest

from tests.browser.panel_page import PanelPage
from tests.browser.panel_states import STATES

WIDTHS = (320, 480, 700, 1600)
SMALL = """() => [...document.querySelectorAll("button, a, input, select")].map((each) => {
  const box = (each.closest("label") ?? each).getBoundingClientRect();
  return { html: each.outerHTML, width: box.width, height: box.height, link: each.localName === "a" };
}).filter(({width, height, link}) => width && !link && (width < 24 || height < 24)).map(({html}) => html)"""
UNMARKED = """() => [...document.querySelectorAll("#cell :is(a, button, input, select, [tabindex])")]
  .filter((each) => each.dataset.lmSuppressShortcuts !== "true").map((each) => each.outerHTML)"""


@pytest.fixture(name="state", params=list(STATES))
def in_state(request, browser):
    """The panel in one of its states."""
    known, traits, come = STATES[request.param]
    panel = PanelPage.show(browser, known, **traits)
    come(panel)
    panel.page.mouse.move(0, 0)
    yield panel, request.param
    panel.page.close()
    assert not panel.said
    assert not [url for url in panel.asked if not url.startswith(("blob:", "data:"))]


def test_it_is_sound_in_both_themes_and_at_every_width(state, shot):
    panel, name = state
    for theme in ("light", "dark"):
        panel.theme(theme)
        wrong, right = panel.axe()
        assert not wrong
        assert right > 0
        for width in WIDTHS:
            panel.page.set_viewport_size({"width": width, "height": 800})
            assert panel.overflow() == 0
            shot(panel.page, f"panel-{name}-{theme}-{width}")
    panel.page.set_viewport_size({"width": 320, "height": 800})
    assert panel.axe()[0] == []
    assert panel.page.evaluate(SMALL) == []
    assert panel.page.evaluate(UNMARKED) == []


def test_a_broken_form_is_found(browser):
    panel = PanelPage.show(browser)
    panel.page.evaluate("() => { document.querySelector('[id$=-models]').removeAttribute('aria-label'); }")
    panel.page.evaluate("() => { document.querySelector('.xt-hint').style.color = 'silver'; }")
    wrong, _ = panel.axe()
    assert {finding.partition(":")[0] for finding in wrong} == {"button-name", "color-contrast"}
    panel.page.close()


def test_an_element_without_its_mark_is_found(browser):
    panel = PanelPage.show(browser)
    panel.page.evaluate("() => { document.querySelector('button').removeAttribute('data-lm-suppress-shortcuts'); }")
    assert len(panel.page.evaluate(UNMARKED)) == 1
    panel.page.close()


def test_nothing_turns_where_that_is_not_wanted(browser):
    panel = PanelPage.show(browser)
    STATES["form-testing"][2](panel)
    animation = "() => getComputedStyle(document.querySelector('.xt-mark-wait')).animationName"
    assert panel.page.evaluate(animation) == "none"
    panel.page.emulate_media(reduced_motion="no-preference")
    assert panel.page.evaluate(animation) != "none"
    panel.page.close()


@pytest.mark.parametrize("name", ["form", "list-awkward", "form-refused"])
def test_its_own_words_run_from_left_to_right_in_any_page(browser, shot, name):
    known, traits, come = STATES[name]
    panel = PanelPage.show(browser, known, rtl=True, width=320, **traits)
    come(panel)
    assert panel.overflow() == 0
    assert panel.axe()[0] == []
    shot(panel.page, f"panel-{name}-rtl")
    assert panel.page.locator(".xt-panel").evaluate("(each) => getComputedStyle(each).direction") == "ltr"
    panel.page.close()


def test_without_a_theme_it_has_the_colours_of_the_system(browser, shot):
    panel = PanelPage.show(browser)
    panel.page.evaluate("() => { document.getElementById('theme').textContent = ''; }")
    assert panel.axe()[0] == []
    for scheme in ("light", "dark"):
        panel.page.emulate_media(color_scheme=scheme, forced_colors="active")
        shot(panel.page, f"panel-system-{scheme}")
    panel.page.close()
