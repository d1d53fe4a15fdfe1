"""Published checkpoints converted, refused with nothing executed, loaded, and told of by the commands."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import torch
from torch import nn

from checkpoint_server import QUICK, loads_as_published, refused, tiny_state
from recommender.errors import ModelError
from recommender.extractors.networks.slowfast import own_names
from recommender.weights import CHECKPOINTS, load, pull
from recommender.weights.convert import convert
from recommender.weights.published import Figure, _timesformer_names, _vggish_figures
from recommender.weights.shelf import folder, record_path, weights_path


class Evil:
    """Leaves a folder behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_refused_and_nothing_executed(tiny, tmp_path, zipped) -> None:
    trace = tmp_path / "trace"
    torch.save(tiny_state() | {"net.extra": Evil(trace)}, tiny, _use_new_zipfile_serialization=zipped)
    torch.load(tiny, weights_only=False)
    assert trace.is_dir()  # it is a real one
    trace.rmdir()
    refused("refused, nothing in it was executed", source=tiny)
    tiny.write_bytes(b"cos\nmkdir\n(S'" + str(trace).encode() + b"'\ntR.")  # a pickle without torch's container
    refused(source=tiny)
    assert not trace.exists()


def test_checkpoints_that_do_not_fit_are_refused(tiny, server) -> None:
    state = tiny_state()

    def tried(changed: object, *words: str) -> None:
        torch.save(changed, tiny)
        refused(str(tiny), *words, source=tiny)

    renamed = {name.replace("net.2", "net.3"): t for name, t in state.items()}
    tried(renamed, "lacks 2.weight, 2.bias", "unknown 3.weight, 3.bias")
    tried(state | {"net.0.bias": torch.ones(255)}, "0.bias has the shape [255], not [256]")
    tried({f"s1.{i}": torch.ones(2) for i in range(9)}, "lacks 0.weight, 0.bias, 1.weight and 6 more")
    tried(state | {"net.0.bias": torch.full((256,), torch.nan)}, "0.bias holds values that are not finite")
    tried(state | {"net.0.bias": torch.ones(256, dtype=torch.int64)}, "0.bias is of type torch.int64")
    tried(state | {"net.0.bias": 3}, "net.0.bias is no tensor")
    tried(
        dict.fromkeys(state, torch.ones(1)) | {"net.0.bias": torch.ones(256)}, "0.weight, 1.weight, 1.bias and 5 more"
    )
    tried([1, 2], "holds no state dict, but a list")
    torch.save({f"module.{n}": t.half() if t.is_floating_point() else t for n, t in state.items()}, tiny)
    pull("tiny", tiny)
    assert load("tiny").state_dict()["0.bias"].dtype == torch.float32


def test_tensors_that_share_memory_are_taken_apart(tiny) -> None:
    state = tiny_state()
    both = torch.arange(2 * 256.0)
    state["net.1.weight"], state["net.1.bias"] = both[:256], both[256:]
    state["net.1.running_mean"] = state["net.1.running_var"] = torch.ones(256)
    state["net.0.weight"] = torch.rand(64, 256).T
    torch.save(state, tiny)
    pull("tiny", tiny)
    found = load("tiny").state_dict()
    assert all(torch.equal(found[name.removeprefix("net.")], t) for name, t in state.items() if name[0] == "n")


def test_files_of_old_torch_are_read(tiny) -> None:
    torch.save(tiny_state(), tiny, _use_new_zipfile_serialization=False)
    pull("tiny", tiny)
    loads_as_published()


def test_slowfast_in_its_published_layout(tmp_path, shared_data) -> None:
    lines = (shared_data / "frontends" / "slowfast" / "pytorchvideo_slowfast_r50.keys.tsv").read_text().splitlines()
    state = {}
    for name, shape, dtype in (line.split("\t") for line in lines):
        sizes = [int(n) for n in shape.strip("()").split(",") if n]
        state[name] = torch.full(sizes, 1 + len(state) % 7, dtype=getattr(torch, dtype))
        if state[name].is_floating_point():
            state[name] = state[name].half()  # quicker to write; they become single precision again
    torch.save({"model_state": state}, tmp_path / "SLOWFAST_8x8_R50.pyth")
    found = convert(tmp_path / "SLOWFAST_8x8_R50.pyth", CHECKPOINTS["slowfast"], "here")
    wanted = own_names(state)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], tensor.to(found[name].dtype)) for name, tensor in wanted.items())
    assert {str(tensor.dtype) for tensor in found.values()} == {"torch.float32", "torch.int64"}
    with pytest.raises(ModelError, match=r"here: not the weights of this network: lacks features\.0\.weight"):
        convert(tmp_path / "SLOWFAST_8x8_R50.pyth", CHECKPOINTS["vggish"], "here")


