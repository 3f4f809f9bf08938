"""Books appointments into a calendar in SQLite. Nothing is booked without a spoken yes, and nothing twice."""

import os
import sqlite3
from contextlib import closing
from datetime import date, datetime
from typing import Literal

from bridge.agents.agent import Agent
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.phone import hang_up, send_sms

TIMES = ("09:00", "10:00", "11:00", "14:00", "15:00", "16:00")
TABLE = "CREATE TABLE IF NOT EXISTS visits (day TEXT, time TEXT, name TEXT, phone TEXT, PRIMARY KEY (day, time))"


def calendar() -> sqlite3.Connection:
    """The calendar of the practice; made when it is not there."""
    found = sqlite3.connect(os.environ.get("CALENDAR_DB", "calendar.db"))
    found.execute(TABLE)
    return found


def today() -> date:
    """The day here."""
    return datetime.now().astimezone().date()


@tool(say="I am looking at the calendar.", idempotent=True)
def free_times(day: date) -> list[str] | str:
    """Which times are free on a day; work out the date from what the caller says. Call it before you offer a time."""
    if not 0 <= (day - today()).days <= 90 or day.weekday() > 4:
        return "We have appointments from Monday to Friday, for the next three months."
    with closing(calendar()) as db:
        taken = {row[0] for row in db.execute("SELECT time FROM visits WHERE day = ?", [day.isoformat()])}
    return [time for time in TIMES if time not in taken] or "Nothing is free on that day."


@tool(confirm="Shall I book this appointment for you?")
def book(day: date, time: Literal["09:00", "10:00", "11:00", "14:00", "15:00", "16:00"], name: str, call: Call) -> str:
    """Book an appointment, at a time that free_times says is free. Ask for the name first."""
    if not isinstance(free := free_times(day), list) or time not in free:
        return f"That time cannot be had. Free: {free}"
    with closing(calendar()) as db, db:
        done = db.execute("INSERT OR IGNORE INTO visits VALUES (?, ?, ?, ?)", [str(day), time, name, call.from_number])
    when = f"{day:%A, %d %B} at {time}"
    return f"Booked: {name}, {when}." if done.rowcount else "Somebody was faster: that time has just been taken."


agent = Agent(
    name="appointment",
    instructions="""You book appointments for a dentist. Today is {today}. Find out the day, offer at most three free
times, ask for the name, and book. If the caller wants that, send the appointment by text message. No advice on health.
When all is said, say goodbye and call hang_up.""",
    greeting="Dental practice Hill Street, hello. When would you like to come?",
    prepare=lambda call: {"today": f"{today():%A, %Y-%m-%d}"},
    tools=[free_times, book, send_sms, hang_up],
)
