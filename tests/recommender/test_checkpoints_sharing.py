"""Models as one file: what was exported comes back the same; what comes from outside is a model or nothing."""

import json
import shutil
import stat
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from recommender import sharing
from recommender.errors import CliptuneError, InputError, ModelError
from recommender.model import MODELS, Model
from recommender.model.folder import find, list_imported, models_home
from recommender.model.retrieval import revision_of
from recommender.sharing import export_model, import_model
from running import ROOT


@pytest.fixture
def shared(tmp_path, monkeypatch) -> Path:
    """The folder of a model of somebody else's, with an own data folder to import it into."""
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "theirs"
    shutil.copytree(MODELS / "emomv-c", folder, ignore=shutil.ignore_patterns("report.json", "evaluated.jsonl"))
    rewritten(folder, name="their-model")
    return folder


def rewritten(folder: Path, **entries: object) -> None:
    """Other entries in the manifest, with the revision that belongs to them where that can be told."""
    manifest = json.loads((folder / "manifest.json").read_text()) | entries
    with suppress(LookupError, TypeError, AttributeError):
        manifest["revision"] = revision_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def zipped(folder: Path, *more: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    """A zip of a model folder and further entries."""
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"theirs/{path.name}")
        for entry, data in more:
            archive.writestr(entry, data)
    return file


