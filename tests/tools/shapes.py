"""The shapes of signatures that people write: what each looks like to the model is in golden/schemas.json.

Every public function of this module and of `shapes_later.py` is one shape. Bodies do nothing; nobody calls them here.
"""

import datetime
import decimal
import enum
import functools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, ParamSpec, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from bridge.tools.base import Call

P = ParamSpec("P")
R = TypeVar("R")


class Colour(enum.Enum):
    """What it is painted in."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    """Where it goes."""

    model_config = ConfigDict(str_strip_whitespace=True)

    street: str = Field(description="Street and number.", min_length=1, max_length=80)
    postcode: str = Field(pattern=r"^\d{5}$")
    floor: int | None = Field(default=None, ge=0, le=90, description="Floor, 0 for the ground floor.")


class Parcel(BaseModel):
    weight_kg: Annotated[float, Field(gt=0, le=31.5)]
    to: Address = Field(description="The receiver.")
    colour: Colour = Colour.RED
    tags: list[str] = Field(default_factory=list, max_length=5)


class Guest(TypedDict):
    """Somebody at the table."""

    name: str
    age: NotRequired[int]


@dataclass
class Point:
    x: float
    y: float = 0.0


class Span(NamedTuple):
    first: int
    last: int = 9


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Folder(BaseModel):
    name: str
    folders: list["Folder"] = []
    parent: "Folder | None" = None


def noted(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator of a user's, as most are written."""

    @functools.wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    return inner


def no_parameters() -> str:
    """Say what time it is."""
    return ""


def plain_values(text: str, count: int, price: float, gift: bool) -> None:
    """Take one of each."""


def defaults(
    text: str = "none", count: int = 3, price: float = 0.5, gift: bool = False, note: str | None = None
) -> None:
    """Take one of each, or the usual."""


def optional_old(day: Optional[str], weeks: Optional[int] = None) -> None:  # noqa: UP045 - people write it
    """Look a day up."""


def optional_new(day: str | None, weeks: int | None = 2) -> None:
    """Look a day up."""


def google_docstring(day: str, weeks: int = 0) -> str:
    """Say when the shop is open.

    Use it for every question about opening hours,
    also on holidays.

    Args:
        day: A day of the week,
            in English.
        weeks (int): How many weeks ahead.

    Returns:
        The hours, in words.

    Raises:
        ValueError: If there is no such day.
    """
    return ""


def google_without_a_gap(day: str) -> str:
    """Say when the shop is open.
    Args:
        day: A day of the week.
    Returns:
        The hours.
    """
    return ""


def numpy_docstring(day: str, weeks: int = 0) -> str:
    """Say when the shop is open.

    Use it for every question about opening hours.

    Parameters
    ----------
    day : str
        A day of the week,
        in English.
    weeks : int, optional
        How many weeks ahead.

    Returns
    -------
    str
        The hours, in words.
    """
    return ""


def sphinx_docstring(day: str, weeks: int = 0) -> str:
    """Say when the shop is open.

    Use it for every question about opening hours.

    :param day: A day of the week,
        in English.
    :param int weeks: How many weeks ahead.
    :returns: The hours, in words.
    :raises ValueError: If there is no such day.
    """
    return ""


def sphinx_types_only(day: str) -> str:
    """Say when the shop is open.

    :type day: str
    :rtype: str
    """
    return ""


def docstring_of_code(day: str) -> str:
    """Say when the shop is open: `{"day": "Monday"}` for one.

    Note:
        Closed on Sundays.

    Args:
        day: A day. One of:

            - a weekday
            - a date
    """
    return ""


def docstring_names_others(day: str) -> str:
    """Say when the shop is open.

    Args:
        dya: Misspelt, and nobody's.
    """
    return ""


