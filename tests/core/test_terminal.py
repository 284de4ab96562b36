"""Progress and tables in the terminal."""

import re

import pytest
from rich.console import Console

from core.terminal import (
    JobProgress,
    Weights,
    difference_tables,
    reported_table,
    snapshots_table,
)


def shown(*parts: object) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, str))
    return capture.get()


def told(unit: str, state: str = "done", **more: str) -> dict[str, str]:
    text = f"{unit} is {state}."
    return {"unit_id": unit, "kind": unit, "state": state, "reason": state, "text": text, **more}


def weights(done: float = 0.0, **work: float) -> Weights:
    return Weights(sum(work.values()) + done, done, lambda unit, _kind: work[unit])


def test_the_time_left_is_told_from_the_first_unit_on_however_long_units_take():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)

    with console.capture() as capture, JobProgress(console, total=4) as progress:
        now = 600.0
        progress.show("unit", told("train"))
        now = 700.0
        progress.describe(0, "unlearn with ft", "2,048 images")

    assert re.search(r"seed 0: unlearn with ft - 2,048 images.*1/4.*left.*0:30:00", capture.get())


def test_the_time_left_counts_units_by_their_work_where_that_is_known():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=3, weights=weights(train=10.0, evaluate=0.0, unlearn=20.0))

    with console.capture() as capture, bar as progress:
        now = 600.0
        progress.show("unit", told("train"))
        progress.show("unit", told("evaluate"))
        progress.describe(0, "unlearn with ft", "2,048 images")

    assert re.search(r"seed 0: unlearn with ft - 2,048 images.*2/3.*left.*0:20:00", capture.get())


def in_hand(unit: str, fraction: float) -> dict[str, object]:
    told = {"model_seed": 0, "title": "x", "progress_text": "x"}
    return {"id": unit, "kind": unit, "progress": fraction, **told}


def test_the_bar_moves_inside_a_unit_never_backwards_and_its_end_counts_once():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    ended, running = told("train"), in_hand("unlearn", 1 / 3)
    steps = [
        (60.0, lambda bar: bar.advance_within("train", "train", 0.5), ("0", "0:07:00")),
        (60.0, lambda bar: bar.advance_within("train", "train", None), ("0", "0:07:00")),
        (60.0, lambda bar: bar.advance_within("train", "train", 0.1), ("0", "0:07:00")),
        (120.0, lambda bar: bar.show("unit", ended), ("1", "0:06:00")),
        (
            120.0,
            lambda bar: bar.advance_within("train", "train", 0.2),
            ("1", "0:06:00"),
        ),  # what it made was broken,
        (120.0, lambda bar: bar.show("unit", ended), ("1", "0:06:00")),  # and it is made again
        (240.0, lambda bar: bar.show("progress", {"units": [running]}), ("1", "0:04:00")),
    ]

    for count in range(1, len(steps) + 1):
        now = 0.0
        with (
            console.capture() as capture,
            JobProgress(console, total=2, weights=weights(train=10.0, unlearn=30.0)) as progress,
        ):
            for now, step, _ in steps[:count]:  # noqa: B007 - the console reads the time
                step(progress)
        assert re.findall(r"(\d)/2.*?left (\S+)", capture.get())[-1] == steps[count - 1][2]


def test_the_speed_is_that_of_this_run_alone():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=3, done=1, weights=weights(done=1000.0, train=10.0, unlearn=10.0))

    with console.capture() as capture, bar as progress:
        now = 60.0
        progress.show("unit", told("train"))

    assert re.search(r"2/3.*left 0:01:00", capture.get())


def test_what_a_unit_in_hand_had_done_before_says_nothing_of_the_speed():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=2, weights=weights(train=10.0, unlearn=30.0))
    bar.show("progress", {"units": [in_hand("train", 0.9)]})

    with console.capture() as capture, bar as progress:
        now = 1.0
        progress.show("progress", {"units": [in_hand("train", 0.9)]})
        now = 60.0
        progress.show("unit", told("train"))

    lefts = re.findall(r"left (\S+)", capture.get())
    assert (lefts[0], lefts[-1]) == ("-:--:--", "0:30:00")


def test_a_unit_that_was_done_before_and_is_made_again_does_not_count_twice():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)

    with console.capture() as capture, JobProgress(console, total=3, done=1) as progress:
        progress.show("unit", told("train", "ready", **{"from": "done"}))
        progress.show("unit", told("train"))
        now = 60.0
        progress.show("unit", told("unlearn"))

    assert re.findall(r"(\d/3).*?left (\S+)", capture.get())[-1] == ("2/3", "0:01:00")


REDO = told("a", "ready", reason="artifact_broken", **{"from": "done"})
RETRIED = told("a", "waiting", reason="retried")
FAILED = told("a", "failed")


