"""A board as a document, and as text in the formats that people paste elsewhere. Pure."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.attack_figures import FIELDS, attack_names, attack_text, told
from core.board import Attacks, Board, Cell, CellSummary, Row, RowMove
from core.places import forget_text, place_names, setting_document
from core.spec.setting import Setting, SettingId
from core.tier import Tier
from core.uncertainty import LEVEL, RankInterval, RowUncertainty, Uncertainty


class ExportFormat(StrEnum):
    """The formats of a board."""

    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    LATEX = "latex"


@dataclass(frozen=True)
class FormatInfo:
    """How a format travels."""

    extension: str
    media_type: str
    render: Callable[[dict[str, Any]], str]


def board_document(board: Board) -> dict[str, Any]:
    """The board as plain JSON, as `GET /leaderboard` answers it."""
    settings = {setting.id: setting for setting in board.settings}
    names = attack_names(board.attacks.values())

    def rows(found: Iterable[Row]) -> list[dict[str, Any]]:
        return [_row(row, settings, board.attacks, names) for row in found]

    return {
        "protocol": board.protocol,
        "metric": board.metric.value,
        "higher_is_better": board.metric.higher_is_better,
        "tier": Tier.RUN_HERE.value,
        "cohort": board.cohort.value,
        "settings": [_column(setting, board) for setting in board.settings],
        "rows": rows(board.rows),
        "references": rows(board.references),
        "moved": [row_move(move) for move in board.moved],
    }


def row_move(move: RowMove) -> dict[str, Any]:
    """What moved a row, as plain JSON."""
    return {
        "label": move.method.label,
        "rank_before": move.rank_before,
        "rank_after": move.rank_after,
        "cells": [
            {"setting": cell.setting, "before": cell.before, "after": cell.after} for cell in move.cells
        ],
    }


def render(board: Board, export_format: ExportFormat) -> str:
    """The board as text."""
    return render_document(board_document(board), export_format)


def render_document(document: dict[str, Any], export_format: ExportFormat) -> str:
    """A board document as text, whether it is the board of today or a frozen one."""
    return FORMATS[export_format].render(document)


def uncertainty_document(found: Uncertainty, model_seeds: Sequence[int]) -> dict[str, Any]:
    """How sure a board's ranks are, as plain JSON, as `GET /leaderboard/uncertainty` answers it."""
    return {
        "protocol": found.board.protocol,
        "metric": found.board.metric.value,
        "cohort": found.board.cohort.value,
        "draws": found.draws,
        "level": LEVEL,
        "model_seeds": list(model_seeds),
        "rows": [_sure_row(row) for row in found.rows],
    }


def _sure_row(found: RowUncertainty) -> dict[str, Any]:
    return {
        "label": found.row.method.label,
        "rank": found.row.rank,
        "over_seeds": _interval(found.over_seeds),
        "over_settings": _interval(found.over_settings),
        "not_distinguishable": list(found.not_distinguishable),
        "cells": [
            {
                "setting": cell.setting,
                "group": shown.group,
                "probabilities": {group.value: share for group, share in cell.probabilities.items()},
                "standard_error": cell.standard_error,
            }
            for cell, shown in zip(found.cells, found.row.cells, strict=True)
        ],
    }


def _interval(found: RankInterval | None) -> dict[str, int] | None:
    return None if found is None else {"low": found.low, "high": found.high}


