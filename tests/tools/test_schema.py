"""A signature and a docstring become what the model reads, in the form of the OpenAI Agents SDK."""

import datetime
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.tools.base import Call
from bridge.tools.function import tool
from bridge.tools.strict import strict_schema


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where it goes."""

    street: str
    number: int | None = None


class Parcel(TypedDict):
    width: int
    to: Address


@dataclass
class Point:
    x: float
    y: float = 0.0


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: bool


class Shelf(BaseModel):
    label: str
    next: "Shelf | None" = None


ADDRESS = {
    "description": "Where it goes.",
    "properties": {
        "street": {"title": "Street", "type": "string"},
        "number": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Number"},
    },
    "required": ["street", "number"],
    "title": "Address",
    "type": "object",
    "additionalProperties": False,
}


def test_a_plain_function_in_full() -> None:
    @tool
    def get_hours(day: str, weeks_ahead: int = 0) -> str:
        """Opening hours for a day.

        Args:
            day: A weekday,
                such as Monday.
        """
        return day * weeks_ahead

    assert get_hours.definition() == {
        "type": "function",
        "name": "get_hours",
        "description": "Opening hours for a day.",
        "parameters": {
            "title": "get_hours_args",
            "type": "object",
            "properties": {
                "day": {"title": "Day", "type": "string", "description": "A weekday,\nsuch as Monday."},
                "weeks_ahead": {"title": "Weeks Ahead", "type": "integer", "default": 0},
            },
            "required": ["day", "weeks_ahead"],
            "additionalProperties": False,
        },
    }


def test_nothing_to_give_is_an_empty_object() -> None:
    @tool
    def now() -> str:
        """The time."""
        return ""

    assert now.parameters == {
        "title": "now_args",
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }


def google(first: int, second: float | None = None) -> None:
    """Do things.

    In more than one line.
    Args:
        first: The first.
        second (float): The second.
    Returns:
        Nothing.
    """


def numpy_style(first: int, second: float | None = None) -> None:
    """Do things.

    In more than one line.

    Parameters
    ----------
    first : int
        The first.
    second : float, optional
        The second.

    Returns
    -------
    None
        Nothing.
    """


def sphinx(first: int, second: float | None = None) -> None:
    """Do things.

    In more than one line.

    :param first: The first.
    :param second: The second.
    :returns: Nothing.
    """


@pytest.mark.parametrize("function", [google, numpy_style, sphinx])
def test_three_styles_of_docstring_say_the_same(function: Callable[..., None]) -> None:
    shape = tool(function)
    assert shape.description == "Do things.\n\nIn more than one line."
    assert shape.parameters["properties"] == {
        "first": {"title": "First", "type": "integer", "description": "The first."},
        "second": {
            "title": "Second",
            "anyOf": [{"type": "number"}, {"type": "null"}],
            "description": "The second.",
        },
    }


def test_words_and_limits_beside_the_hint() -> None:
    @tool
    def rate(
        book: Annotated[str, "Which book."],
        stars: Annotated[int, Field(ge=1, le=5, description="From one to five.")],
        days: Annotated[int, Field(gt=0)] = 7,
    ) -> None:
        """Rate a book.

        Args:
            days: The docstring's words.
        """

    assert rate.parameters["properties"] == {
        "book": {"title": "Book", "type": "string", "description": "Which book."},
        "stars": {
            "title": "Stars",
            "type": "integer",
            "minimum": 1,
            "maximum": 5,
            "description": "From one to five.",
        },
        "days": {
            "title": "Days",
            "type": "integer",
            "exclusiveMinimum": 0,
            "default": 7,
            "description": "The docstring's words.",
        },
    }


def test_things_within_things_are_closed_too() -> None:
    @tool
    def send(parcel: Parcel, route: list[Point], colour: Colour, home: Address) -> None:
        """Send it.

        Args:
            home: Said about it, so the address itself stands here.
        """

    properties: Any = send.parameters["properties"]
    definitions: Any = send.parameters["$defs"]
    assert definitions["Address"] == ADDRESS
    assert definitions["Parcel"]["properties"]["to"] == {"$ref": "#/$defs/Address"}
    assert definitions["Point"]["required"] == ["x", "y"]
    assert all(definitions[name]["additionalProperties"] is False for name in ("Address", "Parcel", "Point"))
    assert properties["route"] == {"items": {"$ref": "#/$defs/Point"}, "title": "Route", "type": "array"}
    assert properties["colour"] == {"$ref": "#/$defs/Colour"}
    assert properties["home"] == ADDRESS | {"description": "Said about it, so the address itself stands here."}


def test_one_of_several_kinds_is_any_of() -> None:
    @tool
    def adopt(pet: Annotated[Cat | Dog, Field(discriminator="kind")], shelf: Shelf, born: datetime.date) -> None:
        """Adopt."""

    properties: Any = adopt.parameters["properties"]
    assert properties["pet"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert "oneOf" not in properties["pet"]
    assert properties["shelf"] == {"$ref": "#/$defs/Shelf"}
    assert properties["born"] == {"format": "date", "title": "Born", "type": "string"}


def test_the_call_is_not_told_to_the_model_wherever_it_stands() -> None:
    @tool
    def note(text: str, the_call: Call, loud: bool = False) -> None:
        """Note."""

    assert note.parameters["required"] == ["text", "loud"]


def test_parameters_may_be_named_like_parts_of_pydantic() -> None:
    @tool
    def odd(json: str, copy: int, model_config: str, _hidden: int, schema: str = "x") -> None:
        """Odd."""

    assert odd.parameters["required"] == ["json", "copy", "model_config", "_hidden", "schema"]


def test_a_schema_without_end_is_refused() -> None:
    endless: Any = {"$ref": "#/$defs/A", "description": "one", "$defs": {"A": {"$ref": "#/$defs/A", "title": "A"}}}
    with pytest.raises(ValueError, match="no end"):
        strict_schema(endless)
