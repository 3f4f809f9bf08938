"""`/webhooks`: endpoints, what they were told, and what the carrier told us, with both played again."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

from door_client import SID, form, post, stream_path
from guard_world import ADMIN, BROWSER, Admin, bearer, cookie, inside

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
            await api(world, "POST", "/deliveries/msg_none/resend", 404)
            message = row["body"]
            shown = await page(world)
            assert '"type": "call.started"' in html.unescape(shown) and '"type": "call.started"' not in shown
            assert "call.started" in message and "goes out now, signed anew, under the same id" in shown
            await api(world, "PATCH", f"/endpoints/{made['id']}", json={"on": False})
            assert "switched off by admin" in await page(world)
            off = await api(world, "POST", f"/deliveries/{row['id']}/resend", 400)
            assert off["detail"] == "its endpoint is switched off: switch it on first"
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
        refused = await api(world, "POST", f"/inbound/{rows[0]['id']}/replay", 400)
        assert "the carrier did not sign it" in refused["detail"]
        await api(world, "POST", "/inbound/in_999/replay", 404)
        marked = await post(world.house, "/twilio/voice", form(), **{"x-callbridge-replay": "in_1"})
        assert marked.status_code == 200
        assert (await api(world, "GET", "/inbound"))["requests"][0]["replay_of"] == ""
        assert "played again" in await page(world)
        viewer = (await world.token("viewer"))["token"]
        refused = await world.http.post(
            f"/api/v1/webhooks/inbound/{rows[1]['id']}/replay", headers=bearer(viewer), json={}
        )
        assert refused.status_code == 403

    inside(tmp_path, story)


def test_nothing_that_is_played_again_begins_or_moves_a_call(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        switchboard = world.house.app.services.switchboard

        async def newest() -> dict[str, Any]:
            return dict((await api(world, "GET", "/inbound"))["requests"][0])

        switchboard.draining = True
        await post(world.house, "/twilio/voice", form(CallSid="CA" + "2" * 32))
        refused = await newest()
        switchboard.draining = False
        assert refused["again"] and "No call begins" in refused["effect"]
        assert (await api(world, "POST", f"/inbound/{refused['id']}/replay"))["status"] == 200
        assert switchboard.live == [], "there is room now, and nobody on the line any more"

        await post(world.house, "/twilio/voice", form())
        [session] = switchboard.live
        await post(world.house, session.after_path, form(CallStatus="in-progress"))
        asked = await newest()
        assert asked["path"] == "/twilio/after/..." and not asked["again"]
        assert "where somebody on the line goes" in asked["effect"]
        told = await api(world, "POST", f"/inbound/{asked['id']}/replay", 400)
        assert told["detail"] == "it is not played again: it decides where somebody on the line goes"
        await post(world.house, "/twilio/status", form(CallStatus="in-progress"))
        assert not (await newest())["again"]
        await post(world.house, "/twilio/status", form(CallStatus="completed"))
        await asyncio.sleep(1)
        assert switchboard.live == []
        over = await newest()
        assert over["again"] and "Nobody is called" in over["effect"]
        again = await api(world, "POST", f"/inbound/{over['id']}/replay")
        assert (again["status"], again["replay_of"]) == (204, over["id"])
        voice = [row for row in (await api(world, "GET", "/inbound"))["requests"] if row["path"] == "/twilio/voice"]
        await api(world, "POST", f"/inbound/{voice[0]['id']}/replay")
        assert switchboard.live == [] and len(world.house.app.services.folders.ids()) == 1
        entries = (await Audit(world.house.app.services.db).page(20, subject=over["id"])).entries
        assert [(entry.what, entry.after["status"]) for entry in entries] == [("webhook.replay", 204)]

    inside(tmp_path, story)


def test_what_is_a_key_is_not_shown(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        url = "https://hooks.example.com/x?key=a-key-of-theirs"
        made = await api(world, "POST", "/endpoints", 201, json={"url": url})
        assert made["url"] == "https://hooks.example.com/x?..."
        await post(world.house, "/twilio/stream", form(CallToken="a-token-of-twilio", Words="<b>hello</b>"))
        text = await page(world)
        answers = str(await api(world, "GET", "/inbound")) + str(await api(world, "GET", "/endpoints"))
        audit = str((await Audit(world.house.app.services.db).page(20)).entries)
        for secret in ("a-key-of-theirs", "a-token-of-twilio", made["secret"], "x-twilio-signature", "wilio-Signature"):
            assert secret not in text + answers + audit
        assert "(not shown)" in text and "&lt;b&gt;hello&lt;/b&gt;" in text and "<b>hello" not in text
        viewer = (await world.token("viewer"))["token"]
        seen = (await world.http.get("/webhooks", headers=BROWSER | bearer(viewer))).text
        assert "hooks.example.com" in seen and "Send test" not in seen and 'data-ask="ask-replay"' not in seen
        foreign = cookie(await world.session(ADMIN)) | BROWSER | {"sec-fetch-site": "cross-site"}
        refused = await world.http.post(f"/webhooks/endpoints/{made['id']}/delete", headers=foreign)
        assert refused.status_code == 403 and len((await api(world, "GET", "/endpoints"))["endpoints"]) == 1

    inside(tmp_path, story)


def test_the_ring_forgets_the_oldest(tmp_path: Path) -> None:
    async def story(world: Admin) -> None:
        inspector = world.house.app.services.inspector
        for n in range(250):
            with inspector.watching("POST", f"/twilio/after/secret-token-{n}") as seen:
                seen.status = 413
        assert len(inspector.rows) == 50 and inspector.rows[0].id == "in_250", "strangers have little room"
        assert {row.path for row in inspector.rows} == {"/twilio/after/..."}
        await post(world.house, "/twilio/stream", form())
        for _ in range(60):
            await post(world.house, "/twilio/stream", form(), **{"x-twilio-signature": "forged"})
        assert [row.signature for row in inspector.rows].count("good") == 1, "and push nobody out"
        for _ in range(220):
            await post(world.house, "/twilio/stream", form())
        assert len(inspector.rows) == 250 and (await page(world)).count("-fields") == 50

    inside(tmp_path, story)
