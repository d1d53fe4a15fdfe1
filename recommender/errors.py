"""Every error a user can meet; each message says what failed, on which path or value, and what to do.

CliptuneError
├── MediaError          a file cannot be decoded, or holds no usable audio or picture
├── LibraryError        a library is missing, damaged, or cannot be written
│   ├── LibraryNotFound
│   ├── LibraryLocked
│   └── SpaceMismatch   the query's model is not the one the library was indexed with
├── ModelError          a model folder is missing, damaged or does not fit
├── BackendError        no usable vector search (FAISS) is installed
└── InputError          an argument or an input table makes no sense
"""


class CliptuneError(Exception):
    """Root of all expected errors: one line to show to the user."""


class MediaError(CliptuneError):
    """A media file cannot be used."""


class LibraryError(CliptuneError):
    """A library cannot be read or written."""


class LibraryNotFound(LibraryError):
    """No library at the given name or path."""


class LibraryLocked(LibraryError):
    """Another process is writing to the library."""


class SpaceMismatch(LibraryError):
    """The query and the library live in different embedding spaces."""


class ModelError(CliptuneError):
    """A model folder cannot be used."""


class BackendError(CliptuneError):
    """No vector search backend can be used."""


class InputError(CliptuneError):
    """An argument or an input table makes no sense."""
