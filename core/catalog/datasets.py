"""The datasets that can be asked for: torch-free declarations.

A dataset's `implementation` is `load(info: DatasetInfo, data_dir: Path)`. It returns all images as a
`core.datasets.source.Source`, or their files as a `core.datasets.decoding.Undecoded`, which are then decoded
and cached for it: `core.datasets.image_files.ImageFiles` where each image is a file.
"""

from pathlib import Path
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from core.catalog.declaration import IMPORT_STRING, Declaration
from core.errors import DatasetMissing

Augmentation: TypeAlias = Literal["none", "flip", "crop_flip", "shift"]
PerChannel: TypeAlias = tuple[float, float, float]


class DatasetInfo(Declaration):
    """One data source: its sizes, its pixels' scale, and how to read it.

    `mean` and `std` are per channel, of pixels scaled to [0, 1] (protocol §1.4). `augmentation` is the
    training transform of protocol §1.5; evaluation never augments. `files` are the files and folders that it
    is read from, relative to the data directory.

    A protocol's recipes and limits are by dataset; `recipes_of` names the one that this is a copy or a
    variant of, whose it takes.

    Estimates read how many training images each class has: from `class_sizes` where they are published, else
    by `class_counter`, `count(info: DatasetInfo, data_dir: Path) -> Sequence[int]`, which is torch-free.
    """

    num_classes: int = Field(ge=2)
    num_train: int = Field(ge=1)
    num_test: int = Field(ge=1)
    image_size: int = Field(ge=8)
    mean: PerChannel
    std: PerChannel
    augmentation: Augmentation
    recipes_of: str | None = None
    files: tuple[str, ...] = ()
    class_sizes: tuple[int, ...] = ()
    class_counter: str | None = Field(None, pattern=IMPORT_STRING)

    @model_validator(mode="after")
    def _sizes_add_up(self) -> Self:
        if self.class_sizes and (len(self.class_sizes), sum(self.class_sizes)) != (
            self.num_classes,
            self.num_train,
        ):
            raise ValueError(
                f"class_sizes has {len(self.class_sizes)} classes of {sum(self.class_sizes)} images in all, "
                f"but there are {self.num_classes} classes and {self.num_train} training images"
            )
        return self

    @property
    def recipes_id(self) -> str:
        """The dataset by which protocols know it."""
        return self.recipes_of or self.id

    def require_files(self, data_dir: Path) -> None:
        """Check that every file and folder the dataset needs is under `data_dir`.

        Raises:
            DatasetMissing: naming the first that is absent and where it belongs.
        """
        for name in self.files:
            if not (data_dir / name).exists():
                raise DatasetMissing(
                    f"Dataset {self.id!r} needs {data_dir / name}, which is not there. Put {self.title} "
                    "under the data directory as docs/datasets.md says, or set LETHE_DATA_DIR to where it is."
                )


def image_folder(
    folder: str,
    *,
    id: str,
    title: str,
    source: str,
    num_classes: int,
    num_train: int,
    num_test: int,
    image_size: int,
    mean: PerChannel,
    std: PerChannel,
    augmentation: Augmentation = "none",
    recipes_of: str | None = None,
    revision: int = 1,
) -> DatasetInfo:
    """Declare the dataset whose images are `train/<class>/*` and `test/<class>/*` in `folder`, which is under
    the data directory; they are resized to `image_size`.
    """
    return DatasetInfo(
        id=id,
        title=title,
        source=source,
        num_classes=num_classes,
        num_train=num_train,
        num_test=num_test,
        image_size=image_size,
        mean=mean,
        std=std,
        augmentation=augmentation,
        recipes_of=recipes_of,
        revision=revision,
        files=(f"{folder}/train", f"{folder}/test"),
        class_counter="core.class_sizes:by_folder",
        implementation="core.datasets.image_folder:load",
    )


