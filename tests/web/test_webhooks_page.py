"""`/webhooks`: endpoints, what they were told, and what the carrier told us, with both played again."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from door_client import SID, form, post, stream_path
from guard_world import ADMIN, BROWSER, Admin, bearer, inside

from bridge.notify.signature import new_secret
from bridge.store.audit import Audit
from bridge.store.webhooks import Event

LOCAL: dict[str, Any] = {"public_url": "http://127.0.0.1:1"}
TOKENS = re.compile(r"/twilio/[a-z]+/[A-Za-z0-9_-]{16,}")


async def page(world: Admin, path: str = "/webhooks") -> str:
    answer = await world.http.get(path, headers=BROWSER | bearer(ADMIN))
    assert answer.status_code == 200, answer.text
    return answer.text


async def api(world: Admin, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = await world.http.request(method, f"/api/v1/webhooks{path}", headers=bearer(ADMIN), **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_a_new_house_tells_nobody_and_was_asked_nothing(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        text = await page(world)
        assert "Nobody is told what happens." in text and "Nothing is told without an endpoint." in text
        assert "The carrier has not asked anything" in text and "11200" in text
        assert (await api(world, "GET", "/endpoints")) == {"endpoints": []}
        assert (await api(world, "GET", "/deliveries"))["deliveries"] == []
        await api(world, "GET", "/deliveries?state=perhaps", 400)
        dialer = world.house.app.services.dialer
        db, dialer.db = dialer.db, None
        assert "cannot be shown" in await page(world)
        await api(world, "GET", "/deliveries", 503)
        dialer.db = db

    inside(tmp_path, story)


def test_endpoints_are_made_tested_switched_and_deleted(tmp_path: Path) -> None:
    from receiver import receiver

    async def story(world: Admin) -> None:
        async with receiver() as there:
            await api(world, "POST", "/endpoints", 400, json={"url": "http://10.0.0.1/x"})
            await api(world, "POST", "/endpoints", 400, json={"url": there.url, "events": ["call.sung"]})
            await api(world, "POST", "/endpoints", 400, json={"url": there.url, "secret": "short"})
            made = await api(world, "POST", "/endpoints", 201, json={"url": there.url, "events": ["call.started"]})
            assert made["secret"].startswith("whsec_")
            shown = await page(world)
            assert there.url in shown and made["secret"] not in shown and "Nothing was told yet." in shown
            tested = await api(world, "POST", f"/endpoints/{made['id']}/test")
            assert tested["status"] == 200 and there.types() == ["webhook.test"]
            there.answer = lambda _: (500, {})
            await asyncio.sleep(0.5)
            world.house.app.services.courier.tell(Event("call.started", "call.started:x", 1.0, {"id": "x"}))
            await asyncio.sleep(1)
            [row] = (await api(world, "GET", "/deliveries"))["deliveries"]
            assert (row["state"], row["last_status"], row["attempts"]) == ("waiting", 500, 1)
            assert "HTTP 500" in await page(world)
            there.answer = lambda _: (200, {})
            await api(world, "POST", f"/deliveries/{row['id']}/resend", 202)
            await asyncio.sleep(1)
            assert (await api(world, "GET", "/deliveries?state=delivered"))["deliveries"][0]["id"] == row["id"]
            await api(world, "POST", "/deliveries/msg_none/resend", 503)
            await api(world, "PATCH", f"/endpoints/{made['id']}", json={"on": False})
            assert "switched off by admin" in await page(world)
            await api(world, "PATCH", f"/endpoints/{made['id']}", json={"on": True})
            await api(world, "DELETE", f"/endpoints/{made['id']}", 204)
            await api(world, "DELETE", f"/endpoints/{made['id']}", 404)
            entries = (await Audit(world.house.app.services.db).page(20, subject=made["id"])).entries
            assert [entry.what for entry in reversed(entries)] == [
                "webhook.create",
                "webhook.test",
                "webhook.off",
                "webhook.on",
                "webhook.delete",
            ]
            assert made["secret"] not in str(entries)

    inside(tmp_path, story, **LOCAL)


def test_people_do_the_same_by_forms(tmp_path: Path) -> None:
    from receiver import receiver

    async def story(world: Admin) -> None:
        async with receiver() as there:

            async def sent(path: str, **fields: str) -> str:
                answer = await world.http.post(
                    f"/webhooks{path}", data=fields, headers=BROWSER | bearer(ADMIN), follow_redirects=True
                )
                assert answer.status_code == 200, answer.text
                return answer.text

            assert "cannot be used" in await sent("/endpoints", url="ftp://x.example")
            text = await sent("/endpoints", url=there.url, **{"call.started": "1"})
            assert "shown this once" in text and "whsec_" in text
            endpoint = (await api(world, "GET", "/endpoints"))["endpoints"][0]
            assert endpoint["events"] == ["call.started"]
            assert "It took the test message" in await sent(f"/endpoints/{endpoint['id']}/test")
            assert "not told any more" in await sent(f"/endpoints/{endpoint['id']}/off")
            assert "told again" in await sent(f"/endpoints/{endpoint['id']}/on")
            assert "There is no such endpoint" in await sent("/endpoints/none/off")
            assert "Deleted" in await sent(f"/endpoints/{endpoint['id']}/delete")

    inside(tmp_path, story, **LOCAL)


def test_the_carriers_requests_are_shown_without_what_is_private_and_played_again(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        answer = await post(world.house, "/twilio/voice", form())
        token = stream_path(answer).rpartition("/")[2]
        forged = await post(world.house, "/twilio/voice", form(), **{"x-twilio-signature": "forged"})
        assert forged.status_code == 403
        text = await page(world)
        assert token not in text and "+14155550123" not in text.split('id="inbound-head"')[1]
        assert SID in text and "+1415...23" in text and "HTTP 403" in text
        assert not TOKENS.search(text)
        rows = (await api(world, "GET", "/inbound"))["requests"]
        assert [(row["signature"], row["status"], row["again"]) for row in rows] == [
            ("bad", 403, False),
            ("good", 200, True),
        ]
        assert "does not fit" in rows[0]["error"]
        again = await api(world, "POST", f"/inbound/{rows[1]['id']}/replay")
        assert (again["replay_of"], again["status"], again["signature"]) == (rows[1]["id"], 200, "good")
        assert len(world.house.app.services.switchboard.live) == 1, "the same call, not another one"
        await api(world, "POST", f"/inbound/{rows[0]['id']}/replay", 400)
        marked = await post(world.house, "/twilio/voice", form(), **{"x-callbridge-replay": "in_1"})
        assert marked.status_code == 200
        assert (await api(world, "GET", "/inbound"))["requests"][0]["replay_of"] == ""
        assert "replay" in await page(world)
        viewer = (await world.token("viewer"))["token"]
        refused = await world.http.post(
            f"/api/v1/webhooks/inbound/{rows[1]['id']}/replay", headers=bearer(viewer), json={}
        )
        assert refused.status_code == 403

    inside(tmp_path, story)


def test_the_ring_forgets_the_oldest(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        inspector = world.house.app.services.inspector
        for n in range(250):
            inspector.note(float(n), "POST", None, f"/twilio/after/secret-token-{n}", "unread", 413, 1)
        assert len(inspector.rows) == 200 and inspector.rows[0].at == 249.0
        assert {row.path for row in inspector.rows} == {"/twilio/after/..."}
        assert len(new_secret()) > 40

    inside(tmp_path, story)
