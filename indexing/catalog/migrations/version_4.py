"""From version 3 to 4: the table `tracks`, which held files, is `files`; `contents`, which held tracks, is `tracks`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.operations import Operations

_TRIGGERS = [f"{table}_{event}" for table in ("contents", "tracks") for event in ("insert", "delete", "update")]


def upgrade(op: "Operations") -> None:
    """Rename tables, columns and indexes; no row is written. The triggers go: the next writer puts its own."""
    for name in _TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
    op.drop_index("ix_contents_part")
    op.drop_index("ix_tracks_content")
    op.rename_table("tracks", "files")
    op.rename_table("contents", "tracks")
    for table in ("files", "recordings", "touched"):
        op.alter_column(table, "content", new_column_name="track")
    op.create_index("ix_tracks_part", "tracks", ["part"])
    op.create_index("ix_files_track", "files", ["track"])
