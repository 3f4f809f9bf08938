"""`/agents`: who talks, where it is written down, what is wrong with it, and what came of its calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

from guard_world import ADMIN, BROWSER, Admin, bearer, inside

from bridge.agents.agent import Agent
from bridge.agents.check import look_at
from bridge.agents.guardrails import Guardrail
from bridge.agents.library import load_agent
from bridge.agents.team import Routing
from bridge.sim.script import DEMO
from bridge.tools.phone import hang_up

SALES = Agent("Sales / West", instructions="You sell books.", handoff_description="For books.")
DESK = Agent(
    "Desk",
    instructions="You connect <b>callers</b>.",
    greeting="Hello.",
    handoffs=[SALES],
    tools=[hang_up],
    guardrails=[Guardrail(lambda words, call: False, name="no advice")],
)


async def page(world: Admin, path: str) -> str:
    answer = await world.http.get(path, headers=BROWSER | bearer(ADMIN))
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_team_is_shown_with_all_there_is_to_know(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = await page(world, "/agents")
        assert f'href="/agents/{quote(SALES.name, safe="/")}"' in text.replace("%2F", "/")
        assert "answers +14155550100" in text and "answers every other number" in text and "of the team of Desk" in text
        desk = await page(world, "/agents/Desk")
        assert "You connect &lt;b&gt;callers&lt;/b&gt;." in desk and "no advice" in desk
        assert "type server_vad, threshold 0.5" in desk or "type semantic_vad" in desk
        assert "hang_up" in desk and "transfer_to_sales_west" in desk and "/talk?agent=Desk" in desk
        west = await page(world, f"/agents/{quote(SALES.name)}")
        assert "/talk?agent" not in west, "nobody can ring who is only handed to"
        assert "It works alone" in west and "No greeting" in west and "It has no tools" in west
        assert "Nothing it says is checked" in west
        missing = await world.http.get("/agents/Nobody", headers=BROWSER | bearer(ADMIN))
        assert missing.status_code == 404 and "There is no such agent" in missing.text
        rows = (await world.http.get("/api/v1/agents", headers=bearer(ADMIN))).json()
        assert [row["name"] for row in rows["agents"]] == ["Reception", "Desk", "Sales / West"]
        one = (await world.http.get("/api/v1/agents/Desk", headers=bearer(ADMIN))).json()
        assert [tool["name"] for tool in one["tools"]] == ["hang_up", "transfer_to_sales_west"]
        assert (await world.http.get("/api/v1/agents/Nobody", headers=bearer(ADMIN))).status_code == 404

    other = Agent("Reception", instructions="Answer.")
    inside(tmp_path, story, agent=Routing({"+14155550100": DESK}, other))


def test_a_file_is_named_with_its_line_and_its_findings(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = "Shop"\nvoice = "marin"\ntransfer_to = "+14155550107"\ninstructions = "Sell things."\n')
    agent = load_agent(str(file))

    async def story(world: Admin) -> None:
        object.__setattr__(world.house.app.services.settings, "agent", str(file))  # what `serve FILE` sets
        text = await page(world, "/agents")
        assert f"{file}:1" in text and "1 warning" in text
        shop = await page(world, "/agents/Shop")
        assert "it can transfer a call but not end one" in shop and f"{file}:3" in shop
        file.unlink()
        await asyncio.sleep(0)
        assert look_at(str(file), agent).problems[0].level == "error", "the agent itself goes on"

    inside(tmp_path / "data", story, agent=agent)


def test_calls_and_tool_errors_of_a_week_are_counted(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        call = await world.house.ring(DEMO)
        await call.ended()
        await world.house.written()
        await asyncio.sleep(2)
        [row] = (await world.http.get("/api/v1/agents", headers=bearer(ADMIN))).json()["agents"]
        assert row["calls"] == 1 and row["tool_calls"] >= 2 and row["tool_errors"] == 0 and row["failed"] == 0
        assert "bridge/agents/examples/reception.py:" in row["place"]

    inside(tmp_path, story)


def test_an_agent_of_a_campaign_that_cannot_be_loaded_says_why_and_the_others_work(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    good = tmp_path / "good.toml"
    good.write_text('name = "Caller"\nvoice = "marin"\ngreeting = "Hello."\ninstructions = "Ask them."\n')

    async def story(world: Admin) -> None:
        desk = world.house.app.services.dialer.desk
        assert desk is not None
        await desk.office.create("spring", str(broken), {"consent": "customers"}, "tests")
        await desk.office.create("autumn", str(good), {"consent": "customers"}, "tests")
        text = await page(world, "/agents")
        assert "cannot be used" in text and "no_such_module" in text and "calls for spring" in text
        assert f"/talk?agent={quote(str(good))}" in text
        assert "calls for autumn" in text and f"{good}:1" in text and "answers calls" in text

    inside(tmp_path / "data", story)


def test_without_a_database_there_are_agents_and_no_figures(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        dialer = world.house.app.services.dialer
        db, dialer.db, dialer.trouble = dialer.db, None, "the database is on another planet"
        assert "on another planet" in await page(world, "/agents")
        assert "There are no figures" in await page(world, "/agents/reception")
        dialer.db = db

    inside(tmp_path, story)
