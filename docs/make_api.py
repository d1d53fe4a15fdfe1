"""Write docs/api.md from the operations of the app.

    python docs/make_api.py

A test says when the page is stale.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEAD = """# HTTP API of the app

What the page does, for programs: `python docs/make_api.py` writes this page from the operations as they are declared.
The app describes itself as OpenAPI 3.1 at `/api/openapi.json`.

Times are in seconds. Ids come from answers (`GET /api/libraries`, `POST /api/clips`, ...): no request carries a path.
Errors are `{"error": "one line"}` with a status that says the same. What takes long answers with a job;
`GET /api/jobs/$JOB` and `/api/events` tell how far it is. [The app](app.md) says how to start it.

The examples need the address and the token that `recommend app` prints:

```
A=http://127.0.0.1:8642; T="Authorization: Bearer $TOKEN"
```
"""


def page() -> str:
    """The whole page."""
    from webapp.server import OPERATIONS

    return "\n\n".join([HEAD.strip(), *map(_entry, OPERATIONS)]) + "\n"


def _entry(one: Any) -> str:
    parts = [f"## {one.method} {one.path}", one.summary]
    given = [_line(name, schema, name in one.required) for name, schema in one.query.items()]
    if one.body is not None:
        members = one.body["properties"].items()
        given += [_line(name, schema, name in one.body["required"]) for name, schema in members]
    if given:
        parts.append("\n".join([f"{'Query' if one.query else 'JSON body'}:", "", *given]))
    parts.append(f"```\n{one.example}\n```")
    return "\n\n".join(parts)


def _line(name: str, schema: Any, required: bool) -> str:
    return f"- `{name}`{' (needed)' if required else ''}: {_kind(schema)}"


def _kind(schema: Any) -> str:
    """What a value may be, in words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"{_kind(schema['items'])}; several"
    if "properties" in schema:
        return f"an object of {', '.join(f'`{name}`' for name in schema['properties'])}"
    ends = [schema[end] for end in ("minimum", "maximum") if end in schema]
    between = f" from {ends[0]:g} to {ends[1]:g}" if len(ends) == 2 and ends[1] < 1e6 else ""
    words = {"integer": "a whole number", "number": "a number", "boolean": "`true` or `false`", "string": "text"}
    if schema.get("pattern", "").startswith("^[0-9a-f]{"):
        return "an id"
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join(words.get(kind, kind) for kind in kinds) + between


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    (ROOT / "docs" / "api.md").write_text(page(), encoding="utf-8")
    sys.stdout.write("docs/api.md\n")
