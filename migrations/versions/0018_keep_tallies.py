"""count what only grows as it happens, so that nobody who watches reads all that ever was.

Revision: 0018
After: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TALLY = sa.table(
    "tally",
    sa.column("name", sa.String),
    sa.column("label", sa.String),
    sa.column("count", sa.BigInteger),
    sa.column("seconds", sa.Double),
)
EVENT = sa.table(
    "event", sa.column("reason", sa.String), sa.column("actor", sa.String), sa.column("data", sa.JSON)
)
LEDGER = sa.table("ledger", sa.column("reason", sa.String), sa.column("device_seconds", sa.Double))
UNIT = sa.table(
    "unit",
    sa.column("kind", sa.String),
    sa.column("state", sa.String),
    sa.column("runtime_seconds", sa.Double),
)
BOUNDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name="pk_tally"),
    )
    for name, happened in _happened().items():
        rows = happened.subquery()
        seconds = sa.func.sum(rows.c.seconds)
        totals = sa.select(sa.literal(name), rows.c.label, sa.func.sum(rows.c.times), seconds)
        op.execute(
            TALLY.insert().from_select(["name", "label", "count", "seconds"], totals.group_by(rows.c.label))
        )


def downgrade() -> None:
    op.drop_table("tally")


def _happened() -> dict[str, sa.Select[tuple[str, int, float]]]:
    """For each tally, what it counts, row by row: label, times, seconds."""
    released = EVENT.c.data["release_seconds"].as_float()
    shared = EVENT.c.data["shared"].as_integer()
    bound = sa.case(*((released <= bound, str(bound)) for bound in BOUNDS), else_="+Inf")
    return {
        "lease_expiries": _rows("", 1, 0.0).where(
            EVENT.c.reason == "infra_lost", EVENT.c.actor == "scheduler"
        ),
        "cache_hits": _rows("", shared, 0.0).where(EVENT.c.reason == "submitted", shared > 0),
        "release_seconds": _rows(bound, 1, released).where(
            EVENT.c.reason == "cancelled", released.is_not(None)
        ),
        "device_seconds": _rows(LEDGER.c.reason, 1, LEDGER.c.device_seconds),
        "unit_seconds": _rows(UNIT.c.kind, 1, sa.func.coalesce(UNIT.c.runtime_seconds, 0.0)).where(
            UNIT.c.state == "done"
        ),
    }


def _rows(label: object, times: object, seconds: object) -> sa.Select[tuple[str, int, float]]:
    columns = {"label": label, "times": times, "seconds": seconds}
    return sa.select(
        *(
            (found if isinstance(found, sa.ColumnElement) else sa.literal(found)).label(name)
            for name, found in columns.items()
        )
    )
