"""`lethe webhooks`: be told when a job's state changes."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from api.commands.asking import Url, client_of, command_group, console

LISTED = 20

app = command_group("Be told when a job's state changes.")
WebhookId = Annotated[str, typer.Argument(metavar="ID")]


@app.command("add")
def add_webhook(
    to: Annotated[str, typer.Argument(metavar="URL", help="Where to send.")],
    events: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="EVENT", help="As job.failed; again for another. By default all."),
    ] = None,
    url: Url = None,
) -> None:
    """Make a webhook; its secret is shown once."""
    with client_of(url) as client:
        made = client.create_webhook(to, events)
    sys.stdout.write(f"{made.id} {made.secret}\n")
    Console(stderr=True).print("Keep the secret: it verifies what arrives, and is not shown again.")


@app.command("list")
def list_webhooks(url: Url = None) -> None:
    """List webhooks, without their secrets."""
    table = Table("Webhook", "Owner", "URL", "Events", box=None)
    with client_of(url) as client:
        for hook in client.list_webhooks().items:
            table.add_row(hook.id, escape(hook.owner), escape(hook.url), ", ".join(hook.events))
    console.print(table)


@app.command("test")
def send_test(id: WebhookId, url: Url = None) -> None:
    """Send a message that tells of nothing."""
    with client_of(url) as client:
        sent = client.test_webhook(id)
    console.print(f"{sent.id} is to be sent; see `lethe webhooks log {id}`.", highlight=False)


@app.command("log")
def show_deliveries(id: WebhookId, url: Url = None) -> None:
    """Show what was sent lately, newest first."""
    table = Table("Message", "Event", "Job", "State", "Tries", "Last", box=None)
    with client_of(url) as client:
        for _, sent in zip(range(LISTED), client.list_deliveries(id), strict=False):
            last = (sent.tries[-1].error or f"answered {sent.tries[-1].status}") if sent.tries else ""
            tries = str(len(sent.tries))
            table.add_row(sent.id, sent.event, sent.job_id or "", sent.state, tries, escape(last))
    console.print(table)


@app.command("delete")
def delete_webhook(id: WebhookId, url: Url = None) -> None:
    """End a webhook."""
    with client_of(url) as client:
        client.delete_webhook(id)
    console.print(f"The webhook {id} is deleted.", markup=False, highlight=False)
