"""What can be asked for."""

from fastapi import APIRouter

from api.dependencies import CatalogueDep, SettingsDep
from api.schemas import (
    AttackInfoAnswer,
    CatalogAnswer,
    DatasetAnswer,
    EntryAnswer,
    ProtocolAnswer,
    UnlearnerAnswer,
)
from core.catalog.attacks import AttackInfo
from core.catalog.datasets import DatasetInfo
from core.catalog.models import ModelInfo
from core.catalog.protocols import Protocol
from core.catalog.unlearners import UnlearnerInfo
from core.errors import DatasetMissing
from core.settings import Settings

router = APIRouter(prefix="/catalog", tags=["catalog"])


@router.get("", operation_id="getCatalog")
def get_catalog(catalogue: CatalogueDep, settings: SettingsDep) -> CatalogAnswer:
    """Unlearners with their hyperparameters and search spaces, datasets, models, attacks and protocols."""
    return CatalogAnswer(
        unlearners=[_unlearner(info) for info in catalogue.unlearners.values()],
        datasets=[_dataset(info, settings) for info in catalogue.datasets.values()],
        models=[_entry(info) for info in catalogue.models.values()],
        attacks=[_attack(info) for info in catalogue.attacks.values()],
        protocols=[_protocol(protocol) for protocol in catalogue.protocols.values()],
    )


def _unlearner(info: UnlearnerInfo) -> UnlearnerAnswer:
    return UnlearnerAnswer(
        id=info.id,
        title=info.title,
        name=info.name,
        source=info.source,
        uses=sorted(info.uses),
        hyperparameters=info.hyperparameters.model_json_schema(),
    )


def _dataset(info: DatasetInfo, settings: Settings) -> DatasetAnswer:
    try:
        info.require_files(settings.data)
        is_present = True
    except DatasetMissing:
        is_present = False
    fields = ("id", "title", "source", "num_classes", "num_train", "num_test", "image_size")
    return DatasetAnswer(is_present=is_present, **{name: getattr(info, name) for name in fields})


def _entry(info: ModelInfo) -> EntryAnswer:
    return EntryAnswer(id=info.id, title=info.title, source=info.source)


def _attack(info: AttackInfo) -> AttackInfoAnswer:
    return AttackInfoAnswer(
        id=info.id,
        title=info.title,
        source=info.source,
        on=info.on,
        min_splits=info.min_splits if info.on == "samples" else None,
    )


def _protocol(protocol: Protocol) -> ProtocolAnswer:
    return ProtocolAnswer(
        id=protocol.id,
        title=protocol.title,
        summary=protocol.summary,
        model_seeds=list(protocol.model_seeds),
        precision=protocol.precision,
        ranked_tuning=protocol.ranked_tuning,
        recipes={place: recipe.model_dump() for place, recipe in protocol.recipes.items()},
        hyperparameters={place: dict(tuned) for place, tuned in protocol.hyperparameters.items()},
    )
