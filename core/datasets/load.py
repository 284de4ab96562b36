"""From a setting to its four resident sets."""

from dataclasses import dataclass
from pathlib import Path

import torch

from core.catalog.registry import implementation, installed
from core.catalog.work import SetSizes
from core.datasets.augment import AUGMENTATIONS
from core.datasets.image_files import ImageFiles, decoded
from core.datasets.resident import ResidentSet
from core.datasets.source import Source
from core.spec.units import Setting
from core.splits import Split, draw_split


@dataclass(frozen=True)
class Sets:
    """The four sets of a setting on one device, and the indices they were cut by."""

    retain: ResidentSet
    forget: ResidentSet
    validation: ResidentSet
    test: ResidentSet
    num_classes: int
    split: Split

    @property
    def sizes(self) -> SetSizes:
        """How many samples methods have."""
        return SetSizes(len(self.retain), len(self.forget), len(self.validation), self.num_classes)


class DataCache:
    """Datasets kept on the device for as long as the process lives.

    Those that are image files are decoded once for all processes, into `cache_dir`.
    """

    def __init__(self, data_dir: Path, device: torch.device, *, cache_dir: Path) -> None:
        self._data_dir = data_dir
        self._cache_dir = cache_dir
        self._device = device
        self._whole: dict[str, ResidentSet] = {}
        self._sets: tuple[Setting, Sets] | None = None

    def sets(self, setting: Setting) -> Sets:
        """The setting's sets; those of the last setting asked for are kept.

        Raises:
            DatasetMissing: a file is absent.
            DatasetInvalid: the files are not what the catalogue declares.
        """
        if self._sets is None or self._sets[0] != setting:
            self._sets = (setting, self._cut(setting))
        return self._sets[1]

    def _cut(self, setting: Setting) -> Sets:
        info = installed().datasets[setting.dataset]
        whole = self._resident(setting.dataset)
        split = draw_split(
            info.num_train,
            info.num_test,
            setting.forget,
            validation_fraction=setting.validation_fraction,
            seed=setting.split_seed,
            labels=whole.labels[: info.num_train].cpu().numpy(),
        )
        retain, forget, validation, test = (
            whole.subset(torch.from_numpy(indices).to(self._device))
            for indices in (split.retain, split.forget, split.validation, split.test)
        )
        return Sets(retain, forget, validation, test, info.num_classes, split)

    def _resident(self, dataset: str) -> ResidentSet:
        if dataset not in self._whole:
            info = installed().datasets[dataset]
            loaded: Source | ImageFiles = implementation(info.implementation)(info, self._data_dir)
            source = decoded(info, loaded, self._cache_dir) if isinstance(loaded, ImageFiles) else loaded
            self._whole[dataset] = ResidentSet(
                pixels=source.pixels.to(self._device),
                labels=source.labels.to(self._device),
                mean=torch.tensor(info.mean, device=self._device),
                std=torch.tensor(info.std, device=self._device),
                augmentation=AUGMENTATIONS[info.augmentation],
            )
        return self._whole[dataset]
