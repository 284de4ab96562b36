"""From a setting to its four resident sets."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.catalog.registry import implementation, installed
from core.catalog.work import SetSizes
from core.datasets.augment import AUGMENTATIONS
from core.datasets.decoding import Undecoded, decoded
from core.datasets.resident import ResidentSet
from core.datasets.source import Source
from core.errors import ForgetSetInvalid
from core.spec.forget import forgets_classes
from core.spec.setting import Setting
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
    names_sha256: str | None = None  # as of `Source`

    @cached_property
    def absent_classes(self) -> dict[str, list[int]]:
        """The labels of which a set has no sample, by set; only the sets that lack some. Splits are not
        stratified (protocol §2).
        """
        names = ("retain", "forget", "validation", "test")
        counts = {
            name: torch.bincount(getattr(self, name).labels, minlength=self.num_classes) for name in names
        }
        absent = {name: (count == 0).nonzero().flatten().tolist() for name, count in counts.items()}
        return {name: labels for name, labels in absent.items() if labels}

    @property
    def sizes(self) -> SetSizes:
        """How many samples methods have."""
        return SetSizes(len(self.retain), len(self.forget), len(self.validation), self.num_classes)


class DataCache:
    """Datasets kept on the device for as long as the process lives.

    Those that take time to decode are decoded once for all processes, into `cache_dir`.
    """

    def __init__(self, data_dir: Path, device: torch.device, *, cache_dir: Path) -> None:
        self._data_dir = data_dir
        self._cache_dir = cache_dir
        self._device = device
        self._whole: dict[str, ResidentSet] = {}
        self._names_sha256: dict[str, str | None] = {}
        self._sets: tuple[Setting, Sets] | None = None

    def sets(self, setting: Setting, losses: NDArray[np.floating] | None = None) -> Sets:
        """The setting's sets; those of the last setting asked for are kept. `losses` are for the rule `hard`.

        Raises:
            DatasetMissing: a file is absent.
            DatasetInvalid: the files are not what the catalogue declares.
            ForgetSetInvalid: the forget rule takes what is not there, or its classes have no held-out sample.
        """
        if self._sets is None or self._sets[0] != setting:
            self._sets = (setting, self._cut(setting, losses))
        return self._sets[1]

    def _cut(self, setting: Setting, losses: NDArray[np.floating] | None) -> Sets:
        info = installed().datasets[setting.dataset]
        whole = self._resident(setting.dataset)
        labels = whole.labels.cpu().numpy()
        split = draw_split(
            info.num_train,
            info.num_test,
            setting.forget,
            validation_fraction=setting.validation_fraction,
            seed=setting.split_seed,
            labels=labels[: info.num_train],
            losses=losses,
        )
        if forgets_classes(setting.forget):
            _require_heldout(split, labels)
        retain, forget, validation, test = (
            whole.subset(torch.from_numpy(indices).to(self._device))
            for indices in (split.retain, split.forget, split.validation, split.test)
        )
        names_sha256 = self._names_sha256[setting.dataset]
        return Sets(retain, forget, validation, test, info.num_classes, split, names_sha256)

    def _resident(self, dataset: str) -> ResidentSet:
        if dataset not in self._whole:
            info = installed().datasets[dataset]
            loaded: Source | Undecoded = implementation(info.implementation)(info, self._data_dir)
            source = decoded(info, loaded, self._cache_dir) if isinstance(loaded, Undecoded) else loaded
            self._names_sha256[dataset] = source.names_sha256
            self._whole[dataset] = ResidentSet(
                pixels=source.pixels.to(self._device),
                labels=source.labels.to(self._device),
                mean=torch.tensor(info.mean, device=self._device),
                std=torch.tensor(info.std, device=self._device),
                augmentation=AUGMENTATIONS[info.augmentation],
            )
        return self._whole[dataset]


def _require_heldout(split: Split, labels: NDArray[np.integer]) -> None:
    """Refuse classes that cannot be attacked: the held-out samples must be of the same classes."""
    classes = np.unique(labels[split.forget])
    for name in ("validation", "test"):
        if not np.isin(labels[getattr(split, name)], classes).any():
            raise ForgetSetInvalid(
                f"The {name} set has no sample of the classes {classes.tolist()} to attack them with."
            )
