"""keep how well an attack does on each sample.

Revision: 0017
After: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    with op.batch_alter_table("attack_result") as attack_result:
        attack_result.add_column(sa.Column("samples", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attack_result") as attack_result:
        attack_result.drop_column("samples")
