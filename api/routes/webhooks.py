"""Webhooks: an owner's own server is told of their jobs; a delivery log says what became of each message.

Nothing is sent from here: the scheduler does that (`worker.courier`).
"""

from fastapi import APIRouter, Response

from api.access import SubmitterDep
from api.dependencies import PAGED, CursorDep, LimitDep, NextCursorDep, SettingsDep, StoreDep
from api.problems import DECLARED
from api.webhook_schemas import (
    DeliveryAnswer,
    DeliveryPage,
    NewWebhookAnswer,
    WebhookAnswer,
    WebhookRequest,
    WebhooksAnswer,
)
from core.public_address import require_plausible
from core.store import deliveries, webhooks

router = APIRouter(
    prefix="/webhooks",
    tags=["webhooks"],
    responses={status: DECLARED[status] for status in (401, 403, 422)},
)
LOCATION = {
    "description": "Created",
    "headers": {"Location": {"description": "Where the webhook is.", "schema": {"type": "string"}}},
}


@router.get("", operation_id="listWebhooks")
def list_webhooks(store: StoreDep, caller: SubmitterDep) -> WebhooksAnswer:
    """The caller's webhooks, oldest first; administrators see everybody's."""
    with store.read() as session:
        found = webhooks.list_webhooks(session, caller.viewer)
    return WebhooksAnswer(items=[WebhookAnswer.model_validate(record) for record in found])


@router.post("", status_code=201, operation_id="createWebhook", responses={201: LOCATION, 409: DECLARED[409]})
def create_webhook(
    wanted: WebhookRequest, response: Response, store: StoreDep, caller: SubmitterDep, settings: SettingsDep
) -> NewWebhookAnswer:
    """Be told of one's jobs at a URL; the secret, which verifies what arrives there, is shown only now."""
    require_plausible(wanted.url, allow_loopback=settings.webhook_loopback)
    with store.write() as session:
        record, secret = webhooks.create_webhook(
            session, owner=str(caller.owner), url=str(wanted.url), events=wanted.events
        )
    response.headers["Location"] = f"/api/v1/webhooks/{record.id}"
    return NewWebhookAnswer(**WebhookAnswer.model_validate(record).model_dump(), secret=secret)


@router.get("/{webhook_id}", operation_id="getWebhook", responses={404: DECLARED[404]})
def get_webhook(webhook_id: str, store: StoreDep, caller: SubmitterDep) -> WebhookAnswer:
    """One webhook, without its secret."""
    with store.read() as session:
        return WebhookAnswer.model_validate(webhooks.get_webhook(session, webhook_id, caller.viewer))


@router.delete("/{webhook_id}", status_code=204, operation_id="deleteWebhook", responses={404: DECLARED[404]})
def delete_webhook(webhook_id: str, store: StoreDep, caller: SubmitterDep) -> None:
    """Send nothing there any more, not even what waits; its log goes with it."""
    with store.write() as session:
        webhooks.delete_webhook(session, webhooks.get_webhook(session, webhook_id, caller.viewer).id)


@router.post(
    "/{webhook_id}/test", status_code=202, operation_id="testWebhook", responses={404: DECLARED[404]}
)
def test_webhook(webhook_id: str, store: StoreDep, caller: SubmitterDep) -> DeliveryAnswer:
    """Send a message that tells of nothing; the log says what became of it."""
    with store.write() as session:
        found = webhooks.get_webhook(session, webhook_id, caller.viewer)
        return DeliveryAnswer.model_validate(deliveries.send_test(session, found.id))


@router.get(
    "/{webhook_id}/deliveries", operation_id="listDeliveries", responses={**PAGED, 404: DECLARED[404]}
)
def list_deliveries(
    webhook_id: str,
    store: StoreDep,
    caller: SubmitterDep,
    cursor: CursorDep,
    next_cursor: NextCursorDep,
    limit: LimitDep = 50,
) -> DeliveryPage:
    """What was sent, newest first, with every try; the last thirty days."""
    with store.read() as session:
        webhooks.get_webhook(session, webhook_id, caller.viewer)
        found = deliveries.list_deliveries(session, webhook_id, limit=limit + 1, before=cursor)
    more = next_cursor(found[limit - 1].id) if len(found) > limit else None
    return DeliveryPage(
        items=[DeliveryAnswer.model_validate(record) for record in found[:limit]], next_cursor=more
    )
