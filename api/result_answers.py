"""Results as the API shows them: what a run measured, and what attacks and its losses say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from core.attack_figures import AttackFigures, attack_names, told
from core.attacks.rank_statistic import forget_reading
from core.catalog.registry import installed
from core.places import setting_document
from core.spec.draws import possible_selection_bias
from core.spec.setting import Setting
from core.store.attacks import attacks_on_results
from core.store.places import settings_of_records
from core.store.results import ResultRecord
from core.store.viewers import Viewer

NOT_INSTALLED = "the dataset is not installed any more, so that nobody knows its classes"


def result_fields(session: Session, records: Sequence[ResultRecord], viewer: Viewer) -> list[dict[str, Any]]:
    """The fields of each result's answer, with the attacks that the viewer sees."""
    settings = settings_of_records(session, records)
    places = {setting_id: setting_document(setting) for setting_id, setting in settings.items()}
    attacked = attacks_on_results(session, records, viewer=viewer)
    return [
        {
            **places[record.setting_id],
            **asdict(record),
            **_attack_fields(found),
            **_reading_fields(record, settings[record.setting_id]),
        }
        for record, found in zip(records, attacked, strict=True)
    ]


def _attack_fields(found: Mapping[str, AttackFigures]) -> dict[str, Any]:
    accuracies = {name: figures.mean_accuracy for name, figures in found.items()}
    return {
        "attack_accuracy": {name: value for name, value in accuracies.items() if value is not None},
        "attacks": told(found, attack_names([found])),
    }


def _reading_fields(record: ResultRecord, setting: Setting) -> dict[str, Any]:
    """The reading, or why there is none. Results of earlier versions have p-values of whatever forget set."""
    auc, p_value = (record.metrics.get(name) for name in ("forget_auc_test", "forget_auc_p_value_test"))
    if auc is None:
        return {"forget_reading": None}
    info = installed().datasets.get(setting.dataset)
    bias = possible_selection_bias(setting.forget, info.num_classes) if info else NOT_INSTALLED
    if bias is None:
        return {"forget_reading": None if p_value is None else forget_reading(auc, p_value)}
    advice = "" if record.unlearner == "retrained" else "; compare forget_auc_test with the retrained model's"
    return {"forget_reading": None, "reasons": {**record.reasons, "forget_reading": bias + advice}}
