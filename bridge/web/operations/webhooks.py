"""Operations on webhooks: who is told what happens, what each was told, and what the carrier asked."""

from __future__ import annotations

from typing import Any

from bridge.web.operations.base import ACT, LOOK, NEXT, RULE, Answers, Operation, Operations, Query
from bridge.web.schemas import COUNT, TEXT, page, ref, rows, table
from bridge.web.webhook_api import STATES, NewEndpoint, Switch


def webhooks() -> Operations:
    """Them."""

    def op(name: str, what: str, answers: Answers, **more: Any) -> Operation:
        return Operation(name=name, what=what, part="Webhooks", answers=answers, **({"needs": LOOK} | more))

    path = "/api/v1/webhooks"
    endpoint = f"{path}/endpoints/{{endpoint_id}}"
    done = table({"ok": {"const": True}})
    return {
        ("GET", f"{path}/endpoints"): op(
            "listEndpoints",
            "Who is told what happens; without their secrets",
            {200: rows("endpoints", ref("Endpoint"))},
        ),
        ("POST", f"{path}/endpoints"): op(
            "createEndpoint",
            "Tell one more, and this once its secret. No `events`: everything",
            {201: ref("EndpointWithSecret")},
            needs=RULE,
            fails=(400, 413),
            body=NewEndpoint,
            example={"url": "https://hooks.example.com/callbridge", "events": ["call.completed", "call.failed"]},
        ),
        ("PATCH", endpoint): op(
            "switchEndpoint",
            "On, or off: what waits for it is dropped then",
            {200: done},
            needs=RULE,
            fails=(400, 404, 413),
            body=Switch,
            example={"on": False},
        ),
        ("DELETE", endpoint): op(
            "deleteEndpoint", "Forget it, and what it was told", {204: None}, needs=RULE, fails=(400, 404)
        ),
        ("POST", f"{endpoint}/test"): op(
            "testEndpoint",
            "Send it a message now; what it answered. `status` 0: nothing",
            {200: table({"status": COUNT, "ms": COUNT, "error": TEXT})},
            needs=ACT,
            fails=(404,),
        ),
        ("GET", f"{path}/deliveries"): op(
            "listDeliveries",
            "What they were told, newest first",
            {200: page("deliveries", ref("Delivery"), NEXT)},
            fails=(400,),
            query=(
                Query("state", "Only these", {"type": "string", "enum": list(STATES)}),
                Query("endpoint", "Only those to this one"),
                Query("after", "The `next` before"),
            ),
        ),
        ("POST", f"{path}/deliveries/{{delivery_id}}/resend"): op(
            "resendDelivery",
            "Deliver it once more, under its own id: who took it knows it by that",
            {202: done},
            needs=ACT,
            fails=(400, 404),
        ),
        ("GET", f"{path}/inbound"): op(
            "listCarrierRequests",
            "What the carrier asked since this process began, newest first",
            {200: rows("requests", ref("CarrierRequest"))},
        ),
        ("POST", f"{path}/inbound/{{request_id}}/replay"): op(
            "replayCarrierRequest",
            "Play one again that has `again`: its `effect` says what that does. It never begins a call",
            {200: ref("CarrierRequest")},
            needs=ACT,
            fails=(400, 404),
        ),
    }