def _column(setting: Setting, board: Board) -> dict[str, Any]:
    grouping = board.groupings[setting.id]
    return {
        **setting_document(setting),
        "id": setting.id,
        "cuts": list(grouping.cuts),
        "is_frozen": grouping.is_frozen,
        "is_ambiguous": grouping.is_ambiguous,
        "indiscernibility_floor": board.floors.get(setting.id),
    }


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Records as CSV, one line each: fields of nested objects become columns `field.name`, lists JSON.

    An object that is missing in a record leaves its columns empty there.
    """
    flat = [_flat(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    objects = {name.rpartition(".")[0] for name in names}
    columns = [name for name in names if name not in objects]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.dumps(value) if isinstance(value, list) else value
    return flat


def _row(
    row: Row, settings: Mapping[SettingId, Setting], attacks: Attacks, names: Sequence[str]
) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "is_provisional": row.is_provisional,
        "unlearner": row.method.unlearner,
        "variant": row.method.variant,
        "label": row.method.label,
        "g1": row.counts.g1,
        "g2": row.counts.g2,
        "g3": row.counts.g3,
        "failed": row.counts.failed,
        "coverage": f"{row.covered}/{len(row.cells)}",
        "cells": [
            {
                **_cell(cell, settings[cell.setting]),
                "attacks": told(attacks.get((cell.setting, row.method), {}), names),
            }
            for cell in row.cells
        ],
    }


def _cell(cell: Cell, setting: Setting) -> dict[str, Any]:
    summary = cell.summary
    return {
        "setting": cell.setting,
        **setting_document(setting),
        "group": cell.group,
        "state": cell.state,
        "mean": summary.mean if summary else None,
        "sd": summary.sd if summary else None,
        "seeds": summary.seeds if summary else 0,
        "usable_seeds": summary.usable + summary.undefined if summary else 0,
        "required_seeds": cell.required_seeds,
        "runtime_efficiency": summary.runtime_efficiency if summary else None,
    }


def summary_document(summary: CellSummary) -> dict[str, Any]:
    """One method in one setting over some model seeds, as plain JSON."""
    return {
        "setting": summary.setting,
        "label": summary.method.label,
        "mean": summary.mean,
        "sd": summary.sd,
        "seeds": summary.seeds,
        "usable_seeds": summary.usable + summary.undefined,
    }


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _as_csv(document: dict[str, Any]) -> str:
    """One line per method and setting; numbers in full, so that nothing is lost. The paper's tables tell no
    settings apart: they have one line per method.
    """
    columns = ["rank", "label", "g1", "g2", "g3", "failed"]
    cell_columns = [
        "dataset",
        "model",
        "group",
        "mean",
        "sd",
        "usable_seeds",
        "required_seeds",
        "runtime_efficiency",
        "setting",
        "forget",
        "precision",
        "run_seed",
    ]
    attacks = _attacks_of(document)
    attack_columns = [f"{name}.{field}" for name in attacks for field in FIELDS]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    board_columns = ["protocol", "metric", "tier"]
    writer.writerow([*board_columns, *columns, *cell_columns, *attack_columns])
    board = [document[name] for name in board_columns]
    for row in (*document["rows"], *document["references"]):
        for cell in row["cells"] or [{}]:
            words = {**cell, "forget": forget_text(cell["forget"])} if "forget" in cell else cell
            values = [*(row[name] for name in columns), *(words.get(name) for name in cell_columns)]
            found = cell.get("attacks", {})
            values += [found.get(name, {}).get(field) for name in attacks for field in FIELDS]
            writer.writerow([*board, *values])
    return out.getvalue()


def _attacks_of(document: dict[str, Any], *, run: bool = False) -> list[str]:
    """The attacks that a board document tells of, or those of them that have a figure; boards that were
    frozen before there were any have none.
    """
    cells = [cell for row in (*document["rows"], *document["references"]) for cell in row["cells"]]
    found = [item for cell in cells for item in cell.get("attacks", {}).items()]
    return sorted({name for name, figures in found if not run or figures["mean_accuracy"] is not None})


def _as_markdown(document: dict[str, Any]) -> str:
    header, lines = _text_table(document)
    rule = ["---:" if name in ("rank", "G1", "G2", "G3", "F") else "---" for name in header]
    return "".join(f"| {' | '.join(line)} |\n" for line in (header, rule, *lines))


def _as_latex(document: dict[str, Any]) -> str:
    header, lines = _text_table(document)
    body = "".join(f"{' & '.join(_escaped(value) for value in line)} \\\\\n" for line in lines)
    titles = " & ".join(_escaped(name) for name in header)
    alignment = "rlrrrr" + "l" * (len(header) - 6)
    return (
        f"\\begin{{tabular}}{{{alignment}}}\n\\hline\n{titles} \\\\\n"
        f"\\hline\n{body}\\hline\n\\end{{tabular}}\n"
    )


def _text_table(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the board as people read it."""
    places = place_names(document["protocol"], document["settings"])
    attacks = _attacks_of(document, run=True)
    lines = []
    for row in (*document["rows"], *document["references"]):
        counts = [str(row[name]) if row["rank"] else "" for name in ("g1", "g2", "g3", "failed")]
        cells = [cell_text(cell) for cell in row["cells"]]
        cells += [attack_text(cell["attacks"][name]) for name in attacks for cell in row["cells"]]
        lines.append([str(row["rank"] or "-"), row["label"], *counts, *cells])
    columns = [*places, *(f"{place}, {name}" for name in attacks for place in places)]
    return ["rank", "unlearner", "G1", "G2", "G3", "F", *columns], lines


def cell_text(cell: dict[str, Any]) -> str:
    """A cell of a board document in words: group, mean ± s.d., and how many seeds it still lacks."""
    if cell["mean"] is None:
        return "F" if cell["group"] == "F" else {"undefined": "undefined"}.get(cell["state"], "-")
    spread = "" if cell["sd"] is None else f" ± {cell['sd']:.3f}"
    lacking = f" ({cell['seeds']} of {cell['required_seeds']} seeds)" if cell["state"] == "incomplete" else ""
    group = f"{cell['group']} " if cell["group"] else ""
    return f"{group}{cell['mean']:.3f}{spread}{lacking}"


def _escaped(text: str) -> str:
    return text.replace("_", "\\_").replace("±", "$\\pm$").replace("%", "\\%").replace("&", "\\&")


FORMATS = {
    ExportFormat.JSON: FormatInfo("json", "application/json", _as_json),
    ExportFormat.CSV: FormatInfo("csv", "text/csv", _as_csv),
    ExportFormat.MARKDOWN: FormatInfo("md", "text/markdown", _as_markdown),
    ExportFormat.LATEX: FormatInfo("tex", "application/x-tex", _as_latex),
}
