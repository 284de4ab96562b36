"""What a snapshot freezes: the boards of a protocol by both metrics, and the results that they rest on. Pure.

The content is plain JSON, and its name is the SHA-256 of its canonical form (RFC 8785): whoever has the bytes
can check them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.board import FLOOR, Attacks, Metric, floors_by_setting
from core.catalog.protocols import Protocol
from core.export import board_document, uncertainty_document
from core.paper.tables import standings
from core.spec.canonical import content_hash
from core.spec.setting import Setting
from core.store.boards import BoardData
from core.store.results import CountedResult, ResultRecord
from core.tier import Tier
from core.uncertainty import bootstrap

FORMAT = "lethe-snapshot/1"
NOT_HASHED = ("is_superseded", "created_at")  # what may change of a result that stays the same


@dataclass(frozen=True)
class Evidence:
    """What the boards of a protocol are made of.

    Attributes:
        settings: the boards' columns.
        results: all that count on them.
        attacks: what stands beside them.
    """

    protocol: Protocol
    settings: tuple[Setting, ...]
    results: tuple[CountedResult, ...]
    attacks: Attacks

    def data(self, metric: Metric) -> BoardData:
        """What the board by one metric is built from."""
        values = tuple(found.values[metric] for found in self.results)
        told = [
            (found.record.setting_id, found.record.metrics.get(FLOOR))
            for found in self.results
            if found.record.unlearner == "retrained"
        ]
        floors = floors_by_setting(self.settings, told)
        return BoardData(self.protocol, metric, self.settings, values, self.attacks, floors)


def freeze(evidence: Evidence) -> dict[str, Any]:
    """The content of a snapshot: the boards as they stand, and how sure their ranks are."""
    return {**standing(evidence), "uncertainty": {metric.value: _sure(evidence, metric) for metric in Metric}}


def standing(evidence: Evidence) -> dict[str, Any]:
    """The content but for the uncertainty, which takes a hundred times as long as all the rest."""
    protocol, settings = evidence.protocol, evidence.settings
    boards = {metric: evidence.data(metric).board() for metric in Metric}
    content = {
        "format": FORMAT,
        "tier": Tier.RUN_HERE.value,
        "source": None,
        "protocol": protocol.id,
        "rules_sha256": content_hash(protocol.model_dump(mode="json", exclude={"title", "summary"})),
        "places": [f"{setting.dataset}/{setting.model}" for setting in settings],
        "settings": {setting.id: setting.model_dump(mode="json") for setting in settings},
        "boards": {metric.value: board_document(board) for metric, board in boards.items()},
        "runtime_efficiency": standings(boards).efficiency,
        "results": [_entry(found) for found in evidence.results],
    }
    return _plain(content)


def result_hash(record: ResultRecord) -> str:
    """SHA-256, in hex, of a result's canonical JSON: all that `GET /results/{id}` says of the run itself."""
    return content_hash({name: value for name, value in asdict(record).items() if name not in NOT_HASHED})


def _sure(evidence: Evidence, metric: Metric) -> dict[str, Any]:
    data, model_seeds = evidence.data(metric), evidence.protocol.model_seeds
    return _plain(uncertainty_document(bootstrap(data.board(), data.values, model_seeds), model_seeds))


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a reader of its JSON has it."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def _entry(found: CountedResult) -> Mapping[str, Any]:
    record = found.record
    return {
        "id": record.id,
        "sha256": result_hash(record),
        "setting": record.setting_id,
        "label": found.values[Metric.RETENTION_DEVIATION].method.label,
        "model_seed": record.model_seed,
        "is_usable": record.is_usable,
        **{metric.value: found.values[metric].value for metric in Metric},
        "unit_id": record.unit_id,
        "unlearner_revision": found.unit.get("unlearner_revision"),
        "code_revision": found.unit["revision"],
        "git_revision": record.provenance.get("git_revision"),
        "hyperparameters_sha256": content_hash(record.hyperparameters),
    }