def long_description(topic: str) -> None:
    """Answer questions about the house: prices, rooms, breakfast, parking, pets, the sauna, how to get here by train.

    Prefer this tool over your own knowledge, because prices change every week. Say in half a sentence that you are
    looking it up before you call it, and never read a whole price list aloud: two or three prices are enough, and the
    caller may ask for more. When nothing is found, say so and offer to have somebody call back. Never invent a price.
    Guests who stay longer than a week get a discount, of which the answer tells; do not promise one yourself.

    Args:
        topic: What the question is about, in two or three words, in the language of the house (German), because the
            documents are German. Names of rooms stay as they are. Do not put the caller's name or number in here.
    """


def choices(size: Literal["small", "large"], number: Literal[1, 2, 3] = 1, mixed: Literal["all", 7] = "all") -> None:
    """Choose."""


def enums(colour: Colour, level: Level, second: Colour = Colour.BLUE, none: Colour | None = None) -> None:
    """Paint it.

    Args:
        second: The second coat.
    """


def times(
    day: datetime.date,
    at: datetime.time,
    when: datetime.datetime,
    how_long: datetime.timedelta,
    until: datetime.date | None,
) -> None:
    """Book."""


def exact_values(number: uuid.UUID, price: decimal.Decimal) -> None:
    """Pay."""


def lists(names: list[str], grid: list[list[int]], route: Sequence[Point], maybe: list[str] | None = None) -> None:
    """Go."""


def tuples(pair: tuple[int, str], many: tuple[int, ...], span: Span) -> None:
    """Pair."""


def sets(days: set[str], fixed: frozenset[int]) -> None:
    """Days."""


def typed_dict(guest: Guest, guests: list[Guest]) -> None:
    """Seat them."""


def a_dataclass(point: Point, other: Point | None = None) -> None:
    """Point at it."""


def models(parcel: Parcel, back_to: Address) -> None:
    """Send it.

    Args:
        back_to: The sender, if nobody opens.
    """


def annotated_field(
    book: Annotated[str, Field(description="Which book.", max_length=100)],
    stars: Annotated[int, Field(ge=1, le=5, description="From one to five.")] = 3,
    days: Annotated[int, Field(gt=0, description="Beside the hint.")] = 7,
) -> None:
    """Rate a book.

    Args:
        days: The docstring's words.
    """


def annotated_text(book: Annotated[str, "Which book."], days: Annotated[int | None, "How long."] = None) -> None:
    """Lend a book."""


def field_default(book: str = Field(description="Which book."), copies: int = Field(default=1, ge=1, le=9)) -> None:
    """Order a book."""


def keyword_only(text: str, *, loud: bool = False, copies: int) -> None:
    """Print."""


def positional_only(text: str, copies: int = 1, /) -> None:
    """Print."""


def any_number(first: str, *others: str) -> None:
    """Invite.

    Args:
        first: Who comes first.
        *others: Who else.
    """


def any_names(first: str, **others: str) -> None:
    """Invite."""


def free_dict(options: dict[str, int]) -> None:
    """Set options."""


def anything(value: Any) -> None:
    """Take it."""


async def asynchronous(text: str) -> str:
    """Ask somebody."""
    return text


def call_first(call: Call, text: str) -> None:
    """Note it.

    Args:
        call: The call.
        text: What.
    """


def call_in_the_middle(text: str, the_call: Call, loud: bool = False) -> None:
    """Note it."""


def call_keyword_only(text: str, *, call: Call) -> None:
    """Note it."""


def call_only(call: Call) -> None:
    """Note it."""


def call_left_out(text: str) -> None:
    """Note it."""


@noted
def decorated(text: str, times: int = 1) -> None:
    """Say it.

    Args:
        text: What.
    """


def unions(value: int | str, either: Union[Cat, Dog, None], many: list[int | str]) -> None:  # noqa: UP007 - people write it
    """Take it."""


def discriminated(pet: Annotated[Cat | Dog, Field(discriminator="kind", description="Which.")]) -> None:
    """Adopt."""


def recursive(folder: Folder, root: Folder | None = None) -> None:
    """Tidy up."""


def odd_names(json: str, copy: int, schema: str = "x") -> None:
    """Odd."""


def odder_names(model_config: str, _hidden: int, model_fields: str = "") -> None:
    """Odder."""
