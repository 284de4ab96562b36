"""Seconds and memory of the U-LiRA attack on the full study, beside a plain loop over samples."""

import argparse
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from core.attacks.lira_splits import LiraSplits, draw_lira_splits
from core.attacks.observations import FORGET, OUT, observations
from core.attacks.rmia import rmia
from core.attacks.sample_attack import attack_samples
from core.attacks.u_lira import SIGMA_FLOOR, u_lira
from core.catalog.attacks import RMIA, U_LIRA

NUM_TRAIN = 50_000
SHIFT = 0.5  # of the made-up scores of models that forgot the sample, in standard deviations


def main() -> None:
    """Print both, and their ratio; the loop runs on a part of the same scores and is extrapolated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-train", type=int, default=NUM_TRAIN, help="official training images")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap; 0 for no intervals")
    parser.add_argument("--loop-samples", type=int, default=200, help="that the plain loop attacks")
    options = parser.parse_args()
    splits = draw_lira_splits(options.num_train)
    membership = splits.membership()
    scores = made_up_scores(membership)
    num_models, num_samples = scores.shape
    before = peak_memory()
    print(f"{num_models} models × {num_samples:,} samples, {before:.2f} GiB in use with their scores")

    observed = observations(scores, membership, splits.models)
    started = time.perf_counter()
    result = attack_samples(u_lira, observed, min_splits=U_LIRA.min_splits, replicates=0)
    attack = time.perf_counter() - started
    print(
        f"   attack: {attack:8.2f} s, peak {peak_memory():.2f} GiB, accuracy {result.accuracies.mean():.4f}"
    )

    started = time.perf_counter()
    attack_samples(rmia, observed, min_splits=RMIA.min_splits, replicates=0)
    print(f"     RMIA: {time.perf_counter() - started:8.2f} s, peak {peak_memory():.2f} GiB")

    if options.replicates:
        started = time.perf_counter()
        attack_samples(u_lira, observed, min_splits=U_LIRA.min_splits, replicates=options.replicates)
        whole = time.perf_counter() - started
        print(f"with intervals: {whole:.2f} s, peak {peak_memory():.2f} GiB")

    started = time.perf_counter()
    looped = plain_loop(scores, membership, splits, options.loop_samples)
    loop = (time.perf_counter() - started) / options.loop_samples * num_samples
    difference = np.abs(looped - result.accuracies[: options.loop_samples]).max()
    print(
        f"plain loop: {loop:8.2f} s, extrapolated from {options.loop_samples} samples; largest difference "
        f"of an accuracy {difference:.1e}"
    )
    print(f"    ratio: {loop / attack:8.1f}")


def made_up_scores(membership: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normal scores, a model at a time, so that making them needs no more memory than they do."""
    generator = np.random.default_rng(0)
    scores = np.empty(membership.shape, dtype=np.float32)
    for row, codes in zip(scores, membership, strict=True):
        row[:] = generator.standard_normal(len(row), dtype=np.float32) + SHIFT * (codes == FORGET)
    return scores


def plain_loop(
    scores: NDArray[np.float32], membership: NDArray[np.uint8], splits: LiraSplits, num_samples: int
) -> NDArray[np.float64]:
    """Accuracies of the first samples, each split's normals fitted anew."""
    floor = SIGMA_FLOOR * scores[membership <= FORGET].std(dtype=np.float64)
    accuracies = []
    of_split = splits.models[:, 0]
    for sample in range(num_samples):
        z, codes = scores[:, sample].astype(np.float64), membership[:, sample]
        right: dict[int, list[bool]] = {FORGET: [], OUT: []}
        for split in np.unique(of_split):
            fitted = of_split != split
            normals = {}
            for side in (FORGET, OUT):
                values = z[fitted & (codes == side)]
                normals[side] = values.mean(), max(values.std(ddof=1), floor)
            for side in (FORGET, OUT):
                left_out = z[~fitted & (codes == side)]
                in_density, out_density = (norm.pdf(left_out, *normals[of]) for of in (FORGET, OUT))
                says_forgotten = in_density > out_density
                right[side].extend(says_forgotten == (side == FORGET))
        accuracies.append((np.mean(right[FORGET]) + np.mean(right[OUT])) / 2)
    return np.array(accuracies)


def peak_memory() -> float:
    """Largest resident set so far, GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (2**30 if sys.platform == "darwin" else 2**20)


if __name__ == "__main__":
    main()
