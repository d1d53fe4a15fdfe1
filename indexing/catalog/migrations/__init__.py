"""Catalogs of earlier versions brought to this one: a step per version, all of them in one transaction.

A revision is a module `version_N` that takes a catalog from version N - 1 to N with Alembic's operations; the catalog
itself says which version it has (`meta.schema_version`), so Alembic's own table of versions is not needed. Imported,
as Alembic is, only where there is something to migrate.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.catalog.engine import writing_engine
from indexing.catalog.migrations import version_2, version_3, version_4, version_5
from indexing.disk.locations import BACKUP, CATALOG
from recommender.atomic import new_file

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISIONS: dict[int, Callable[["Operations"], None]] = {
    number: module.upgrade for number, module in enumerate((version_2, version_3, version_4, version_5), start=2)
}
"""What brings a catalog to each version from the one before it."""


def bring_up(folder: Path) -> None:
    """Migrate the catalog of a library whose write lock is held, with a copy beside it until that is done.

    Killed at any instant, the catalog is of the old version or of the new one, never between.
    """
    _back_up(folder / CATALOG, folder / BACKUP)
    migrate(folder / CATALOG)
    (folder / BACKUP).unlink(missing_ok=True)


def migrate(catalog: Path) -> None:
    """Migrate a catalog file from whichever version it has, in one transaction."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    engine = writing_engine(catalog)
    try:
        with engine.begin() as connection:
            found = connection.exec_driver_sql("SELECT schema_version FROM meta").scalar_one()
            operations = Operations(MigrationContext.configure(connection))
            for version in sorted(v for v in REVISIONS if v > found):
                REVISIONS[version](operations)
                connection.exec_driver_sql("UPDATE meta SET schema_version = ?", (version,))
    finally:
        engine.dispose()


def copy(source: sqlite3.Connection, to: Path) -> None:
    """A copy of the state that an open connection sees, its journal included, as a new file."""
    with closing(sqlite3.connect(to)) as target:
        source.backup(target)


def _back_up(catalog: Path, backup: Path) -> None:
    with new_file(backup, make_folder=False) as partial, closing(sqlite3.connect(catalog)) as source:
        partial.unlink(missing_ok=True)
        copy(source, partial)
