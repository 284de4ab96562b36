"""What all tables share: the names of their constraints, and how JSON, times and numbers are stored."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Double, MetaData, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Text, not JSONB: that would turn the float 1e38 into an integer, and a unit's content is its identity.
Json = JSON(none_as_null=True)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, stored as seconds since the epoch: both databases compare and add it alike."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """A time, or seconds since the epoch, as the latter."""
        return value.timestamp() if isinstance(value, datetime) else value

    def process_result_value(self, value: float | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Seconds since the epoch as an aware UTC time."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: Json,
        list[str]: Json,
        list[dict[str, Any]]: Json,
        datetime: UtcDateTime,
        float: Double,
    }
