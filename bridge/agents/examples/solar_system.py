"""A guide to the solar system. Its pictures are for screens: on a telephone each becomes a sentence."""

import os
from typing import Literal, get_args

from bridge.agents.agent import Agent
from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.http import HttpTool
from bridge.tools.phone import hang_up

Planet = Literal["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]
MILLION_KM = (57.9, 108.2, 149.6, 228.0, 778.5, 1432.0, 2867.0, 4515.0)
YEARS = (0.24, 0.62, 1.0, 1.88, 11.9, 29.4, 83.7, 163.7)
MOONS = ("no moon", "no moon", "the Moon", "Phobos and Deimos", "97 known moons, Ganymede the largest",
         "274 known moons, Titan the largest", "28 known moons, Titania the largest",
         "16 known moons, Triton the largest")  # fmt: skip
ORDER = get_args(Planet)


@tool(speak_after="never", idempotent=True)
def focus_planet(planet: Planet, call: Call) -> str:
    """Turn to a planet when the talk comes to it."""
    call.data["planet"] = planet
    return f"The talk is about {planet} now."


@tool(idempotent=True)
def show_orbit(planet: Planet) -> str:
    """How a planet goes around the sun."""
    far, years = MILLION_KM[ORDER.index(planet)], YEARS[ORDER.index(planet)]
    return f"{planet} is {far:g} million kilometres from the sun and goes around it in {years:g} years."


@tool(idempotent=True)
def show_moons(planet: Planet) -> str:
    """Which moons a planet has."""
    return f"{planet} has {MOONS[ORDER.index(planet)]}."


@tool(idempotent=True)
def display_data(title: str, names: list[str], values: list[float], unit: str = "") -> str:
    """Compare numbers, as a chart would: the largest first."""
    rows = sorted(zip(names, values, strict=False), key=lambda row: -row[1])
    return f"{title}: " + ", ".join(f"{name} {value:g} {unit}".strip() for name, value in rows)


iss = HttpTool(name="get_iss_position", url=os.environ.get("ISS_URL", "https://api.wheretheiss.at/v1/satellites/25544"),
               description="Where the International Space Station is right now: latitude and longitude in degrees.",
               pick=["latitude", "longitude"])  # fmt: skip
agent = Agent(
    name="solar_system",
    instructions="""You tell people about the solar system, lively and in short sentences. When a planet comes up, call
focus_planet. For orbits, moons, comparisons and the space station use your tools, and describe what a listener would
see. When they have heard enough, say goodbye and call hang_up.""",
    greeting="Welcome aboard. Which planet shall we fly to?",
    tools=[focus_planet, show_orbit, show_moons, display_data, iss, hang_up],
)
