"""The gate before a carrier: 200 numbers nobody may dial, by the dialer, by the transfer tool and by the API alike."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.call import events as ev
from bridge.config import Settings, load
from bridge.errors import AgentError, ConfigError, NumberRefused, ToolError, UsageError
from bridge.live.info import CallInfo, LiveCall
from bridge.numbers import Number, check_number, country_codes, one_plan, read_number
from bridge.tools.phone import Destination, check_destination, destination_gate

US = frozenset({"US"})
OURS = "+14155550100"
SAN_FRANCISCO = Number("+14155550123", "US", "fixed_or_mobile", ("America/Los_Angeles",))
EVERYWHERE = frozenset({"US", "CA", "GB", "DE", "FR", "IT", "JM", "DO", "AU"})
TOLL_FRAUD: dict[str, list[str]] = {
    "premium": [f"+1900555{line:04}" for line in range(100, 130)]
    + [f"+44909879{line:04}" for line in range(20)]
    + [f"+499001234{line:03}" for line in range(10)],
    "satellite": [f"+87077311{line:04}" for line in range(10)]
    + [f"+8816123{line:05}" for line in range(10)]
    + [f"+88213{line:06}" for line in range(10)]
    + [f"+883510000{line:06}" for line in range(5)],
    "country_not_allowed": [f"+1809555{line:04}" for line in range(100, 120)]
    + [f"+1876555{line:04}" for line in range(100, 120)]
    + [f"+3712000{line:04}" for line in range(5)]
    + [f"+25261234{line:04}" for line in range(5)],
    "personal": [f"+4470123{line:05}" for line in range(45000, 45005)],
    "short_code": ["72345", "22000", "40404", "611", "12345", "800100"],
    "emergency": ["911", "112", "999", "110", "000", "+1911", "+49112", "+44999"],
    "own_number": [OURS, "+1 415 555 0100", "(415) 555-0100", "tel:+1-415-555-0100"],
    "no_such_number": [f"+1999555{line:04}" for line in range(100, 110)]
    + [f"+1415155{line:04}" for line in range(100, 110)]
    + ["+441632960123", "+447700900123", "+4912"],
    "not_a_number": [
        "",
        "+",
        "call me",
        "1.4155E+10",
        "+1415555O123",
        "=1+1",
        "+1415555012300000000000",
        "\0",
        "5" * 900,
    ],
    "worldwide": ["+80012345678"],
    "uan": ["+443331234567"],
}


def why(text: str, countries: frozenset[str] | None = US, **more: str) -> str:
    with pytest.raises(NumberRefused) as refused:
        check_number(text, countries, (OURS,), **more)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 250
    return refused.value.why


def test_there_are_200_of_them() -> None:
    assert sum(map(len, TOLL_FRAUD.values())) >= 200


@pytest.mark.parametrize("reason", TOLL_FRAUD)
def test_nobody_dials_them(reason: str) -> None:
    found = {number: why(number, country="US") for number in TOLL_FRAUD[reason]}
    assert set(found.values()) == {reason}, found


@pytest.mark.parametrize("reason", TOLL_FRAUD)
def test_nobody_is_transferred_to_them_by_a_tool_or_by_the_api(reason: str) -> None:
    async def ask() -> list[ev.Event]:
        asked: list[ev.Event] = []
        gate = destination_gate(Settings(twilio_phone_number=OURS))
        info = CallInfo("call_1", "CA1", "inbound", "+14155550123", OURS, "Desk", 0.0)
        call = LiveCall(info, asked.append, asyncio.get_running_loop(), allowed=gate)
        for number in TOLL_FRAUD[reason]:
            with pytest.raises(ToolError):
                call.transfer(number)
            with pytest.raises(AgentError):  # what the admin API asks
                gate(number)
        call.transfer("+14155550177")
        await asyncio.sleep(0)
        return asked

    assert asyncio.run(ask()) == [ev.TransferAsked("+14155550177")]


def test_without_countries_nobody_is_dialled() -> None:
    assert why("+14155550123", frozenset()) == "country_not_allowed"
    with pytest.raises(NumberRefused, match="set BRIDGE_COUNTRIES=US"):
        check_number("+14155550123", frozenset())


def test_what_the_owner_wrote_down_may_be_anywhere_but_not_any_kind() -> None:
    london = "+442079460123"
    gate = destination_gate(Settings(twilio_phone_number=OURS))
    with pytest.raises(AgentError, match="is in GB, and only US"):
        gate(london)
    assert destination_gate(Settings(twilio_phone_number=OURS, countries=frozenset({"GB"})))(london) == london
    assert destination_gate(Settings())(london) == london
    written_down = check_destination(london)
    assert isinstance(written_down, Destination)

    async def transfer() -> list[ev.Event]:
        asked: list[ev.Event] = []
        info = CallInfo("call_1", "CA1", "inbound", "+14155550123", OURS, "Desk", 0.0)
        LiveCall(info, asked.append, asyncio.get_running_loop(), allowed=gate).transfer(written_down)
        await asyncio.sleep(0)
        return asked

    (asked,) = asyncio.run(transfer())
    assert isinstance(asked, ev.TransferAsked) and type(asked.to) is str
    with pytest.raises(AgentError, match="premium"):
        check_destination("+19005550123")
    assert check_destination("sip:desk@example.com") == "sip:desk@example.com"


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+14155550123", "", SAN_FRANCISCO),
        ("(415) 555-0123", "US", SAN_FRANCISCO),
        ("\u202a+1 415\u2011555\u20110123\u202c", "", SAN_FRANCISCO),
        ("\uff0b1\u00a0415.555.0123", "", SAN_FRANCISCO),
        ("tel:+1-800-555-0199", "", Number("+18005550199", "US", "toll_free", ())),
        ("020 7946 0123", "GB", Number("+442079460123", "GB", "fixed", ("Europe/London",))),
        ("+61491570156", "", None),
        ("0491 570 156", "AU", None),
    ],
)
def test_numbers_as_people_write_them(text: str, country: str, number: Number | None) -> None:
    found = read_number(text, country=country)
    if number is None:  # a mobile of a country with many zones may be in any of them
        assert found.kind == "mobile" and len(found.zones) > 3
    else:
        assert found == number


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"\+?[0-9 ()./-]{0,25}", fullmatch=True), st.sampled_from(["", "US", "DE"]))
def test_any_text_is_a_number_or_refused(text: str, country: str) -> None:
    try:
        found = check_number(text, EVERYWHERE, country=country)
    except NumberRefused as refused:
        assert refused.why
    else:
        assert found.country in EVERYWHERE and read_number(found.e164) == found


def test_one_way_of_writing() -> None:
    assert one_plan(frozenset({"US", "CA"})) == "US"
    assert one_plan(frozenset({"CA"})) == "CA"
    assert one_plan(frozenset({"US", "GB"})) == one_plan(frozenset()) == ""


def test_countries_are_codes() -> None:
    assert country_codes([" us", "Ca", ""]) == {"US", "CA"}
    with pytest.raises(UsageError, match="'UK' is no country; write GB"):
        country_codes(["UK"])


def test_the_setting(tmp_path: Path) -> None:
    found = load(None, {"BRIDGE_COUNTRIES": "us, ca"}, tmp_path)
    assert found.settings.countries == {"US", "CA"}
    (row,) = (row for row in found.rows() if row["name"] == "BRIDGE_COUNTRIES")
    assert (row["value"], row["source"]) == ("CA,US", "environment")
    (tmp_path / "callbridge.toml").write_text('countries = ["GB"]\n')
    assert load(None, {}, tmp_path).settings.countries == {"GB"}
    with pytest.raises(ConfigError, match=r"BRIDGE_COUNTRIES \(environment\): 'ENGLAND' is no country"):
        load(None, {"BRIDGE_COUNTRIES": "US,England"}, tmp_path)


def test_nobody_waits_for_the_numbering_plans_who_needs_none() -> None:
    code = "import sys, bridge.config; bridge.config.load(None, {}); assert 'phonenumbers' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
