"""tell attempts that ended with their worker from those that the unit may have ended.

Revision: 0020
After: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

UNIT = sa.table("unit", sa.column("attempt", sa.Integer), sa.column("losses", sa.Integer))
EVENT = sa.table("event", sa.column("reason", sa.String), sa.column("actor", sa.String))


def upgrade() -> None:
    op.add_column("unit", sa.Column("losses", sa.Integer(), nullable=False, server_default="0"))
    _rename("infra_lost", "worker_lost")


def downgrade() -> None:
    _rename("worker_lost", "infra_lost")
    op.execute(UNIT.update().values(attempt=UNIT.c.attempt - UNIT.c.losses))  # before, each would count
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("losses")


def _rename(before: str, after: str) -> None:
    """The scheduler loses a unit only where its worker is silent. The ledger and its tally keep their
    reasons: they do not know who lost a unit, and both are refunded.
    """
    lost = (EVENT.c.reason == before, EVENT.c.actor == "scheduler")
    op.execute(EVENT.update().where(*lost).values(reason=after))
