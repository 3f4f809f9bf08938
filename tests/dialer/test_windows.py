"""Nobody is called outside their hours: for any zones, on any day that a clock jumps, at any minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType
from phonenumbers.tzdata import TIMEZONE_DATA

from bridge.dialer.windows import DAY_S, Window, closes_at, is_open, local_day, next_day, next_open
from bridge.numbers import read_number

MINUTE = 60.0
USUAL = Window()
ALWAYS = Window(0, 1440, frozenset(range(7)))
JUMPS = [
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 3, 8, 7, tzinfo=UTC)),
]
"""A zone and the instant at which it jumps: half an hour, a whole day, over midnight, or never."""
ZONES = sorted({zone for zones in TIMEZONE_DATA.values() for zone in zones if zone != "Etc/Unknown"})

windows = st.builds(
    lambda start, length, days: Window(start, min(start + length, 1440), frozenset(days)),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.sets(st.integers(0, 6), min_size=1),
)


def at(zone: str, *when: int) -> float:
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc, arg-type]


def told_by_the_wall(window: Window, zone: str, moment: float) -> bool:
    """The same question, asked the other way round: seconds since Greenwich's midnight, and the zone's offset."""
    offset = ZoneInfo(zone).utcoffset(datetime.fromtimestamp(moment, ZoneInfo(zone)))
    assert offset is not None
    days, seconds = divmod(moment + offset.total_seconds(), DAY_S)
    return (int(days) + 3) % 7 in window.days and window.start * 60 <= seconds < window.end * 60


@pytest.mark.parametrize(("zone", "jump"), JUMPS, ids=[f"{zone} {jump:%Y-%m}" for zone, jump in JUMPS])
@pytest.mark.parametrize("hours", [(0, 1440), (540, 1200), (90, 150), (60, 61), (1380, 1440)])
def test_every_minute_around_a_jump_is_what_the_wall_says(zone: str, jump: datetime, hours: tuple[int, int]) -> None:
    for days in (range(7), range(6), [jump.astimezone(ZoneInfo(zone)).weekday()]):
        window = Window(*hours, frozenset(days))
        for minutes in range(-180, 181):
            moment = jump.timestamp() + minutes * MINUTE
            assert is_open(window, [zone], moment) == told_by_the_wall(window, zone, moment)


@settings(max_examples=400, deadline=None)
@given(
    windows,
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True),
    st.sampled_from(JUMPS),
    st.integers(-3 * DAY_S, 3 * DAY_S),
)
def test_the_next_opening_is_inside_and_nothing_before_it_is(
    window: Window, zones: list[str], jump: tuple[str, datetime], off: int
) -> None:
    zones = [*zones, jump[0]]
    start = jump[1].timestamp() + off
    opening = next_open(window, zones, start)
    searched = start + 4 * DAY_S if opening is None else opening
    if opening is not None:
        assert all(told_by_the_wall(window, zone, opening) for zone in zones)
    # Every quarter of an hour up to it, and the last seconds.
    steps = [start + step * 900 for step in range(int((searched - start) // 900) + 1)] + [searched - 1]
    for moment in steps:
        if start <= moment < searched:
            assert not all(told_by_the_wall(window, zone, moment) for zone in zones)


@settings(max_examples=300, deadline=None)
@given(windows, st.sampled_from(JUMPS), st.integers(-2 * DAY_S, 2 * DAY_S))
def test_a_window_closes_when_it_says(window: Window, jump: tuple[str, datetime], off: int) -> None:
    zone = jump[0]
    opening = next_open(window, [zone], jump[1].timestamp() + off)
    assert opening is not None
    closing = closes_at(window, [zone], opening)
    if closing is None:
        assert (window.end - window.start, len(window.days)) == (1440, 7)
        return
    assert not told_by_the_wall(window, zone, closing)
    assert told_by_the_wall(window, zone, closing - 1)
    for step in range(int((closing - opening) // 900)):
        assert told_by_the_wall(window, zone, opening + step * 900)


@pytest.mark.parametrize(
    "zones", [[], ["Etc/Unknown"], ["Europe/London", "Etc/Unknown"], ["America"], ["../UTC"], [""]]
)
def test_a_zone_that_nobody_knows_is_never_open(zones: list[str]) -> None:
    moment = at("Europe/London", 2026, 11, 25, 12)
    assert not is_open(ALWAYS, zones, moment)
    assert next_open(ALWAYS, zones, moment) is None
    assert closes_at(ALWAYS, zones, moment) == moment


def test_who_may_be_in_two_places_is_called_when_both_are_open() -> None:
    coasts = ["America/New_York", "America/Los_Angeles"]
    evening = at("America/New_York", 2026, 11, 25, 20)
    assert next_open(USUAL, coasts, evening) == at("America/Los_Angeles", 2026, 11, 26, 9)
    assert closes_at(USUAL, coasts, at("America/Los_Angeles", 2026, 11, 26, 9)) == at(coasts[0], 2026, 11, 26, 20)
    assert next_open(USUAL, ["Pacific/Auckland", "Europe/London"], evening) is None


def test_a_weekly_hour_that_a_jump_left_out_comes_again_a_week_later() -> None:
    friday = Window(start=0, end=60, days=frozenset({4}))
    # The 30th of December 2011, a Friday, is in no calendar of Samoa.
    for day in (23, 28):
        after = at("Pacific/Apia", 2011, 12, day, 12)
        assert next_open(friday, ["Pacific/Apia"], after) == at("Pacific/Apia", 2012, 1, 6, 0)
    sunday = Window(start=120, end=180, days=frozenset({6}))
    after = at("America/New_York", 2026, 3, 1, 12)
    # On the 8th clocks go from two to three.
    assert next_open(sunday, ["America/New_York"], after) == at("America/New_York", 2026, 3, 15, 2)


def test_no_day_without_a_day() -> None:
    noon = at("Asia/Kathmandu", 2026, 11, 27, 12)
    assert next_open(Window(days=frozenset()), ["Asia/Kathmandu"], noon) is None
    assert next_open(USUAL, ["Asia/Kathmandu"], at("Asia/Kathmandu", 2026, 11, 29, 12)) == at(
        "Asia/Kathmandu", 2026, 11, 30, 9
    )


def test_the_next_day_is_a_later_date_everywhere() -> None:
    for zone, jump in JUMPS:
        moment = (jump - timedelta(hours=5)).timestamp()
        today = local_day(zone, moment)
        tomorrow = next_day([zone], moment)
        before, after = local_day(zone, tomorrow - 1), local_day(zone, tomorrow)
        assert today is not None and before == today and after is not None and after > today
    assert local_day("Etc/Unknown", 0) is None


def test_a_number_of_any_country_is_called_in_its_hours_or_never() -> None:
    never = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            number = read_number(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
            for _, jump in JUMPS:
                opening = next_open(USUAL, number.zones, jump.timestamp())
                never += opening is None
                if opening is not None:
                    assert number.zones and all(told_by_the_wall(USUAL, zone, opening) for zone in number.zones)
    assert never > 0  # toll-free, or of more zones than one day has hours for


def test_every_zone_that_a_number_can_have_is_known_here() -> None:
    assert len(ZONES) > 200
    assert [zone for zone in ZONES if local_day(zone, 0.0) is None] == []
