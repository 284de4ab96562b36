"""`lethe board`, `snapshot` and `import`: the board now, as it was frozen, and what stands beside it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.asking import Url, client_of, command_group, console, read_file
from core.errors import DeploymentInvalid

if TYPE_CHECKING:
    from api.client import BoardFilters, Client

app = command_group("The board.")
snapshots = command_group("Freeze the board, list what was frozen, and say what has moved since.")
app.add_typer(snapshots, name="snapshot")


@app.command()
def board(
    format: Annotated[Literal["table", "csv", "json", "latex", "markdown"], typer.Option()] = "table",
    metric: Annotated[
        Literal["retention_deviation", "indiscernibility"], typer.Option()
    ] = "retention_deviation",
    intervals: Annotated[
        bool, typer.Option("--intervals", help="How sure the ranks are, beside them.")
    ] = False,
    cohort: Annotated[
        Literal["reference", "all"] | None,
        typer.Option(help="Whose results fix the groups; by default the reference unlearners'."),
    ] = None,
    protocol: Annotated[str | None, typer.Option()] = None,
    dataset: Annotated[str | None, typer.Option()] = None,
    model: Annotated[str | None, typer.Option()] = None,
    snapshot: Annotated[
        str | None, typer.Option(metavar="ID", help="As it was frozen, whole; paper: the paper's.")
    ] = None,
    url: Url = None,
) -> None:
    """Print the leaderboard of a running service."""
    if intervals and (format != "table" or snapshot):
        raise DeploymentInvalid(
            "--intervals goes with the table of today; GET /api/v1/leaderboard/uncertainty and "
            "GET /api/v1/snapshots/ID have all."
        )
    filters: BoardFilters = {
        "protocol": protocol,
        "metric": metric,
        "dataset": dataset,
        "model": model,
        "cohort": cohort,
    }
    with client_of(url) as client:
        if format == "table":
            show_board(client, filters, intervals=intervals, snapshot=snapshot)
        else:
            sys.stdout.write(client.export_leaderboard(format, snapshot=snapshot, **filters))


@app.command("import")
def import_results(
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A line per model.")],
    origin: Annotated[str, typer.Option(help="Who measured: a group, or a paper.")],
    link: Annotated[str, typer.Option(help="To the code or the paper.")],
    measured_on: Annotated[str, typer.Option(metavar="YYYY-MM-DD")],
    contact: Annotated[str | None, typer.Option(help="Whom to ask; it is shown to everybody.")] = None,
    protocol: Annotated[str, typer.Option()] = "quick/1.0",
    url: Url = None,
) -> None:
    """Import results that were measured elsewhere, as a CSV table; they are shown apart, and never ranked."""
    from core.terminal import reported_table

    document = read_file(table, "table")
    with client_of(url) as client:
        report = client.import_results(
            document,
            protocol=protocol,
            origin=origin,
            link=link,
            contact=contact,
            measured_on=measured_on,
        )
    console.print(reported_table(report.model_dump(mode="json")))
    console.print(f"Kept as {report.id}.", markup=False, highlight=False, soft_wrap=True)


@snapshots.command("create")
def create_snapshot(
    protocol: Annotated[str | None, typer.Option(help="By default quick/1.0.")] = None,
    title: Annotated[str | None, typer.Option(help="By default the protocol and the date.")] = None,
    url: Url = None,
) -> None:
    """Freeze a protocol's board, by both metrics, for ever."""
    with client_of(url) as client:
        made, is_new = client.create_snapshot(protocol=protocol, title=title)
    said = "frozen" if is_new else "was frozen before: the board has not changed since"
    console.print(f"{made.id}  {said}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"sha256 {made.sha256}", markup=False, highlight=False, soft_wrap=True)


@snapshots.command("list")
def list_snapshots(url: Url = None) -> None:
    """List all snapshots; `paper` are the paper's tables."""
    from core.terminal import snapshots_table

    with client_of(url) as client:
        found = client.list_snapshots()
        console.print(snapshots_table([snapshot.model_dump(mode="json") for snapshot in found]))


@snapshots.command("diff")
def show_difference(
    before: Annotated[str, typer.Argument(metavar="FROM", help="A snapshot's id, or paper.")],
    after: Annotated[str, typer.Argument(metavar="TO", help="Another, or now: the board.")] = "now",
    protocol: Annotated[
        str | None, typer.Option(help="Whose board, from paper to now; by default quick/1.0.")
    ] = None,
    url: Url = None,
) -> None:
    """Say what moved between two snapshots, and why."""
    from core.terminal import difference_tables

    with client_of(url) as client:
        found = client.get_snapshot_diff(before, after, protocol=protocol)
    for part in difference_tables(found.model_dump(mode="json")):
        console.print(part, soft_wrap=isinstance(part, str), highlight=False)


def show_board(
    client: "Client", filters: "BoardFilters", *, intervals: bool = False, snapshot: str | None = None
) -> None:
    """Print the leaderboard as a table, of today or as it was frozen."""
    from core.board_tables import BoardTables

    document = client.get_leaderboard(snapshot=snapshot, **filters).model_dump(mode="json")
    if not intervals:
        console.print(BoardTables(document))
        return
    uncertainty = client.get_leaderboard_uncertainty(**filters).model_dump(mode="json")
    console.print(BoardTables(document, uncertainty))
