"""find what is left of a job's plan without reading all of it.

Revision: 0016
After: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_job_unit_position", "job_unit", ["job_id", "position"])


def downgrade() -> None:
    op.drop_index("ix_job_unit_position", "job_unit")
