"""remember by which key another was replaced, so that it is replaced once.

Revision: 0021
After: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("replaced_by", sa.String(16), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("api_key") as api_key:
        api_key.drop_column("replaced_by")
