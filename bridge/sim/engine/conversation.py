"""The default conversation of a session: items in order, and the rules of truncating, deleting and finding them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bridge.sim.engine.complaints import Complaint, no_such_item, out_of_range
from bridge.sim.engine.items import Item

ROOT = "root"
"""As `previous_item_id`: before everything else."""


class Conversation:
    """Items in the order in which the model reads them."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._items: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self._items[-1].id if self._items else None

    def find(self, item_id: object) -> Item | None:
        return next((item for item in self._items if item.id == item_id), None)

    def previous_id(self, item: Item) -> str | None:
        """The id of the item before this one; None for the first, and for one that was deleted meanwhile."""
        place = next((place for place, kept in enumerate(self._items) if kept is item), 0)
        return self._items[place - 1].id if place else None

    def add(self, item: Item, after: str | None = None) -> None:
        """Put `item` behind the item `after`; None: at the end. Raises Complaint for ids that cannot be."""
        if self.find(item.id) is not None:
            text = f"Error adding item: an item with id '{item.id}' already exists."
            raise Complaint(text, code="item_create_duplicate_item_id", param="item.id")
        self._items.insert(self._place(after), item)

    def check_output(self, body: dict[str, Any]) -> None:
        """A tool's result must belong to a call of this conversation. Raises Complaint."""
        known = any(i.type == "function_call" and i.body["call_id"] == body["call_id"] for i in self._items)
        if not known:
            text = f"Tool call ID '{body['call_id']}' not found in conversation."
            raise Complaint(text, code="invalid_tool_call_id", param="item.call_id")

    def wanted(self, item_id: object, verb: str) -> Item:
        """The item a client wants to delete, retrieve or truncate. Raises Complaint."""
        item = self.find(item_id)
        if item is None:
            raise no_such_item(verb, item_id)
        return item

    def delete(self, item_id: object) -> None:
        """Forget an item. Raises Complaint."""
        self._items.remove(self.wanted(item_id, "delete"))

    def truncate(self, item_id: object, content_index: int, audio_end_ms: int) -> float:
        """Cut the agent's sound of an item and forget its transcript. Returns the length it had, in ms.

        Raises Complaint: only what was really generated can be kept.
        """
        item = self.wanted(item_id, "truncate")
        if item.sound is None or item.role != "assistant" or not item.agent_audio:
            raise Complaint("Only model output audio messages can be truncated", code="unsupported_content_type")
        if content_index != 0:
            raise out_of_range("content_index", content_index, "the index of an audio part")
        had_ms = item.audio_ms
        if audio_end_ms > had_ms:
            raise Complaint(f"Audio content of {int(had_ms)}ms is already shorter than {audio_end_ms}ms", code=None)
        del item.agent_audio[audio_end_ms * item.sound.bytes_per_ms :]
        for part in item.body["content"]:
            part.pop("transcript", None)
        return had_ms

    def _place(self, after: str | None) -> int:
        if after is None:
            return len(self._items)
        if after == ROOT:
            return 0
        for place, item in enumerate(self._items):
            if item.id == after:
                return place + 1
        text = f"Error adding item: the previous item with id '{after}' does not exist."
        raise Complaint(text, code="item_create_invalid_previous_item_id", param="previous_item_id")