def refused(source: Path, *words: str) -> None:
    """The import is refused in one line that holds the words, and leaves nothing anywhere."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(CliptuneError) as caught:
        import_model(source)
    line = str(caught.value)
    assert "\n" not in line
    assert source.name in line
    for word in words:
        assert word in line
    assert not [path for path in set(Path().rglob("*")) - set(before) if path.is_file()]
    assert list_imported() == []
    assert not any(models_home().glob("*"))


def test_a_model_goes_out_and_comes_in_the_same(shared, run, tmp_path, monkeypatch) -> None:
    out = run("models", "export", shared, "theirs.zip")
    assert out.code == 0, out.err
    assert "manifest.json, model.safetensors" in out.out
    again = run("models", "export", shared, "again.zip")
    assert again.code == 0
    assert Path("theirs.zip").read_bytes() == Path("again.zip").read_bytes()
    made = run("models", "import", "theirs.zip")
    assert made.code == 0, made.err
    assert list_imported() == ["their-model"]
    assert find("their-model") == tmp_path / "home" / "models" / "their-model"
    installed = Model.load("their-model")
    assert installed.revision == Model.load(shared).revision
    assert installed.card() == Model.load(shared).card()
    assert not [path for path in models_home().iterdir() if path.name.startswith(".")]
    assert f"imported, revision {installed.revision}" in run("models", "list").out
    assert "their-model, revision" in run("models", "info", "their-model").out
    assert import_model(shared).folder == installed.folder  # the same once more changes nothing


def test_a_folder_here_comes_before_an_imported_model_of_its_name(shared) -> None:
    import_model(shared)
    Path("their-model").mkdir()
    assert find("their-model") == models_home() / "their-model"
    shutil.copytree(shared, "their-model", dirs_exist_ok=True)
    assert find("their-model") == Path("their-model")
    with pytest.raises(ModelError, match="neither a folder nor one of builtin, emomv, emomv-c, emomv-net, their-model"):
        find("../models/their-model")


def test_names_that_are_taken_are_refused(shared) -> None:
    for name in ("builtin", "emomv-c"):
        rewritten(shared, name=name, system="another")
        refused(shared, f"called '{name}' as one that comes with cliptune")
    rewritten(shared, name="vggish")
    refused(shared, "called 'vggish'")
    assert import_model(MODELS / "emomv-c").folder == MODELS / "emomv-c"
    for name in ("../evil", "", "a/b", ".hidden", "x" * 65, "a\nb"):
        rewritten(shared, name=name)
        refused(shared, "the model's name")
    rewritten(shared, name="their-model")
    import_model(shared)
    rewritten(shared, calibration={"slope": 1.0, "intercept": 0.0})
    with pytest.raises(ModelError, match="another model 'their-model' was imported before: remove"):
        import_model(shared)


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "theirs/../../evil.json", "/evil.json", "..\\evil.json", "C:evil.json", "theirs/deep/evil.json"],
)
def test_paths_that_lead_outside_are_refused(shared, name) -> None:
    refused(zipped(shared, (name, b"{}")), "leads out of the model's folder: refused")


def test_links_devices_and_strange_files_are_refused(shared) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        entry = zipfile.ZipInfo("theirs/report2.json")
        entry.external_attr = (kind | 0o777) << 16
        refused(zipped(shared, (entry, b"/etc/hostname")), "is a link or a device")
    for name in ("theirs/model.pkl", "theirs/setup.py", "theirs/x.pth", "theirs/manifest", "theirs/a b.json"):
        refused(zipped(shared, (name, b"")), "is no file of a model")
    refused(zipped(shared, ("other/extra.json", b"{}")), "twice or in a second folder")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(shared, ("theirs/manifest.json", b"{}"))
    refused(twice, "twice or in a second folder")
    (shared / "extra.json").symlink_to(shared / "manifest.json")
    refused(shared, "only plain files are imported")


def test_sizes_are_bounded_whatever_the_archive_says(shared, monkeypatch) -> None:
    monkeypatch.setattr(sharing, "MAX_BYTES", 5_000_000)
    bomb = zipped(shared, ("theirs/bomb.json", bytes(20_000_000)))
    assert bomb.stat().st_size < 3_000_000
    refused(bomb, "more than 5 MB unpacked: refused")
    many = [(f"theirs/{i}.json", b"{}") for i in range(70)]
    refused(zipped(shared, *many), "73 files, more than the 64")


def test_damaged_zips_and_models_are_refused(shared) -> None:
    good = zipped(shared).read_bytes()
    for start, end in ((0, len(good) // 2), (100, len(good))):
        shared.with_suffix(".zip").write_bytes(good[start:end])
        refused(shared.with_suffix(".zip"), "no whole zip")
    flipped = bytearray(good)
    flipped[5000] ^= 255
    shared.with_suffix(".zip").write_bytes(flipped)
    refused(shared.with_suffix(".zip"), "no whole zip")
    shared.with_suffix(".zip").write_text("not a zip")
    refused(shared.with_suffix(".zip"), "no whole zip")
    whole = (shared / "model.safetensors").read_bytes()
    (shared / "model.safetensors").write_bytes(whole[:-10])
    refused(zipped(shared))
    (shared / "model.safetensors").write_bytes(whole)
    rewritten(shared, weights="../model.safetensors")
    refused(shared, "only plain names")
    for key, value in (("calibration", 3), ("encoder", None), ("inputs", []), ("kind", "os"), ("format", 99)):
        before = (shared / "manifest.json").read_text()
        rewritten(shared, **{key: value})
        refused(shared)
        (shared / "manifest.json").write_text(before)
    (shared / "manifest.json").unlink()
    refused(shared, "it holds no manifest.json")


def test_what_cannot_be_exported(shared, run) -> None:
    with pytest.raises(InputError, match="'vggish' is a published checkpoint"):
        export_model("vggish", Path("x.zip"))
    with pytest.raises(ModelError, match="no model 'nothing'"):
        export_model("nothing", Path("x.zip"))
    Path("x.zip").touch()
    with pytest.raises(InputError, match="exists already"):
        export_model("emomv-c", Path("x.zip"))
    assert Path("x.zip").read_bytes() == b""
    absent = run("models", "export", "emomv-c", "x.zip/y.zip")
    assert absent.code != 0
    assert absent.err.startswith("error: ")
    missing = run("models", "import", "nowhere.zip")
    assert (missing.code, missing.err) == (2, "error: no such folder or file: nowhere.zip\n")


def test_listing_models_and_checkpoints_imports_no_torch() -> None:
    program = """
import atexit, sys
heavy = {"torch", "transformers", "lightgbm"}
atexit.register(lambda: print("LOADED", sorted(heavy & sys.modules.keys())))
import cli
sys.argv = ["recommend", "models", "list"]
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "vggish" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"
