"""Which setting a stored record belongs to, in full: its id alone says nothing outside of the store."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.places import setting_document
from core.spec.setting import Setting
from core.store.attacks import AttackRecord
from core.store.results import ResultRecord
from core.store.tables import SettingRow
from core.store.trials import TrialRecord


def placed(
    session: Session, records: Sequence[ResultRecord | TrialRecord | AttackRecord]
) -> list[dict[str, Any]]:
    """The records as plain documents that begin with what tells their settings apart."""
    places = _places(session, {record.setting_id for record in records})
    return [{**places[record.setting_id], **asdict(record)} for record in records]


def _places(session: Session, setting_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    rows = session.execute(select(SettingRow.id, SettingRow.definition).where(SettingRow.id.in_(setting_ids)))
    return {
        setting_id: setting_document(Setting.model_validate(definition)) for setting_id, definition in rows
    }