@pytest.mark.parametrize(
    ("events", "count", "left"),
    [
        ([FAILED, RETRIED, told("b"), told("c"), told("a")], "3/4", "0:00:20"),
        ([FAILED, RETRIED, FAILED, told("b"), told("c")], "2/4", "0:00:30"),
        ([told("a"), REDO, told("b"), FAILED], "1/4", "0:01:00"),
        ([told("a"), REDO, FAILED, RETRIED, told("a"), told("b")], "2/4", "0:00:40"),
        ([told("a", "cancelled"), RETRIED, told("b")], "1/4", "0:03:00"),
    ],
    ids=["tried again", "failed again", "made again and failed", "failed, then made", "cancelled"],
)
def test_a_unit_that_is_tried_again_takes_its_time_again(events, count, left):
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)

    with console.capture() as capture, JobProgress(console, total=4) as progress:
        now = 60.0
        for event in events:
            progress.show("unit", event)

    assert re.findall(r"(\d/4).*?left (\S+)", capture.get())[-1] == (count, left)


def test_a_unit_that_had_failed_before_and_is_tried_again_is_work_that_is_left():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=3, weights=Weights(2.0, 0.0, lambda _unit, _kind: 1.0))

    with console.capture() as capture, bar as progress:
        now = 60.0
        for event in (RETRIED, told("a")):
            progress.show("unit", event)

    assert re.findall(r"(\d/3).*?left (\S+)", capture.get())[-1] == ("1/3", "0:02:00")


def test_a_unit_that_was_done_before_and_fails_now_says_nothing_of_the_speed():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=3, done=1, weights=Weights(3.0, 1.0, lambda _unit, _kind: 1.0))

    with console.capture() as capture, bar as progress:
        now = 60.0
        for event in (REDO, FAILED, told("b")):
            progress.show("unit", event)

    assert re.findall(r"(\d/3).*?left (\S+)", capture.get())[-1] == ("1/3", "0:01:00")


def test_what_failed_takes_no_more_time():
    now = 0.0
    console = Console(width=200, force_terminal=True, get_time=lambda: now)
    bar = JobProgress(console, total=3, weights=weights(train=10.0, retrain=10.0, unlearn=1000.0))

    with console.capture() as capture, bar as progress:
        now = 60.0
        progress.show("unit", told("train"))
        progress.show("unit", told("unlearn", "failed"))

    assert re.findall(r"(\d/3).*?left (\S+)", capture.get())[-1] == ("1/3", "0:01:00")


SNAPSHOT = {
    "id": "snp_01a213a2-33a4-7070-8430-71fb226b51cd",
    "title": "As [submitted]",
    "protocol": "quick/1.0",
    "created_at": "2026-11-25T16:55:00Z",
    "num_results": 120,
    "sha256": "36c60cacc0a1ccae",
}
SAME = {"same": 17, "shared": 18}


def test_a_snapshot_is_listed_with_its_whole_id_and_its_date():
    lines = shown(snapshots_table([SNAPSHOT, {**SNAPSHOT, "id": "paper", "created_at": None}]))

    assert SNAPSHOT["id"] in lines
    assert "As [submitted]" in lines
    assert "2026-11-25" in lines
    assert "as printed" in lines


def test_what_moved_is_told_with_its_cause_and_what_is_the_same():
    row = {
        "label": "msg",
        "before": {"rank": 2, "g1": 0, "g2": 1, "g3": 0, "failed": 0},
        "after": {"rank": 1, "g1": 1, "g2": 0, "g3": 0, "failed": 0},
        "is_within_interval": True,
        "causes": [{"code": "retuned", "text": "digits/resnet18: other hyperparameters"}],
    }
    same = {"ranks": SAME, "counts": SAME, "groups": {"same": 0, "shared": 0}}
    board = {"metric": "retention_deviation", "unchanged": 16, "updated": ["ft"], **same}
    still = {**board, "metric": "indiscernibility", "moved": []}
    found = {
        "before": SNAPSHOT,
        "after": None,
        "notes": ["A note."],
        "boards": [{**board, "moved": [row]}, still],
    }

    text = " ".join(shown(*difference_tables(found)).split())

    assert "A note." in text
    assert "As [submitted] → now" in text
    assert "2 → 1 (within its interval) │ 0 1 0 0 → 1 0 0 0 │ digits/resnet18: other hyperparameters" in text
    assert "16 rows unchanged, 1 with other results; the same: 17 of 18 ranks, 17 of 18 counts" in text
    assert "nothing moved" in text


def test_what_was_reported_says_how_many_seeds_it_lacks():
    figure = {"mean": 0.04, "sd": 0.0141, "seeds": 2}
    cell = {"unlearner": "ours", "dataset": "digits", "model": "resnet18", "seeds": 2, "required_seeds": 3}
    report = {"origin": "A group", "protocol": "quick/1.0", "cells": [{**cell, "metrics": {}}]}
    report["cells"].append({**cell, "metrics": {"retention_deviation": figure}})

    text = " ".join(shown(reported_table(report)).split())

    assert "ours │ digits / resnet18 │ 2 of 3 │ - │ - │" in text
    assert "0.040 ± 0.014" in text