class Constant(nn.Module):
    """Stands for VGGish: its last linear layer gives `given` for whatever it hears."""

    def __init__(self, given: torch.Tensor) -> None:
        super().__init__()
        last = nn.Linear(1, len(given))
        last.bias.data = given
        self.embeddings = nn.Sequential(last, nn.ReLU())

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        assert patches.shape == (3, 96, 64)
        return self.embeddings(torch.zeros(len(patches), 1))


def test_published_figures_of_vggish_are_taken_before_the_last_relu() -> None:
    signs = torch.tensor([1.0, -1.0]).repeat(64)
    assert all(figure.ok for figure in _vggish_figures(Constant(0.000657 + 0.343 * signs)))
    assert [figure.ok for figure in _vggish_figures(Constant(0.001 + 0.343 * signs))] == [False, True]
    assert [figure.ok for figure in _vggish_figures(Constant(0.000657 + 0.4 * signs))] == [True, False]


def test_timesformer_names() -> None:
    state = {"timesformer.layernorm.bias": 1, "classifier.weight": 2, "classifier.bias": 3}
    assert _timesformer_names(state) == {"layernorm.bias": 1}


def test_commands_say_what_they_did(tiny, server, run, monkeypatch) -> None:
    assert "not here (`recommend models pull tiny`)" in run("models", "list").out
    assert run("models", "verify").err == (
        "error: no checkpoint is here to verify: `recommend models pull NAME` fetches one\n"
    )
    assert run("models", "verify", "tiny").err == (
        "error: the checkpoint tiny is not on this machine: `recommend models pull tiny` fetches it\n"
    )
    pulled = run("models", "pull", "tiny")
    assert (pulled.code, pulled.err) == (0, "")
    assert str(weights_path("tiny")) in pulled.out
    assert "was here already" in run("models", "pull", "tiny").out
    assert "CC0" in run("models", "info", "tiny").out
    assert "fits its network; no figures are published" in run("models", "verify").out
    rows = {row["name"]: row for row in json.loads(run("models", "list", "--format", "json").out)}
    assert rows["tiny"]["present"] is True
    assert rows["vggish"].pop("licence").startswith("Apache-2.0")
    assert rows["vggish"] == {"name": "vggish", "kind": "checkpoint", "present": False, "size_mb": 289}
    one = CHECKPOINTS["tiny"]
    off = replace(one, check=lambda net: [Figure("mean", 2, 1, 0.1)])
    monkeypatch.setitem(CHECKPOINTS, "tiny", off)
    checked = run("models", "verify", "tiny")
    assert "mean: 2; published: 1 (within 10%)" in checked.out
    assert (checked.code, checked.err.count("\n")) == (1, 1)
    assert "tiny does not give the published figures: remove" in checked.err


def test_wrong_names_and_damaged_records_are_one_line(tiny, run) -> None:
    wrong = run("models", "pull", "../evil")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert (
        "no published checkpoint '../evil'; there are vggish, slowfast, slowfast-r101, timesformer, tiny" in wrong.err
    )
    pull("tiny", tiny)
    for text in ("{", "[]", '{"name": "tiny"}', record_path("tiny").read_text().replace('"tiny"', '"toy"')):
        record_path("tiny").write_text(text)
        damaged = run("models", "verify", "tiny")
        assert (damaged.code, damaged.err.count("\n")) == (1, 1)
        assert "remove it and pull" in damaged.err


def test_without_torch_or_transformers_one_line_before_any_download(tiny, server, run, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert run("models", "pull", "timesformer").err == (
        "error: timesformer needs the package transformers, which is not installed: "
        "pip install 'cliptune[timesformer]'\n"
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    missing = run("models", "pull", "tiny")
    assert (missing.code, missing.err) == (
        1,
        "error: published checkpoints need torch, which is not installed: pip install 'cliptune[pretrained]'\n",
    )
    assert server.asked == []
    assert "tiny" in run("models", "list").out


def test_two_at_once(tiny) -> None:
    from filelock import FileLock

    folder().mkdir(parents=True)
    with FileLock(folder() / "tiny.lock"), pytest.raises(ModelError, match="another process is fetching tiny"):
        pull("tiny", config=QUICK)
