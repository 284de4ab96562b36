"""Which setting a stored record belongs to, in full: its id alone says nothing outside of the store."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.places import setting_document
from core.spec.setting import Setting
from core.store.attacks import AttackRecord
from core.store.results import ResultRecord
from core.store.tables import SettingRow
from core.store.trials import TrialRecord

Records: TypeAlias = Sequence[ResultRecord | TrialRecord | AttackRecord]


def placed(session: Session, records: Records) -> list[dict[str, Any]]:
    """The records as plain documents that begin with what tells their settings apart."""
    places = {
        name: setting_document(setting) for name, setting in settings_of_records(session, records).items()
    }
    return [{**places[record.setting_id], **asdict(record)} for record in records]


def settings_of_records(session: Session, records: Records) -> dict[str, Setting]:
    """The settings that the records belong to, by id."""
    ids = {record.setting_id for record in records}
    rows = session.execute(select(SettingRow.id, SettingRow.definition).where(SettingRow.id.in_(ids)))
    return {setting_id: Setting.model_validate(definition) for setting_id, definition in rows}
