"""From version 4 to 5: what tells that a file changed, more of its tags, and which tracks are contained in others."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: "Operations") -> None:
    """Add the columns and the table, empty: they are filled as files are looked at again."""
    op.add_column("files", sa.Column("album_artist", sa.Text))
    op.add_column("files", sa.Column("year", sa.Integer))
    for table in ("files", "failures"):
        op.add_column(table, sa.Column("ctime_ns", sa.Integer))
        op.add_column(table, sa.Column("inode", sa.Integer))
    op.create_table(
        "contained",
        sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True),
        sa.Column("whole", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True),
    )
    op.create_index("ix_contained_whole", "contained", ["whole"])
