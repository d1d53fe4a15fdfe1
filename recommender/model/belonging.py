"""Which model a library belongs to."""

from recommender.errors import Argument, SpaceMismatch
from recommender.model import Model, available
from recommender.types import IMPORTED, LibraryReader


def mismatch(library: LibraryReader, model: Model) -> tuple[str | Argument, ...]:
    """The parts of one line: which model the library belongs to, which one was given, what to do."""
    mine, theirs = model.space, library.space
    return (
        f"the library was indexed with model '{theirs.model}' revision {theirs.revision}, the query uses "
        f"'{mine.model}' revision {mine.revision}: move the library to the "
        "new one (`recommend index upgrade`) or pass ",
        Argument("model"),
        " with the one it was made with",
    )


def model_of(library: LibraryReader) -> Model:
    """The model that a library was indexed with; raises SpaceMismatch where it does not come with the package."""
    space = library.space
    if space.revision == IMPORTED:
        from recommender.model.imported import ImportedVectors

        return ImportedVectors(space.model, space.dim)
    if space.model not in available():
        raise SpaceMismatch(
            f"the library was indexed with model '{space.model}' revision {space.revision}, which does not come with "
            "this package: pass its folder with ",
            Argument("model"),
        )
    model = Model.load(space.model)
    if model.space != space:
        raise SpaceMismatch(*mismatch(library, model))
    return model
