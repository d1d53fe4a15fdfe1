"""From version 2 to 3: which contents have changed since a snapshot."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: "Operations") -> None:
    """Add the table, with the note that everything may have changed up to now."""
    op.create_table(
        "touched",
        sa.Column("content", sa.Integer, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO touched SELECT 0, generation FROM meta")
