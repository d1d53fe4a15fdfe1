"""HTML and SVG as text in which nothing from outside can be anything but text."""

from html import escape

from recommender.text import show


class Markup(str):
    """Text that is HTML already; any other is escaped when it is put into a `tag`."""

    __slots__ = ()


HTML_VOID, SVG_VOID = ("meta", "img"), ("path", "line", "rect", "polygon")
"""Elements that hold nothing."""


def tag(name: str, *inside: str, **attributes: str | float | bool | None) -> Markup:
    """An element with what is `inside` of it, escaped unless it is `Markup`.

    Attributes are escaped: `class_` gives `class`, other underscores become hyphens. Without a value (None or False)
    an attribute is left out, with True it has none.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in HTML_VOID:
        return Markup(f"<{name}{given}>")
    if name in SVG_VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(*inside)}</{name}>")


def join(*parts: str) -> Markup:
    """Parts one after the other, escaped unless they are `Markup`."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def text(value: str) -> Markup:
    """`value` as text: markup escaped, controls, bytes that are no UTF-8 and marks of direction made visible."""
    return Markup(escape(show(value), quote=True))


def _attribute(key: str, value: str | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{text(str(value))}"'
