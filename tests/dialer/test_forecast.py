"""The dry run: who, when, how long, what it costs, and nobody is called."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.dialer.forecast import Forecast, forecast
from bridge.dialer.importer import Intake, RowProblem, read_contacts
from bridge.dialer.rules import Rules
from bridge.dialer.windows import is_open

NOW = datetime(2026, 11, 27, 17, tzinfo=UTC).timestamp()
"""A Friday: noon in New York, 09:00 in Los Angeles, 07:00 in Honolulu."""
FILE = """phone,first name,timezone,not_before
+12125550111,Ada,,
+14155550112,Alan,,
+18085550113,Grace,,
+18085550114,Edsger,,
+14155550115,Barbara,,2026-11-30 12:00
+18005550199,Toll,,
+18005550198,Free,America/Chicago,
12125550111,Ada again,,
911,Police,,
+19005550123,Premium,,
+19005550124,Premium,,
"""


def of(folder: Path, rules: Rules, text: str = FILE, **more: object) -> Forecast:
    file = folder / "list.csv"
    file.write_text(text)
    rows = read_contacts(file, Intake(frozenset({"US"}), consent="customers")).rows
    return forecast(rows, rules, now=NOW, **more)  # type: ignore[arg-type]


def test_who_would_be_called_and_who_not(tmp_path: Path) -> None:
    problems: list[RowProblem] = []
    found = of(
        tmp_path,
        Rules(),
        greeting="Hello {first_name}, this is {{company}}.",
        do_not_call=frozenset({"+14155550112"}).__contains__,
        on_problem=problems.append,
    )
    assert (found.rows, found.valid, found.duplicates, found.do_not_call, found.dialable) == (11, 6, 1, 1, 5)
    assert found.invalid == {"premium": 2, "no_zone": 1, "emergency": 1}
    assert found.rows == found.valid + found.duplicates + sum(found.invalid.values())
    assert found.kinds == {"fixed_or_mobile": 5, "toll_free": 1}
    assert found.zones["Pacific/Honolulu"] == 2 and found.zones["America/Chicago"] == 1
    assert found.dialable_now == 2  # New York and Chicago; Los Angeles is on the list
    nine_in_honolulu = datetime(2026, 11, 27, 9, tzinfo=ZoneInfo("Pacific/Honolulu")).timestamp()
    noon_on_monday = datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    assert found.opens == [(nine_in_honolulu, 2), (noon_on_monday, 1)]
    assert found.previews[0].greeting == "Hello Ada, this is {company}."
    assert len(found.previews) == 3
    assert [row.line for row in problems] == [row.line for row in found.problems] == [7, 9, 10, 11, 12]
    assert json.loads(json.dumps(found.dump()))["dialable"] == 5


def test_nobody_at_all(tmp_path: Path) -> None:
    found = of(tmp_path, Rules(), "phone\n")
    assert found == Forecast()
    apart = of(tmp_path, Rules.read({"window": "00:00-00:01", "days": "sun"}))
    assert apart.dialable == apart.valid and apart.dialable_now == 0


def test_what_it_costs_lies_inside_the_budget(tmp_path: Path) -> None:
    rules = Rules.read({"price_minute_usd": 0.2, "max_minutes": 5})
    found = of(tmp_path, rules)
    assert found.cost_usd.low < found.cost_usd.likely < found.cost_usd.high < found.most_usd
    assert found.most_usd == pytest.approx(6 * 3 * 5 * 0.2)
    assert found.cost_usd.high == pytest.approx(found.minutes.high * 0.2, abs=0.05)
    capped = of(tmp_path, Rules.read({"price_minute_usd": 0.2, "max_minutes": 5, "budget_usd": 1}))
    assert (capped.cost_usd.high, capped.most_usd) == (1, 1)


def many(count: int) -> str:
    return "phone\n" + "".join(f"+1312555{n % 10_000:04}\n" for n in range(count))


def test_the_end_moves_with_lines_and_hours(tmp_path: Path) -> None:
    one, ten = (
        of(tmp_path, Rules.read({"concurrency": lines, "attempts": 1}), many(2000)).finish_at for lines in (1, 10)
    )
    assert one is not None and ten is not None
    # 2,000 calls of 56 s on one line are 31 hours of an 11-hour day; on ten lines an afternoon.
    assert 3 * 86_400 < one - NOW < 6 * 86_400
    assert 2.5 * 3600 < ten - NOW < 4 * 3600
    again = of(tmp_path, Rules.read({"concurrency": 10, "attempts": 3}), many(2000)).finish_at
    assert again is not None and 2.5 * 86_400 <= again - NOW < 4 * 86_400  # Friday, Saturday, Monday
    assert is_open(Rules().window, ["America/Chicago"], again - 60)
    assert of(tmp_path, Rules.read({"cps": 0.01, "days": "mon"}), many(9000)).finish_at is None


def test_the_last_call_of_one_person(tmp_path: Path) -> None:
    found = of(tmp_path, Rules.read({"attempts": 1}), "phone\n+18085550113\n")
    opens = datetime(2026, 11, 27, 9, tzinfo=ZoneInfo("Pacific/Honolulu")).timestamp()
    assert found.finish_at is not None and opens < found.finish_at < opens + 300
