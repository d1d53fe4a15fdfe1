"""Options of commands, each declared once: as a type, or as an attribute of options that belong together."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer


class Options:
    """Options that belong together: an attribute each, declared with its default (light: it is made at every start)."""

    def __init__(self, **given: Any) -> None:
        vars(self).update(given)


def take_options(function: Callable[..., None]) -> Callable[..., None]:
    """`function` as typer reads it: a parameter that is a kind of `Options` stands for each of them."""
    hints = function.__annotations__
    bundles = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Options)}

    @wraps(function)
    def called(**given: Any) -> None:
        packed = {name: kind(**{one: given.pop(one) for one in kind.__annotations__}) for name, kind in bundles.items()}
        function(**given, **packed)

    options = []
    for name, one in inspect.signature(function).parameters.items():
        if name not in bundles:
            options.append(one.replace(kind=one.KEYWORD_ONLY))
        else:
            for field, hint in bundles[name].__annotations__.items():
                default = getattr(bundles[name], field, one.empty)
                options.append(inspect.Parameter(field, one.KEYWORD_ONLY, default=default, annotation=hint))
    called.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return called


def option(help: str, *names: str, **limits: Any) -> Any:
    """An option of a command; a path that cannot be read is told by whoever opens it."""
    return typer.Option(*names, help=help, readable=False, **limits)


def setting(help: str, default: Any = None, *names: str, **limits: Any) -> Any:
    """An option of a command as an attribute of `Options`."""
    return typer.Option(default, *names, help=help, readable=False, **limits)


def argument(help: str) -> Any:
    """An argument of a command, as `option`."""
    return typer.Argument(help=help, readable=False)
