"""Let torchvision be imported where its compiled operators cannot load.

A torchvision wheel built for another torch (its CUDA build beside a CPU torch, say) fails at import with
"operator torchvision::nms does not exist": it registers fake kernels for operators that its extension would
have defined. Lethe uses only what is pure Python in it - models, datasets, transforms - so declaring the two
schemas is enough.
"""

import importlib.machinery
import importlib.util
import sys
from functools import cache

import torch

SCHEMAS = ("nms", "qnms")


@cache
def declare_missing_operators() -> torch.library.Library | None:
    """Call before the first import of torchvision; where its extension loads, this does nothing and returns
    None.
    """
    if "torchvision" in sys.modules or _extension_loads():
        return None
    library = torch.library.Library("torchvision", "DEF")  # the cache keeps it alive
    for name in SCHEMAS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _extension_loads() -> bool:
    package = importlib.util.find_spec("torchvision")
    places = package.submodule_search_locations if package else None
    extension = importlib.machinery.PathFinder.find_spec("_C", list(places)) if places else None
    if extension is None or extension.origin is None:
        return False
    try:
        torch.ops.load_library(extension.origin)
    except OSError:  # built for another torch
        return False
    return True
