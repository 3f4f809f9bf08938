"""Each check of the set-up: when all is well, and how it fails, against a pretend carrier, model and proxy."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from check_world import ALL, CheckWorld, told
from crooked_proxy import answering, replacing, without
from house_world import ACCOUNT, NUMBER, TOKEN

from bridge.config import Settings
from bridge.errors import UsageError
from bridge.sim import loop
from bridge.sim.model import ModelOptions
from bridge.sim.twilio.owned import SimNumber
from bridge.sim.twilio.weather import RestFault
from bridge.store.database import Database
from bridge.store.number_book import NumberBook
from bridge.store.schema import CURRENT, Schema
from bridge.web.checks.check import Check, Result, look_at_all
from bridge.web.checks.registry import CHECKS, some_of
from bridge.web.checks.scene import Scene

MENDED = ("python", "data")
"""Whose result depends on the machine that tests run on."""


def spoilt(result: Result, level: str, *words: str) -> None:
    """It says what is wrong, why, and what to do."""
    assert result.level == level, result
    assert result.cause and result.fix, result
    for word in words:
        assert word in f"{result.detail} | {result.cause} | {result.fix} | {' '.join(result.env)}", result


def test_everything_is_well(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        await world.mend("webhook")
        scene = Scene.of(world.settings)
        findings = await look_at_all(CHECKS, scene)
        await scene.close()
        assert [one.check.id for one in findings] == ALL
        assert len(findings) == 15
        bad = [one for one in findings if one.result.level != "ok" and one.check.id not in MENDED]
        assert bad == []
        by_id = {one.check.id: one.result.detail for one in findings}
        assert "realtime session opened and closed in" in by_id["openai"]
        assert ACCOUNT in by_id["twilio"]
        assert "it is this callbridge" in by_id["public-url"]
        assert "`callbridge serve` runs there" in by_id["ports"]
        assert world.house.carrier.calls == {}
        assert TOKEN not in str(findings)

    told(tmp_path, story)


def test_each_is_told_with_its_time_and_none_holds_up_the_others() -> None:
    async def hangs(_: Scene) -> Result:
        await asyncio.sleep(60)
        return Result("ok", "never")

    async def breaks(_: Scene) -> Result:
        raise ZeroDivisionError("oh")

    async def passes(_: Scene) -> Result:
        return Result("ok", "fine")

    async def story() -> None:
        began = asyncio.get_running_loop().time()
        made = [Check(name, name, "needed", run) for name, run in (("h", hangs), ("b", breaks), ("p", passes))]
        slow, broken, good = await look_at_all(made, Scene.of(Settings()))
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0)
        spoilt(slow.result, "fail", "no answer within 5 s")
        spoilt(broken.result, "fail", "ZeroDivisionError: oh")
        assert good.result == Result("ok", "fine")

    loop.run(story())


def test_some_are_named_and_others_are_unknown() -> None:
    assert [check.id for check in some_of("clock, openai")] == ["openai", "clock"]
    assert some_of("") == CHECKS
    with pytest.raises(UsageError, match="there is no check 'net'; there are python, data, "):
        some_of("net,openai")


# ---- this machine


def test_python_without_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    async def story(world: CheckWorld) -> None:
        monkeypatch.setitem(sys.modules, "uvloop", None)
        spoilt(await world.check("python"), "warn", "without uvloop", 'pip install "callbridge[fast]"')
        monkeypatch.setitem(sys.modules, "audioop", None)
        spoilt(await world.check("python"), "fail", "audioop: ModuleNotFoundError", 'force-reinstall "audioop-lts"')
        monkeypatch.setattr("bridge.web.checks.machine.OLDEST", (4, 0))
        spoilt(await world.check("python"), "fail", "3.11 or newer")

    told(tmp_path, story)


def test_a_data_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: CheckWorld) -> None:
        (tmp_path / "file").write_text("not a folder")
        spoilt(await world.check("data", data=tmp_path / "file"), "fail", "Not a directory", "chown")
        assert (await world.check("data", data=tmp_path / "new" / "er")).level == "ok"
        assert not (tmp_path / "new").exists(), "a check makes nothing"
        monkeypatch.setattr("bridge.web.checks.machine.GOOD_BYTES", 10**18)
        spoilt(await world.check("data"), "warn", "GB free", "callbridge db purge")
        monkeypatch.setattr("bridge.web.checks.machine.LEAST_BYTES", 10**18)
        spoilt(await world.check("data"), "fail", "GB free")

    told(tmp_path, story)


def test_a_database_that_is_away_strange_or_older(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        assert "is made at the first start" in (await world.check("database", data=tmp_path / "empty")).detail
        away = "postgresql://bridge:secret@127.0.0.1:9/bridge"
        gone = await world.check("database", database_url=away)
        spoilt(gone, "fail", "127.0.0.1:9", "phones are answered all the same")
        assert "secret" not in str(gone)
        spoilt(await world.check("database", database_url="mysql://x"), "fail", "correct DATABASE_URL")
        (tmp_path / "no.db").write_text("this is no database, but a text that is long enough to be taken for one")
        spoilt(await world.check("database", database_url=f"sqlite:///{tmp_path}/no.db"), "fail", "no.db")
        scene = Scene(world.settings, world.house.app.services.carrier, trouble=lambda: "the dialer has none")
        spoilt(await world.check("database", scene), "fail", "the dialer has none")

        file = tmp_path / "older" / "callbridge.db"
        await world.mend("database", data=file.parent)
        with sqlite3.connect(file) as conn:
            conn.execute("UPDATE alembic_version SET version_num = '9999'")
        conn.close()
        spoilt(await world.check("database", data=file.parent), "fail", "9999", "a newer callbridge made it")

    told(tmp_path, story)


def test_an_older_database_is_brought_up(tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    steps.mkdir()
    shutil.copy(CURRENT.folders[0] / "r0001_first.py", steps)

    async def story(world: CheckWorld) -> None:
        db = await Database.open("", tmp_path / "older", schema=Schema(("0001",), (steps,)))
        await db.close()
        found = await world.check("database", data=tmp_path / "older")
        spoilt(found, "fail", "older", "callbridge db upgrade")
        assert found.fixable
        assert "from schema 0001" in await world.mend("database", data=tmp_path / "older")
        assert (await world.check("database", data=tmp_path / "older")).level == "ok"

    told(tmp_path, story)


def test_ports_that_another_program_has(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            other.settimeout(0.01)
            taken = await world.check("ports", port=port, admin_port=port)
            spoilt(taken, "fail", f"127.0.0.1:{port}: address already in use", "into .env")
            assert [line.partition("=")[0] for line in taken.env] == ["PORT", "BRIDGE_ADMIN_PORT"]
        assert "are free" in (await world.check("ports", port=port, admin_port=port)).detail

    told(tmp_path, story)


def test_no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: CheckWorld) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
        spoilt(await world.check("certificates"), "fail", "none.pem", "apt-get install ca-certificates")

    told(tmp_path, story)


def test_a_console_that_is_open_to_the_world(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        open_ = await world.check("admin", admin_host="0.0.0.0")  # noqa: S104 - that is what is wrong with it
        spoilt(open_, "fail", "BRIDGE_ADMIN_TOKEN=", "refuses to start")
        assert len(open_.env[0]) > 40
        spoilt(await world.check("admin", admin_token="short"), "warn", "5 characters")
        assert (await world.check("admin", admin_host="0.0.0.0", admin_token="t" * 20)).level == "ok"  # noqa: S104

    told(tmp_path, story)


# ---- the model


def test_a_model_that_will_not_have_us(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("openai", openai_api_key=""), "fail", "without a key", "platform.openai.com/api-keys")
        wrong = await world.check("openai", openai_api_key="sk-wrong-key-that-is-long-enough-f3Qx")
        spoilt(wrong, "fail", "sk-...f3Qx", "the key is wrong")
        assert "wrong-key" not in str(wrong)
        elsewhere = "wss://api.openai.com/v1/realtime"
        unset = await world.check("openai", openai_api_key="", realtime_url=elsewhere)
        spoilt(unset, "fail", "OPENAI_API_KEY is not set", "OPENAI_API_KEY=sk-...")
        spoilt(await world.check("openai", realtime_url="ws://127.0.0.1:9/v1"), "fail", "127.0.0.1:9", "sim model")

    told(tmp_path, story, model=ModelOptions(ears="energy", require_key="sk-tests"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuse:429", "no credit left"),
        ("refuse:404", "allow the model for the project"),
        ("late:30", "no answer within 5 s"),
        ("key", "the key is wrong"),
    ],
)
def test_a_model_that_opens_no_session(tmp_path: Path, fault: str, words: str) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("openai"), "fail", words)

    told(tmp_path, story, model=ModelOptions(ears="energy", faults=(fault,)))


# ---- the carrier


def test_wrong_and_missing_credentials(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        wrong = await world.check("twilio", twilio_auth_token="wrong")
        spoilt(wrong, "fail", "20003", "console.twilio.com")
        spoilt(await world.check("twilio", twilio_auth_token=""), "fail", "TWILIO_AUTH_TOKEN not set")
        spoilt(await world.check("twilio", twilio_account_sid=""), "fail", "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        key = {"twilio_api_key": "SK1", "twilio_api_secret": "s"}
        assert (await world.check("twilio", **key)).level == "ok"
        spoilt(await world.check("twilio", **key, twilio_auth_token="wrong"), "fail", "20003")
        spoilt(await world.check("twilio", **key, twilio_auth_token=""), "fail", "signed with the auth token")
        spoilt(await world.check("twilio", twilio_api_url="http://127.0.0.1:9"), "fail", "cannot be reached")
        for check_id in ("trial", "number", "webhook"):
            unseen = await world.check(check_id, twilio_auth_token="")
            assert (unseen.level, unseen.fix) == ("warn", "")
            assert "not looked at" in unseen.detail

    told(tmp_path, story, carrier={"api_keys": (("SK1", "s"),)})


def test_a_suspended_account(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("twilio"), "fail", "is suspended")

    told(tmp_path, story, carrier={"account_status": "suspended"})


def test_a_trial_account_names_the_numbers_it_may_call(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("trial"), "warn", "it may call +14155550123", "verify a number")

    told(tmp_path, story, carrier={"trial": True, "verified": ("+14155550123",)})


def test_a_number_that_is_not_ours_or_takes_no_calls(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        foreign = await world.check("number", twilio_phone_number="+14155550177")
        spoilt(foreign, "fail", "+14155550177 is not the account's", f"TWILIO_PHONE_NUMBER={NUMBER}")
        spoilt(await world.check("number", twilio_phone_number="+14155550101"), "fail", "takes no calls", "buy one")
        unset = await world.check("number", twilio_phone_number="")
        spoilt(unset, "warn", "is not set")
        assert unset.env == (f"TWILIO_PHONE_NUMBER={NUMBER}",)
        world.house.carrier.owned.clear()
        spoilt(await world.check("number", twilio_phone_number=""), "fail", "owns no number")
        world.house.carrier.rest_faults.append(RestFault(500))
        assert "not looked at" in (await world.check("number")).detail

    told(tmp_path, story)


def test_a_number_that_points_elsewhere_is_pointed_here(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.number.voice_url = "https://old.example.com/voice"
        elsewhere = await world.check("webhook")
        spoilt(elsewhere, "fail", "VoiceUrl = https://old.example.com/voice", f"callbridge numbers attach {NUMBER}")
        assert elsewhere.fixable
        assert "before: https://old.example.com/voice" in await world.mend("webhook")
        assert (await world.check("webhook")).level == "ok"
        assert NumberBook(tmp_path).all()[NUMBER].before["voice_url"] == "https://old.example.com/voice"
        world.number.voice_method = "GET"
        spoilt(await world.check("webhook"), "fail", "asked by GET")
        world.number.voice_method = "POST"
        world.number.status_callback = ""
        spoilt(await world.check("webhook"), "warn", "status callback = nobody")
        await world.mend("webhook")
        world.number.voice_fallback_url = f"{world.proxy.url}/other"
        spoilt(await world.check("webhook"), "warn", "neither can its fallback")
        world.number.trunk_sid = "TK" + "0" * 32
        spoilt(await world.check("webhook"), "fail", "has the trunk TK000")
        assert "is not the account's" in (await world.check("webhook", twilio_phone_number="+14155550177")).detail

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("off_s", "level", "words"), [(-5.0, "warn", "behind"), (5.0, "warn", "ahead of"), (90.0, "fail", "timedatectl")]
)
def test_a_clock_that_is_wrong(tmp_path: Path, off_s: float, level: str, words: str) -> None:
    async def story(world: CheckWorld) -> None:
        scene = replace(Scene.of(world.settings), clock=lambda: time.time() + off_s)
        spoilt(await world.check("clock", scene), level, words)
        spoilt(await world.check("clock", twilio_api_url="http://127.0.0.1:9"), "warn", "does not tell the time")

    told(tmp_path, story)


# ---- the way in


def test_no_public_url_and_one_that_nobody_can_reach(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("public-url", public_url=""), "fail", "is not set", "callbridge dev --tunnel ngrok")
        for check_id in ("websocket", "signature"):
            assert "not tried" in (await world.check(check_id, public_url="")).detail
        loopback = await world.check("public-url", twilio_api_url="")
        spoilt(loopback, "fail", "this machine alone")
        dead = "http://127.0.0.1:9"
        spoilt(await world.check("public-url", public_url=dead), "fail", dead)
        spoilt(await world.check("websocket", public_url=dead), "fail", dead)
        assert "cannot be reached" in (await world.check("signature", public_url=dead)).detail
        lost = "https://nowhere.invalid"
        spoilt(await world.check("public-url", public_url=lost), "fail", "nowhere.invalid")

    told(tmp_path, story)


def test_a_tunnel_to_somebody_elses_callbridge(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        other = tmp_path / "another installation"
        spoilt(await world.check("public-url", data=other), "fail", "answered by another server", "BRIDGE_DATA")
        spoilt(await world.check("websocket", data=other), "fail", "answered by another server")
        world.proxy.mend = answering("200 OK", '{"status": "ok", "answer": "' + "0" * 64 + '"}')
        spoilt(await world.check("public-url"), "fail", "answered by another server")
        spoilt(await world.check("websocket"), "fail", "drops the upgrade")
        spoilt(await world.check("signature"), "fail", "HTTP 200", "another server")

    told(tmp_path / "data", story)


@pytest.mark.parametrize("names", [("upgrade", "connection"), ("upgrade",)])
def test_a_proxy_that_strips_the_upgrade(tmp_path: Path, names: tuple[str, ...]) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.mend = without(*names)
        assert (await world.check("public-url")).level == "ok"
        assert (await world.check("signature")).level == "ok"
        spoilt(await world.check("websocket"), "fail", "drops the upgrade of WebSockets", "proxy_set_header Upgrade")

    told(tmp_path, story)


def test_a_proxy_that_swallows_the_upgrade(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.swallow_upgrades = True
        spoilt(await world.check("websocket"), "fail", "no upgrade within 4 s", "be silent")

    told(tmp_path, story)


def test_a_tunnel_with_nobody_behind_it(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.mend = answering("502 Bad Gateway")
        spoilt(await world.check("public-url"), "fail", "502 in ", f"than port {world.house.port}")
        nobody = {"port": 9}
        spoilt(await world.check("public-url", **nobody), "fail", "nobody serves behind it", "callbridge serve")
        spoilt(await world.check("websocket", **nobody), "fail", "nobody serves behind")
        world.proxy.mend = answering("404 Not Found")
        spoilt(await world.check("public-url"), "fail", "404", "another server answers there")

    told(tmp_path, story)


def test_a_redirect_to_https(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.mend = answering("301 Moved Permanently", "", "Location: https://bridge.example.com/healthz")
        for check_id in ("public-url", "signature"):
            spoilt(await world.check(check_id), "fail", "it redirects to https://bridge.example.com", "into PUBLIC_URL")

    told(tmp_path, story)


def test_headers_of_a_proxy_change_no_signature(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.mend = replacing("Host: 127.0.0.1", "X-Forwarded-Proto: http\r\nHost: internal.example")
        for check_id in ("public-url", "websocket", "signature"):
            assert (await world.check(check_id)).level == "ok"

    told(tmp_path, story)


def test_a_server_that_has_another_scheme_or_host_for_its_own(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        wrong = await world.check("signature")
        path = "/twilio/check/..."
        computed, expected = f"https://bridge.example.com{path}", f"{world.proxy.url}{path}"
        spoilt(wrong, "fail", f"signed for {expected}, the server computed {computed}")
        spoilt(wrong, "fail", "was started with PUBLIC_URL=https://bridge.example.com")
        assert wrong.env == (f"PUBLIC_URL={world.proxy.url}",)
        assert (await world.check("public-url")).level == "ok"
        spoilt(await world.check("websocket"), "fail", "HTTP 403", "the check of signatures")

    async def run() -> None:
        from check_world import check_world

        async with check_world(tmp_path, public_url="https://bridge.example.com") as world:
            world.settings = replace(world.settings, public_url=world.proxy.url)
            await story(world)

    loop.run(run())


def test_a_proxy_that_changes_the_path_the_type_or_the_token(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        world.proxy.mend = replacing("/twilio/check/", "/twilio/check/%61")
        assert (await world.check("signature")).level == "fail"
        world.proxy.mend = replacing(" HTTP/1.1", "?from=proxy HTTP/1.1")
        spoilt(await world.check("signature"), "fail", "a proxy on the way changes the path")
        world.proxy.mend = replacing("application/x-www-form-urlencoded", "application/json")
        spoilt(await world.check("signature"), "fail", "changed the content type into application/json")
        world.proxy.mend = replacing("x", "x")
        spoilt(await world.check("signature", twilio_auth_token="other"), "fail", "has another TWILIO_AUTH_TOKEN")

    told(tmp_path, story)


def test_signatures_that_are_off(tmp_path: Path) -> None:
    async def story(world: CheckWorld) -> None:
        spoilt(await world.check("signature"), "warn", "signatures are off")
        assert (await world.check("websocket", twilio_auth_token="")).level == "ok"
        open_ = await world.check("signature", insecure_dev=False)
        spoilt(open_, "fail", "without a signature was answered with 200")

    told(tmp_path, story, insecure_dev=True)


def test_the_pretend_number_is_a_real_one() -> None:
    assert SimNumber(NUMBER).sid == SimNumber(NUMBER).sid != SimNumber("+14155550101").sid
