"""The API's answers about keys, and what may be changed about one."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas import Answer
from core.store.keys import Scope

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
DeviceSeconds = Annotated[
    float | None,
    Field(ge=0, le=1e12, description="How many device-seconds it may use in all; null is no limit."),
]


class AllowanceAnswer(Answer):
    """Device-seconds of a key; `granted` and `left` are null where there is no limit."""

    granted: float | None
    used: Annotated[float, Field(description="Charged for attempts at units that have ended.")]
    refunded: Annotated[
        float, Field(description="Of attempts that were lost with their worker; not charged.")
    ]
    committed: Annotated[float, Field(description="What open jobs are still estimated to take.")]
    left: float | None


class KeyAnswer(Answer):
    """A key, without its secret."""

    id: str
    name: str
    owner: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    allowance: AllowanceAnswer


class KeysAnswer(Answer):
    """All keys that ever were."""

    items: list[KeyAnswer]


class NewKeyAnswer(KeyAnswer):
    """A key with its text, which is shown only once."""

    key: Annotated[str, Field(description="`lethe_…`: what goes behind `Authorization: Bearer`.")]


class RevokedKeyAnswer(KeyAnswer):
    """A key that has ended."""

    webhooks_deleted: Annotated[
        int, Field(description="Those of its owner, where it was the last of their keys that held.")
    ]


class KeyRequest(Answer):
    """A key to be made."""

    name: Annotated[Name, Field(description="What it is for.")]
    owner: Annotated[
        Name | None, Field(description="Whose jobs are submitted with it; by default the name.")
    ] = None
    scope: Annotated[Scope, Field(description="What it may do; each includes those before it.")] = (
        Scope.SUBMIT
    )
    days: Annotated[
        float | None, Field(ge=0.01, le=36500, description="How long it holds; null is for good.")
    ] = 90
    device_seconds: DeviceSeconds = None


class RotationRequest(Answer):
    """How a key is replaced."""

    overlap_hours: Annotated[
        float, Field(ge=0, le=8760, description="How long the old key holds beside the new one.")
    ] = 24


class KeyChange(Answer):
    """What to change about a key."""

    device_seconds: DeviceSeconds


class LedgerEntryAnswer(Answer):
    """One attempt at a unit, by the reason for which it ended: charged, or refunded."""

    id: int
    job_id: str
    unit_id: str
    reason: str
    is_charged: bool
    device_seconds: float
    created_at: datetime


class MeAnswer(Answer):
    """The caller; without a key there is neither an allowance nor a ledger."""

    owner: str
    scopes: list[Scope]
    key_id: str | None
    allowance: AllowanceAnswer | None
    ledger: list[LedgerEntryAnswer]
