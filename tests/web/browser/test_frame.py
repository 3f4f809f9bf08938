"""The frame of every page, used as people use it."""

from __future__ import annotations

import re
from collections.abc import Callable

from console_world import TOKEN, Console, Visit
from playwright.sync_api import Route, expect

from bridge.sim.script import DEMO

PageAt = Callable[..., Visit]


def test_the_theme_and_the_time_are_chosen_once_for_all_pages(page_at: PageAt) -> None:
    seen = page_at("/", theme="auto", color_scheme="light", timezone_id="Asia/Kathmandu")
    page = seen.page
    root = page.locator("html")
    background = "getComputedStyle(document.body.parentElement).backgroundColor"
    bright = page.evaluate(background)
    theme = page.get_by_role("button", name="theme, change")
    theme.click()
    expect(root).to_have_attribute("data-theme", "light")
    theme.click()
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) != bright
    started = page.locator("table time").first
    stamp = started.get_attribute("datetime") or ""
    local = started.inner_text()
    page.get_by_role("button", name="time, change").click()
    expect(started).to_have_text(f"{stamp[11:19]} UTC" if "-" not in local else f"{stamp[:10]} {stamp[11:19]} UTC")
    assert local != started.inner_text() and "UTC" not in local
    page.goto(seen.console.url + "/settings")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(root).to_have_attribute("data-time", "utc")
    assert seen.requests[-1].startswith(seen.console.url)


def test_the_keyboard_alone_is_enough(page_at: PageAt) -> None:
    page = page_at("/").page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name"))
    assert "All calls" in reached and "Watch live" in reached


def test_a_call_appears_while_one_looks(page_at: PageAt, new_house: Console) -> None:
    seen = page_at("/", house=new_house)
    page = seen.page
    expect(page.get_by_text("No call is going on.")).to_be_visible()
    call = new_house.run(new_house.world.ring(DEMO))
    expect(page.get_by_role("table")).to_contain_text("+14155550123", timeout=3_000)
    expect(page.locator("#pulse")).to_contain_text("1 active call")
    [live] = new_house.world.app.services.switchboard.live
    answer = page.request.post(f"{new_house.url}/api/v1/calls/{live.info.call_id}/hangup", data={})
    assert answer.status == 202
    new_house.run(call.ended())
    expect(page.get_by_text("No call is going on.")).to_be_visible(timeout=15_000)
    expect(page.locator("#pulse")).to_contain_text("0 active calls")
    expect(page.get_by_role("region", name="Latest calls")).to_contain_text("agent hung up", timeout=15_000)
    assert seen.violations == [] and seen.complaints == []


def test_a_page_goes_live_however_late_a_part_of_its_script_comes(page_at: PageAt, new_house: Console) -> None:
    page = page_at("/", house=new_house).page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/htmx-sse*", hold)
    page.goto(f"{new_house.url}/", wait_until="commit")
    expect(page.get_by_text("No call is going on.")).to_be_visible()
    page.wait_for_timeout(300)  # for whatever would begin without it
    with page.expect_request("**/updates?*"):
        [late] = held
        late.continue_()


def test_a_token_is_made_used_and_revoked(page_at: PageAt, guarded_house: Console) -> None:
    admin = page_at("/settings", house=guarded_house).page
    assert admin.url.endswith("/login?next=/settings")
    admin.get_by_label("Token").fill("a guess")
    admin.get_by_role("button", name="Log in").click()
    expect(admin.get_by_role("alert")).to_contain_text("This is no good token.")
    admin.get_by_label("Token").fill(TOKEN)
    admin.get_by_role("button", name="Log in").click()
    admin.goto(guarded_house.url + "/settings")
    admin.get_by_label("New token for").fill("Ada")
    admin.get_by_label("Role").select_option("operator")
    admin.get_by_role("button", name="Make").click()
    secret = admin.locator("#made").inner_text()
    assert re.fullmatch(r"cbt_[\w-]{40,}", secret)
    ada = page_at("/", house=guarded_house)
    ada.page.get_by_label("Token").fill(secret)
    ada.page.get_by_role("button", name="Log in").click()
    expect(ada.page.get_by_role("heading", name="Overview")).to_be_visible()
    admin.goto(guarded_house.url + "/settings")
    expect(admin.locator("body")).not_to_contain_text(secret)
    admin.get_by_role("button", name="Revoke").click()
    dialog = admin.get_by_role("dialog", name="Revoke Ada?")
    expect(dialog).to_be_visible()
    admin.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    admin.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(admin.get_by_role("status")).to_contain_text("The token Ada opens nothing any more")
    expect(admin.get_by_role("region", name="Tokens")).to_contain_text("revoked")
    ada.page.goto(guarded_house.url + "/settings")
    assert "/login" in ada.page.url, "her session went with the token"
    admin.get_by_role("button", name="log out").click()
    expect(admin.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_page_that_was_refused_its_stream_from_the_start_goes_there_too(
    page_at: PageAt, guarded_house: Console
) -> None:
    seen = page_at("/login", house=guarded_house)
    seen.page.route("**/updates?*", lambda route: (seen.page.context.clear_cookies(), route.continue_(headers={})))
    seen.page.get_by_label("Token").fill(TOKEN)
    with seen.page.expect_response("**/updates?*") as refused:
        seen.page.get_by_role("button", name="Log in").click()
    assert refused.value.status == 401
    expect(seen.page).to_have_url(re.compile("/login"), timeout=15_000)
    expect(seen.page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_page_whose_session_is_over_goes_to_the_log_in(page_at: PageAt, guarded_house: Console) -> None:
    seen = page_at("/", house=guarded_house)
    seen.page.get_by_label("Token").fill(TOKEN)
    seen.page.get_by_role("button", name="Log in").click()
    expect(seen.page.get_by_role("heading", name="Overview")).to_be_visible()
    cookies = seen.page.context.cookies()
    assert [c["httpOnly"] for c in cookies if c["name"] == "callbridge_session"] == [True]
    assert "callbridge_session" not in seen.page.evaluate("document.cookie")
    other = page_at("/login", house=guarded_house)
    other.page.context.add_cookies([{k: c[k] for k in ("name", "value", "domain", "path")} for c in cookies])  # type: ignore[misc]
    other.page.goto(guarded_house.url)
    other.page.get_by_role("button", name="log out").click()
    expect(seen.page).to_have_url(re.compile("/login"), timeout=15_000)
