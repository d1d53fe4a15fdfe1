"""`recommend models ...`: the models at hand, published checkpoints, and models to share."""

from pathlib import Path
from typing import Annotated, Any

from recommender.console import TABLE, FormatOption, group, say_when_interrupted, word_as_options, write, write_list
from recommender.errors import InputError, ModelError
from recommender.options import argument, option
from recommender.outputs.listing import Listing, align
from recommender.outputs.progress import Progress
from recommender.text import show

app = group("See, fetch, verify and share models.", no_args_is_help=True)


@app.command("list")
def models_list(format: FormatOption = TABLE) -> None:
    """The models at hand, and the published checkpoints that can be fetched.

    Example: recommend models list"""
    rows = list_models()
    write_list(Listing(rows, rows, _COLUMNS, align([(row["name"], _row_text(row)) for row in rows])), format)


_COLUMNS = ("name", "kind", "revision", "dim", "reads", "present", "licence", "size_mb", "error")


def list_models() -> list[dict[str, Any]]:
    """The models at hand and the published checkpoints, a record each: `kind` is packaged, imported or checkpoint."""
    return [*_models(), *_checkpoints()]


def _models() -> list[dict[str, Any]]:
    from recommender.model import Model, available
    from recommender.model.folder import list_imported

    rows = []
    for kind, names in (("packaged", available()), ("imported", list_imported())):
        for name in names:
            row: dict[str, Any] = {"name": name, "kind": kind}
            try:
                model = Model.load(name)
                row |= {"revision": model.revision, "dim": model.space.dim, "reads": model.reads}
            except ModelError as error:
                row |= {"revision": None, "dim": None, "reads": None, "error": word_as_options(error)}
            rows.append(row)
    return rows


def _checkpoints() -> list[dict[str, Any]]:
    from recommender.weights import CHECKPOINTS, present

    rows = []
    for name, one in CHECKPOINTS.items():
        row: dict[str, Any] = {"name": name, "kind": "checkpoint", "present": present(name), "licence": one.licence}
        rows.append(row | {"size_mb": round(one.size_bytes / 1e6)})
    return rows


def _row_text(row: dict[str, Any]) -> str:
    """A row of the list in words."""
    if row["kind"] == "checkpoint":
        state = "here" if row["present"] else f"not here (`recommend models pull {row['name']}`)"
        return f"checkpoint, {state}, about {row['size_mb']} MB, {row['licence']}"
    if "error" in row:
        return f"cannot be used: {show(row['error'])}"
    kind = "imported, " if row["kind"] == "imported" else ""
    return f"{kind}revision {row['revision']}, {row['dim']} dimensions, reads {row['reads']}"


@app.command("info")
def models_info(name: Annotated[str, argument("Model name or folder, or checkpoint.")] = "builtin") -> None:
    """The model card: data, licences, command, figures, limits; of a checkpoint, where it comes from.

    Example: recommend models info builtin"""
    from recommender.weights import CHECKPOINTS

    if name in CHECKPOINTS:
        write(align(checkpoint_facts(name)))
        return
    from recommender.model import Model

    model = Model.load(name)
    write(f"{model.name}, revision {model.revision}, {model.space.dim} dimensions, {show(model.folder)}\n\n")
    write(model.card())


def checkpoint_facts(name: str) -> list[tuple[str, str]]:
    """What is known of a checkpoint, as rows."""
    from recommender.weights import checkpoint, present, record
    from recommender.weights.shelf import weights_path

    one, known = checkpoint(name), record(name)
    rows = [
        ("about", one.about),
        ("published", one.url),
        ("file", f"{one.file} (its name below a mirror)"),
        ("licence", one.licence),
        ("size", f"about {one.size_bytes / 1e6:.0f} MB"),
        ("here", show(weights_path(name)) if present(name) else f"no (`recommend models pull {name}`)"),
    ]
    if known:
        rows += [("pulled from", show(known.source)), ("SHA-256", known.sha256)]
    return rows


