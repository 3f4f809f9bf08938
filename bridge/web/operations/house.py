"""Operations on the house itself: figures, settings, tokens, the audit."""

from __future__ import annotations

from typing import Any

from bridge.web.operations.base import (
    LIMIT,
    LOOK,
    ROW_ID,
    RULE,
    Answers,
    Operation,
    Operations,
    Query,
)
from bridge.web.pages.settings import NewToken
from bridge.web.schemas import page, ref, rows, table


def house() -> Operations:
    """Them."""

    def op(name: str, what: str, answers: Answers, **more: Any) -> Operation:
        return Operation(name=name, what=what, part="House", answers=answers, **({"needs": LOOK} | more))

    overview = {"live": {"type": "array", "items": ref("LiveCall")}, "day": ref("Day")}
    overview["failing"] = {"type": "array", "items": ref("FailedCheck")}
    return {
        ("GET", "/api/v1/overview"): op("getOverview", "Today's figures, and calls that go on", {200: table(overview)}),
        ("GET", "/api/v1/settings"): op(
            "listSettings", "Every setting with its source; secrets are masked", {200: rows("settings", ref("Setting"))}
        ),
        ("GET", "/api/v1/tokens"): op(
            "listTokens", "Tokens, without their secrets", {200: rows("tokens", ref("Token"))}, needs=RULE
        ),
        ("POST", "/api/v1/tokens"): op(
            "createToken",
            "A new token, and this once its secret",
            {201: ref("TokenWithSecret")},
            needs=RULE,
            fails=(400, 409),
            body=NewToken,
            example={"name": "dashboard", "scope": "viewer"},
        ),
        ("DELETE", "/api/v1/tokens/{token_id}"): op(
            "revokeToken", "It opens nothing any more", {204: None}, needs=RULE, fails=(404,)
        ),
        ("GET", "/api/v1/audit"): op(
            "listAudit",
            "Who did what, newest first",
            {200: page("audit", ref("AuditEntry"), ROW_ID)},
            needs=RULE,
            fails=(400,),
            query=(
                Query("subject", "Of one campaign, call, token ..."),
                Query("before", "The `next` before", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
                LIMIT,
            ),
        ),
        ("GET", "/api/v1/openapi.json"): op("getOpenApi", "This document", {200: {"type": "object"}}),
    }
