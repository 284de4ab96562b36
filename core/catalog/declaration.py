"""What every entry of the catalogue has in common."""

from pydantic import BaseModel, ConfigDict, Field

IMPORT_STRING = r"^[\w.]+:\w+$"


class Declaration(BaseModel):
    """A frozen, torch-free record that names its implementation as an import string
    (`package.module:attribute`).

    `revision` rises when the thing's numbers change: it is part of every unit's identity, so that stored
    results of the old numbers are not taken for the new ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    source: str = Field(min_length=1)
    implementation: str = Field(pattern=IMPORT_STRING)
    revision: int = Field(1, ge=1)
