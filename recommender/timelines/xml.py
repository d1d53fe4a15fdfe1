"""What the XML formats share: elements with text, and files of them."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as tree

from recommender.text import show

Element = tree.Element


def add(parent: Element, tag: str, text: Any = None, **attributes: Any) -> Element:
    """A new last child, its text and attributes as written by `str`; True and False as FCP writes them."""
    child = tree.SubElement(parent, tag, {name.rstrip("_"): str(value) for name, value in attributes.items()})
    if text is not None:
        child.text = {True: "TRUE", False: "FALSE"}[text] if isinstance(text, bool) else str(text)
    return child


def add_properties(parent: Element, **values: Any) -> None:
    """A `<property name="...">` of MLT for each value; `__` in a name stands for a colon, `_o_` for a dot."""
    for name, value in values.items():
        add(parent, "property", value, name=name.replace("__", ":").replace("_o_", "."))


def words(name: str) -> str:
    """A name as text that XML can hold."""
    return show(name)


def save(root: Element, path: Path, doctype: str = "") -> None:
    """Write a document; `path` is for the caller to publish."""
    tree.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + (f"<!DOCTYPE {doctype}>\n" if doctype else "")
    path.write_bytes(head.encode() + tree.tostring(root, encoding="unicode").encode("utf-8") + b"\n")
