"""From version 1 to 2: genre and licence of a track, and which contents are one recording."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: "Operations") -> None:
    """Add the columns and the table, empty: they are filled as files are looked at again."""
    op.add_column("tracks", sa.Column("genre", sa.Text))
    op.add_column("tracks", sa.Column("licence", sa.Text))
    op.create_table(
        "recordings",
        sa.Column("content", sa.Integer, sa.ForeignKey("contents.id"), primary_key=True),
        sa.Column("recording", sa.Integer, nullable=False),
    )
    op.create_index("ix_recordings_recording", "recordings", ["recording"])
