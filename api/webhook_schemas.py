"""The API's answers about webhooks, and what it takes to make one."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl

from api.schemas import Answer
from core.store.states import DeliveryState
from core.store.webhooks import HookEvent

MAX_URL = 2083  # as pydantic's, but of the URL as it is sent, in which an umlaut is six characters


def _not_too_long(url: HttpUrl) -> HttpUrl:
    if len(str(url)) > MAX_URL:
        raise ValueError(f"it has {len(str(url))} characters as it is sent; {MAX_URL} are allowed")
    return url


class WebhookRequest(Answer):
    """Where to send what."""

    url: Annotated[
        HttpUrl,
        AfterValidator(_not_too_long),
        Field(description="A public address; redirects from it are not followed."),
    ]
    events: list[HookEvent] = Field(list(HookEvent), min_length=1, max_length=len(HookEvent))


class WebhookAnswer(Answer):
    """A webhook, without its secret."""

    id: str
    owner: str
    url: str
    events: list[HookEvent]
    created_at: datetime


class NewWebhookAnswer(WebhookAnswer):
    """A webhook with its secret, which is shown only once."""

    secret: Annotated[str, Field(description="`whsec_…`, the key of the signatures (Standard Webhooks).")]


class WebhooksAnswer(Answer):
    """Webhooks, oldest first."""

    items: list[WebhookAnswer]


class TryAnswer(Answer):
    """What became of sending a message once."""

    at: datetime
    seconds: float
    status: Annotated[int | None, Field(description="The answer's; null where nobody answered.")]
    error: Annotated[str | None, Field(description="Null where the message arrived.")]


class DeliveryAnswer(Answer):
    """A message for a webhook; `id` is its `webhook-id`, `body` what is sent at every try."""

    id: str
    webhook_id: str
    job_id: str | None
    event: str
    state: DeliveryState
    body: str
    tries: list[TryAnswer]
    next_try_at: Annotated[datetime | None, Field(description="Null once it has ended.")]
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(Answer):
    """A webhook's messages, newest first."""

    items: list[DeliveryAnswer]
    next_cursor: str | None