def utkface(id: str = "utkface", *, num_images: int = 23_708) -> DatasetInfo:
    """Declare UTKFace; some copies of it differ by a few files, and with them the sizes of the split that is
    drawn (protocol §1.3). They are trained by the recipes of UTKFace.
    """
    num_test = num_images // 5
    return DatasetInfo(
        id=id,
        title="UTKFace" if num_images == 23_708 else f"UTKFace ({num_images:,} files)",
        source="Zhang et al. 2017, Age progression/regression by conditional adversarial autoencoder; "
        "aligned and cropped, classes are ages 0–19, 20–39, 40–59, 60–79 and 80 or more",
        num_classes=5,
        num_train=num_images - num_test,
        num_test=num_test,
        image_size=224,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        augmentation="none",
        recipes_of=None if id == "utkface" else "utkface",
        files=("UTKface_Aligned_cropped/UTKFace",),
        class_counter="core.class_sizes:by_age",
        implementation="core.datasets.utkface:load",
    )


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

DIGITS = DatasetInfo(
    id="digits",
    title="Digits",
    source="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI); from scikit-learn",
    num_classes=10,
    num_train=1438,
    num_test=359,
    image_size=16,
    mean=(0.3053, 0.3053, 0.3053),
    std=(0.3186, 0.3186, 0.3186),
    augmentation="shift",
    class_sizes=(140, 142, 140, 152, 146, 149, 149, 142, 136, 142),
    implementation="core.datasets.digits:load",
)

MNIST = DatasetInfo(
    id="mnist",
    title="MNIST",
    source="LeCun et al. 1998, Gradient-based learning applied to document recognition",
    num_classes=10,
    num_train=60_000,
    num_test=10_000,
    image_size=32,
    mean=(0.1307, 0.1307, 0.1307),
    std=(0.3081, 0.3081, 0.3081),
    augmentation="flip",
    class_sizes=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    files=tuple(f"MNIST/raw/{name}" for name in IDX_FILES),
    implementation="core.datasets.mnist:load_mnist",
)

FASHION_MNIST = DatasetInfo(
    id="fashion_mnist",
    title="FashionMNIST",
    source="Xiao et al. 2017, arXiv 1708.07747",
    num_classes=10,
    num_train=60_000,
    num_test=10_000,
    image_size=32,
    mean=(0.2860, 0.2860, 0.2860),
    std=(0.3530, 0.3530, 0.3530),
    augmentation="flip",
    class_sizes=(6000,) * 10,
    files=tuple(f"FashionMNIST/raw/{name}" for name in IDX_FILES),
    implementation="core.datasets.mnist:load_fashion_mnist",
)

CIFAR10 = DatasetInfo(
    id="cifar10",
    title="CIFAR-10",
    source="Krizhevsky 2009, Learning multiple layers of features from tiny images",
    num_classes=10,
    num_train=50_000,
    num_test=10_000,
    image_size=32,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2023, 0.1994, 0.2010),
    augmentation="crop_flip",
    class_sizes=(5000,) * 10,
    files=(
        *(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        "cifar-10-batches-py/test_batch",
        "cifar-10-batches-py/batches.meta",
    ),
    implementation="core.datasets.cifar:load_cifar10",
)

CIFAR100 = DatasetInfo(
    id="cifar100",
    title="CIFAR-100",
    source="Krizhevsky 2009, Learning multiple layers of features from tiny images; fine labels",
    num_classes=100,
    num_train=50_000,
    num_test=10_000,
    image_size=32,
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    augmentation="crop_flip",
    class_sizes=(500,) * 100,
    files=("cifar-100-python/train", "cifar-100-python/test", "cifar-100-python/meta"),
    implementation="core.datasets.cifar:load_cifar100",
)

CIFAR10_JPEG = image_folder(
    "cifar10-jpeg",
    id="cifar10_jpeg",
    title="CIFAR-10 (JPEG copy)",
    source="A lossy copy of CIFAR-10 (Krizhevsky 2009) in another order: results are not comparable",
    num_classes=10,
    num_train=50_000,
    num_test=10_000,
    image_size=32,
    mean=CIFAR10.mean,
    std=CIFAR10.std,
    augmentation="crop_flip",
    recipes_of="cifar10",
)

UTKFACE = utkface()