MirrorOption = Annotated[str | None, option("Address of a folder to fetch the file from (or set CLIPTUNE_MIRROR).")]


@app.command("pull")
def models_pull(
    name: Annotated[str, argument("Checkpoint, as `models list` names it.")],
    source: Annotated[Path | None, option("Read the published file from here instead.", "--from")] = None,
    sha256: Annotated[str | None, option("SHA-256 that the published file must have.")] = None,
    mirror: MirrorOption = None,
) -> None:
    """Fetch a published checkpoint, check it and convert it to safetensors; a cut download is resumed.

    Examples: recommend models pull vggish

    recommend models pull vggish --from vggish-10086976.pth"""
    from recommender.weights import pull
    from recommender.weights.shelf import weights_path

    verb = f"fetching {show(name)}"
    with say_when_interrupted("what came is kept"), Progress(verb) as progress:
        pulled = pull(name, source, sha256, mirror=mirror, on_bytes=_Megabytes(f"{verb}, MB", progress))
    word = "was here already" if pulled.before else "is ready"
    write(f"{name} {word}: {show(weights_path(name))}\nSHA-256 of the published file: {pulled.record.sha256}\n")


class _Megabytes:
    """Bytes at hand and in all, told as the megabytes of this run, so that rate and time left are this run's too."""

    def __init__(self, verb: str, progress: Any) -> None:
        self.verb, self.progress, self.start = verb, progress, -1

    def __call__(self, have: int, total: int) -> None:
        self.start = have if self.start < 0 else min(self.start, have)
        if total:
            done, todo = ((n - self.start) // 1_000_000 for n in (have, total))
            self.progress.stage(self.verb, done, max(todo, 1))


@app.command("verify")
def models_verify(name: Annotated[str | None, argument("Checkpoint (default: all that are here).")] = None) -> None:
    """Check checkpoints on disk: every byte, every name and shape, and published figures where there are any.

    Example: recommend models verify vggish"""
    from recommender.weights import CHECKPOINTS, record

    names = [name] if name else [one for one in CHECKPOINTS if record(one)]
    if not names:
        raise InputError("no checkpoint is here to verify: `recommend models pull NAME` fetches one")
    if problems := [problem for one in names if (problem := _problem(one))]:
        raise ModelError("; ".join(problems))


def _problem(name: str) -> str | None:
    """What is wrong with a checkpoint on disk; what was found goes to stdout."""
    from recommender.weights import verify
    from recommender.weights.shelf import record_path

    try:
        figures = verify(name)
    except ModelError as error:
        return word_as_options(error)
    write(f"{name}: as pulled, and fits its network{'' if figures else '; no figures are published to check'}\n")
    for what, found, published, tolerance in figures:
        write(f"  {what}: {found:.3g}; published: {published:.3g} (within {tolerance:.0%})\n")
    if all(figure.ok for figure in figures):
        return None
    return f"{name} does not give the published figures: remove {show(record_path(name))} and pull from another place"


@app.command("import")
def models_import(source: Annotated[Path, argument("Model folder, or zip of one.")]) -> None:
    """Install a trained model that somebody shares, from its folder or zip, under its own name.

    Example: recommend models import my-model.zip"""
    from recommender.sharing import import_model

    model = import_model(source)
    write(f"{model.name}, revision {model.revision}: {show(model.folder)} (use it with --model {model.name})\n")


@app.command("export")
def models_export(
    name: Annotated[str, argument("Model name or folder.")], file: Annotated[Path, argument("Zip to write.")]
) -> None:
    """Write a trained model as one zip to share: manifest, tensors, card.

    Example: recommend models export my-model my-model.zip"""
    from recommender.sharing import export_model

    files = export_model(name, file)
    write(f"{show(file)}: {', '.join(files)}\n")


def sample(folder: Annotated[Path, argument("Where to put it.")]) -> None:
    """Render a small sample (moody tracks and two clips) into FOLDER.

    Example: recommend sample .sample"""
    from recommender.sample import render

    made = render(folder)
    write(f"music: {show(made.music)}\nclips: {show(made.clips)}\n")
