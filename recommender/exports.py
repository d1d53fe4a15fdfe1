"""What a package exports, imported on first use, so that importing the package costs nothing."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def lazy(package: str, names: Sequence[str], modules: Sequence[str]) -> tuple[Callable[[str], Any], Callable[[], Any]]:
    """`__getattr__` and `__dir__` of a package: each of `names` is one of its `modules`, or in the first of them."""

    def get(name: str) -> Any:
        if name in names and name in modules:
            return import_module(f"{package}.{name}")
        found = (getattr(import_module(f"{package}.{module}"), name, None) for module in modules if name in names)
        value = next((value for value in found if value is not None), None)
        if value is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return value

    return get, lambda: sorted(names)
