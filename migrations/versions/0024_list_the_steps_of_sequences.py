"""write the steps of sequences as a list of forget rules, so that what is stored can be read.

Ids stay, though they were the hash of the earlier form: finished steps keep their results, and a sequence
that is under way is to be submitted again. Nothing is undone on the way down, where a step by a rule other
than `random` has no form.

Revision: 0024
After: 0023
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

JSON = sa.JSON(none_as_null=True)
DOCUMENTS = (
    sa.table("job", sa.column("id", sa.String), sa.column("spec", JSON)),
    sa.table("setting", sa.column("id", sa.String), sa.column("definition", JSON)),
    sa.table("unit", sa.column("id", sa.String), sa.column("payload", JSON)),
)


def upgrade() -> None:
    connection = op.get_bind()
    for table in DOCUMENTS:
        _, document = table.c
        text = sa.cast(document, sa.Text)
        rows = sa.select(*table.c).where(text.like('%"step"%') | text.like('%"sequence"%'))
        for key, value in connection.execute(rows).all():
            changed = table.update().where(table.c.id == key).values({document.name: listed(value)})
            connection.execute(changed)


def downgrade() -> None:
    pass


def listed(value: object) -> Any:  # noqa: ANN401 - plain JSON
    """The document with every sequence and step in it as a list of draws."""
    match value:
        case {"rule": "sequence", "steps": int(count), **size}:
            return {"rule": "sequence", "steps": [{"rule": "random", **size}] * count}
        case {"rule": "step", "step": int(number), **size}:
            return {"rule": "step", "steps": [{"rule": "random", **size}] * (number + 1)}
        case dict():
            return {name: listed(item) for name, item in value.items()}
        case list():
            return [listed(item) for item in value]
        case _:
            return value
