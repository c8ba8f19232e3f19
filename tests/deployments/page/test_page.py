"""The page in a real Chromium, before a service that follows a script."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.responses import HTMLResponse, JSONResponse, Response

from schemas import Code, Evidence, Question
from tests.deployments.page.conftest import PATIENCE_MS
from tests.deployments.page.scripted import Script, problem
from tests.deployments.page.story import (
    CODES,
    EXAMPLE,
    IR_,
    PROMPT,
    QUESTION,
    SHORT,
    VERDICT,
    events,
    response,
    verified,
)

pytestmark = pytest.mark.browser


def ask(page: Page, prompt: str = PROMPT, examples: str = EXAMPLE) -> None:
    page.get_by_role("textbox", name="Request").fill(prompt)
    page.get_by_label("Examples").fill(examples)
    page.get_by_role("button", name="Lift").click()


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=re.compile(name))


def stage(page: Page, name: str) -> Locator:
    return part(page, "Stages").get_by_role("listitem").filter(has_text=name)


def told_until(script: Script, name: str, times: int = 1) -> int:
    """How many events there are up to one of a name."""
    places = [number for number, (told, _) in enumerate(script.events, 1) if told == name]
    return places[times - 1]


def test_a_request_becomes_a_verdict_with_code_evidence_and_costs(page: Page, script: Script) -> None:
    page.get_by_label("Variations").fill("4")
    ask(page, examples=f"{EXAMPLE}\n\n  median([5]) == 5 ")
    expect(part(page, "Verdict")).to_contain_text("likely")
    expect(part(page, "Verdict")).to_contain_text("Your example holds, and one in three")
    expect(part(page, "Code, chosen from 4")).to_contain_text("ordered = sorted(numbers)")
    evidence = part(page, "Evidence")
    expect(evidence).to_contain_text("7 passed, 1 failed, 1 skipped")
    expect(evidence.get_by_role("listitem").filter(has_text="failed")).to_contain_text("Counterexample median([])")
    expect(evidence).to_contain_text("median([1, 2]) gives 1.5 with this code and 2 like it, 2 with 1 other.")
    expect(part(page, "Specification")).to_contain_text("def median(numbers: list[float]) -> float:")
    expect(part(page, "Time and tokens")).to_contain_text("Qwen/Qwen2.5-Coder-1.5B-Instruct")
    expect(part(page, "Time and tokens")).to_contain_text("At most $0.0023: 2.4 s of an engine at $3.43 an hour")
    expect(page.get_by_role("status")).to_contain_text("Verdict: likely.")
    assert script.asked == [{"prompt": PROMPT, "examples": [EXAMPLE, "median([5]) == 5"], "n": 4, "stream": True}]


def test_the_stages_tell_how_far_they_are_and_their_clock_runs(page: Page, script: Script) -> None:
    script.holds_after = told_until(script, "candidate.done", 2)
    ask(page)
    expect(stage(page, "Code")).to_contain_text("2 of at most 4")
    expect(stage(page, "Checks")).to_contain_text("waiting")
    expect(stage(page, "Specification")).to_contain_text(re.compile(r"\d\.\d s"))
    expect(stage(page, "Code")).to_contain_text(re.compile(r"\d\.[1-9] s"))
    expect(page.get_by_role("status")).to_have_text("The specification is written.")


def test_what_the_service_measured_stands_in_the_end(page: Page) -> None:
    ask(page)
    expect(stage(page, "Specification")).to_contain_text("1.4 s")
    expect(stage(page, "Code")).to_contain_text("1.0 s")
    expect(part(page, "Stages")).to_contain_text("2.6 s in all")


def test_a_specification_is_read_while_it_is_written(page: Page, script: Script) -> None:
    script.holds_after = told_until(script, "ir.delta", 2)
    ask(page)
    expect(part(page, "Specification")).to_contain_text('{"intent":{"summary":"Find the median')


def test_a_specification_that_is_written_anew_takes_the_first_one_s_place(page: Page, script: Script) -> None:
    accepted, *told = events(response())
    script.events = [accepted, ("ir.delta", {"text": '{"intent": void', "begins": True}), *told]
    script.holds_after = 4
    ask(page)
    expect(part(page, "Specification")).to_contain_text('{"intent":{"summary":"Find the median')
    expect(part(page, "Specification")).not_to_contain_text("void")


def test_a_later_wave_changes_the_verdict(page: Page, script: Script) -> None:
    first = [event for event in events(response(), CODES[:2]) if event[0] not in ("usage", "answer")]
    later = [event for event in events(verified()) if event[0] not in ("accepted", "ir.delta", "ir.done")]
    script.events = [*first, *later]
    script.holds_after = len(first)
    ask(page)
    expect(part(page, "Verdict so far")).to_contain_text("likely")
    page.get_by_role("button", name="Cancel").click()
    script.holds_after = None
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("Your example holds, and all variations agree")
    expect(part(page, "Evidence")).to_contain_text("7 passed")
    expect(part(page, "Evidence")).not_to_contain_text("failed")


def test_cancel_hangs_up_and_says_so(page: Page, script: Script) -> None:
    script.holds_after = 3
    ask(page)
    page.get_by_role("button", name="Cancel").click()
    assert script.hung_up.wait(PATIENCE_MS / 1000)
    expect(stage(page, "Specification")).to_contain_text("cancelled")
    assert script.cancelled.wait(PATIENCE_MS / 1000)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.get_by_text("The code comes here")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("Cancelled.")


def test_a_broken_connection_is_taken_up_where_it_broke(page: Page, script: Script) -> None:
    script.breaks_after = 5
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("likely")
    assert script.resumed == ["5"]
    assert len(script.asked) == 1
    draft = IR_.model_dump()["intent"]["summary"]
    expect(part(page, "Specification")).to_contain_text(draft)


@pytest.mark.parametrize("words", ["None", "raise IndexError"], ids=["an option", "other words"])
def test_the_answer_to_a_question_is_asked_with_the_specification(page: Page, script: Script, words: str) -> None:
    ask(page)
    question = part(page, "A question is open")
    expect(question).to_contain_text(QUESTION)
    script.events = events(verified())
    if words == "None":
        question.get_by_role("button", name=words).click()
    else:
        question.get_by_label("other words").fill(words)
        question.get_by_label("other words").press("Enter")
    expect(part(page, "Verdict")).to_contain_text("verified")
    expect(question).to_have_count(0)
    expect(page.locator("#results")).to_be_focused()
    again = script.asked[1]
    assert again["answers"] == [{"question": QUESTION, "answer": words}]
    assert again["ir"] == response().ir.model_dump(mode="json")
    assert again["prompt"] == PROMPT


def test_a_key_is_asked_for_and_kept_in_this_tab_only(page: Page, script: Script) -> None:
    script.refusals = [problem(401, "Not authenticated", detail) for detail in ("a key is needed", "it has expired")]
    ask(page)
    key = page.get_by_label("API key")
    expect(key).to_be_focused()
    key.fill("lift_0_old")
    key.press("Enter")
    expect(key).to_have_accessible_description(re.compile("it has expired"))
    expect(key).to_have_value("")
    key.fill("lift_0_secret")
    key.press("Enter")
    expect(part(page, "Verdict")).to_contain_text("likely")
    assert script.keys == [None, "Bearer lift_0_old", "Bearer lift_0_secret"]
    expect(key).to_be_hidden()
    stored: list[Any] = page.evaluate("[localStorage.length, document.cookie, sessionStorage['lift.key']]")
    assert stored == [0, "", "lift_0_secret"]
    page.reload()
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("likely")
    assert script.keys[-1] == "Bearer lift_0_secret"


SLOW = problem(429, "Too much work at once", "it is full")
PROXY = HTMLResponse("<h1>Bad gateway</h1>", 502)
FIELD = problem(422, "The request does not fit", "…", errors=[{"field": "examples.1", "message": "is no comparison"}])
TYPED = problem(504, "The time is over", "no answer within 9 s", type="/problems/deadline-passed")


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (SLOW, ["Too much work at once", "it is full", "Ask again in 7 seconds"]),
        (PROXY, ["Bad Gateway", "did not come from the service itself", "Ask again, or say it in other words"]),
        (FIELD, ["examples.1 is no comparison", "Change what is marked"]),
        (TYPED, ["no answer within 9 s", "fewer variations", "more about this"]),
    ],
    ids=["overloaded", "a proxy's page", "a field", "a type"],
)
def test_a_problem_says_what_to_do(page: Page, script: Script, refusal: Response, words: list[str]) -> None:
    script.refusals = [refusal]
    ask(page)
    alert = page.get_by_role("alert")
    for word in words:
        expect(alert).to_contain_text(word)
    alert.get_by_role("button", name="Ask again").click()
    expect(part(page, "Verdict")).to_contain_text("likely")
    expect(alert).to_have_count(0)


def test_a_wrong_field_is_marked_until_the_next_request(page: Page, script: Script) -> None:
    script.refusals = [FIELD]
    ask(page, examples="f(1) == 1\nf(2)")
    examples = page.get_by_label("Examples")
    expect(examples).to_have_attribute("aria-invalid", "true")
    expect(examples).to_be_focused()
    expect(examples).to_have_accessible_description("line 2: is no comparison")
    page.keyboard.press("Control+Enter")
    expect(part(page, "Verdict")).to_contain_text("likely")
    expect(examples).not_to_have_attribute("aria-invalid", "true")


def test_a_problem_in_the_stream_ends_the_stages(page: Page, script: Script) -> None:
    late = {"title": "The time is over", "status": 504, "detail": "no answer within 9 s", "errors": []}
    script.events = [*script.events[:4], ("problem", {"problem": late})]
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("no answer within 9 s")
    expect(stage(page, "Specification")).to_contain_text("stopped")


def test_an_answer_without_a_stream_is_shown_too(page: Page, script: Script) -> None:
    script.refusals = [JSONResponse(response().model_dump(mode="json"))]
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("likely")
    expect(part(page, "Code, chosen from 4")).to_contain_text("ordered = sorted(numbers)")


def test_a_service_out_of_reach_is_a_problem(page: Page) -> None:
    page.context.set_offline(True)
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text("could not be reached")


def test_variations_are_tabs_for_the_keyboard_too(page: Page) -> None:
    ask(page)
    code = part(page, "Code, chosen")
    tabs = code.get_by_role("tab")
    expect(tabs).to_have_text(["Chosen: 1, 3", "2", "4"])
    tabs.first.press("ArrowRight")
    expect(code.get_by_role("tabpanel")).to_contain_text("return statistics.median(numbers)")
    expect(tabs.nth(1)).to_be_focused()
    tabs.nth(1).press("End")
    expect(tabs.nth(2)).to_have_attribute("aria-selected", "true")
    tabs.nth(2).press("ArrowRight")
    expect(tabs.first).to_be_focused()


def test_the_specification_is_to_be_had_as_json(page: Page) -> None:
    ask(page)
    specification = part(page, "Specification")
    specification.get_by_role("tab", name="JSON").click()
    shown = specification.get_by_role("tabpanel").inner_text()
    assert json.loads(shown) == response().ir.model_dump(mode="json")


def test_the_source_is_coloured_and_copied_as_it_is(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page)
    code = part(page, "Code, chosen")
    expect(code.locator(".t-definition").first).to_have_text("median")
    expect(code.locator(".t-comment").first).to_have_text("# an odd count has one in the middle")
    code.get_by_role("button", name="Copy").click()
    expect(code.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == CODES[0].source


def test_an_earlier_answer_is_found_again_even_after_a_reload(page: Page, script: Script) -> None:
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("likely")
    script.events = events(verified())
    ask(page, prompt="the middle of them")
    earlier = part(page, "Earlier in this tab").get_by_role("button")
    expect(earlier).to_have_text(["the middle of themverified", f"{PROMPT}likely"])
    page.reload()
    earlier.nth(1).click()
    expect(part(page, "Verdict")).to_contain_text("likely")
    expect(part(page, "Code, chosen").get_by_role("tab")).to_have_text(["Chosen: 1, 3", "2", "4"])
    expect(page.get_by_role("textbox", name="Request")).to_have_value(PROMPT)
    assert len(script.asked) == 2


IMAGE = '<img src="x" onerror="window.hit = 1">'
SCRIPT = "</code></pre></script><script>window.hit = 1</script>"
TURNED = "\u202egnirts\u2066\x1b[31m"


def test_hostile_output_is_text_and_its_invisible_characters_are_seen(page: Page, script: Script) -> None:
    words = f"{IMAGE}{SCRIPT}{TURNED}"
    code = Code(function="median", imports=(), source=f'def median(x):  # {words}\n    return "{words}"\n')
    clause = Evidence(
        clause=words,
        kind="example",
        origin="user",
        outcome="failed",
        detail=words,
        counterexample=words,
        inputs_tried=1,
    )
    intent = IR_.intent.model_copy(update={"summary": words, "rationale": words})
    answer = response(
        code=code,
        ir=IR_.model_copy(update={"intent": intent}),
        verdict=VERDICT.model_copy(update={"reason": words, "evidence": (clause,)}),
        questions=(Question(question=words, options=(words, "0"), assumed=words),),
        model=words,
    )
    script.events = events(answer, (code, CODES[1]))
    ask(page, prompt=words)
    for name in ("Verdict", "A question is open", "Code, chosen", "Evidence", "Specification", "Time and tokens"):
        expect(part(page, name)).to_contain_text(IMAGE)
        expect(part(page, name)).to_contain_text(r"\u202egnirts\u2066\x1b[31m")
    expect(page.locator("main img, main script, main style")).to_have_count(0)
    assert page.evaluate("window.hit") is None
    shown: str = page.evaluate("document.querySelector('#results').textContent")
    assert not set(shown) & {"\u202e", "\u2066", "\x1b"}


def test_a_hostile_problem_is_text_and_links_nowhere(page: Page, script: Script) -> None:
    script.refusals = [problem(422, IMAGE, SCRIPT, type="javascript:window.hit=1")]
    ask(page)
    expect(page.get_by_role("alert")).to_contain_text(SCRIPT)
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(0)
    assert page.evaluate("window.hit") is None


def test_the_policy_refuses_what_would_be_run(browser: Browser, url: str) -> None:
    """The second wall, should a text ever become markup."""
    refused: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
        page.goto(url)
        page.evaluate("html => { document.querySelector('#results').innerHTML = html }", IMAGE)
        page.wait_for_function("document.querySelector('#results img').complete")
        assert page.evaluate("window.hit") is None
    assert refused


SIDEWAYS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def test_a_phone_needs_no_sideways_scrolling(page: Page, script: Script) -> None:
    long = response(model="m" * 200, code=Code(function="median", imports=(), source=f"{SHORT}\n# {'long ' * 60}\n"))
    script.events = events(long)
    page.set_viewport_size({"width": 360, "height": 740})
    ask(page, prompt="w" * 300)
    expect(part(page, "Earlier")).to_be_visible()
    wide, room = page.evaluate(SIDEWAYS)
    assert wide <= room == 360


RULES: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
"""All of axe's, and once more those to which a scheme matters."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_the_page_breaks_a_rule_of_accessibility(page: Page, script: Script, scheme: Any) -> None:
    def check() -> None:
        found = Axe().run(page, options=RULES[scheme])
        assert found.violations_count == 0, found.generate_report()

    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    check()
    script.refusals = [problem(401, "Not authenticated", "a key is needed"), FIELD]
    ask(page)
    page.get_by_label("API key").fill("key")
    check()
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("examples.1")
    check()
    script.holds_after = told_until(script, "clause.checked", 6)
    ask(page)
    expect(part(page, "Evidence")).to_contain_text("Counterexample")
    check()
    script.holds_after = None
    ask(page)
    expect(part(page, "Verdict")).to_contain_text("likely")
    check()


def test_dark_is_dark_and_still_is_still(page: Page, script: Script) -> None:
    script.holds_after = 3
    ask(page)
    paper = "getComputedStyle(document.body).backgroundColor"
    moves = "getComputedStyle(document.querySelector('.running'), '::before').animationName"
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    expect(stage(page, "Specification")).to_have_class("running")
    assert [page.evaluate(paper), page.evaluate(moves)] == ["rgb(245, 242, 234)", "flow"]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert [page.evaluate(paper), page.evaluate(moves)] == ["rgb(20, 23, 26)", "none"]


def test_who_uses_the_keyboard_sees_where_they_are(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the answer")).to_be_in_viewport()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    for _ in range(4):
        assert page.evaluate(outline) == "solid"
        page.keyboard.press("Tab")
