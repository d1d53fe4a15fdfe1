"""benchmarks/gpu.py runs on a processor: all ways to search, rows that the host cannot hold, too little time."""

import importlib.util
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `pretrained`)")
pytest.importorskip("faiss").omp_set_num_threads(1)
SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture
def gpu(monkeypatch):
    if not SCRIPT.exists():
        pytest.skip("the benchmarks are not here")
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, small in {"DEPTH": 60, "BATCH": 8, "REPEATS": 1, "BLOCK": 4096}.items():
        monkeypatch.setattr(module, name, small)
    return module


def lines(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| 1"]


def test_all_ways_are_measured_and_right(gpu, tmp_path):
    text = gpu.main(["--rows", "10000", "12000", "--seconds", "100", "--out", str(tmp_path / "gpu.md")])
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8") == text
    assert "no GPU: the processor stands in" in text
    found = lines(text)
    assert [line[0] for line in found] == ["10,000"] * 4 + ["12,000"] * 4
    assert [line[1].split(",")[0] for line in found[:4]] == ["torch", "torch", "FAISS", "numpy"]
    assert all(line[8].startswith("4 of 4 right") and float(line[4]) > 0 and float(line[6]) > 0 for line in found)


def test_what_the_host_cannot_hold_is_made_and_searched_on_the_device_alone(gpu, monkeypatch):
    monkeypatch.setattr(gpu, "host_bytes", lambda: 10_000)
    ((rows, what, *_, note),) = lines(gpu.main(["--rows", "10001", "--seconds", "100"]))
    assert (rows, what) == ("10,001", "torch, int8, cpu, alone")
    assert 60 <= int(re.search(r"(\d+) rows would be scored", note)[1]) < 300


def test_what_does_not_fit_is_made_smaller_or_left_out_and_that_is_said(gpu, monkeypatch):
    monkeypatch.setattr(gpu.torch_exact, "free_bytes", lambda device: 11_000 * 64 / 0.55)
    text = gpu.main(["--rows", "20000", "30000", "--seconds", "0"])
    assert "20,000 rows were made 11,000: more do not fit the memory." in text
    assert "11,000 rows were left out: there is no room or no time" in text
    assert "30,000" not in text


def test_faiss_alone_suffices_and_nothing_does_not(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "TORCH", False)
    found = lines(gpu.main(["--rows", "10000", "--seconds", "100"]))
    assert [line[1].split(",")[0] for line in found] == ["FAISS", "numpy"]
    monkeypatch.setattr(gpu, "FAISS", False)
    with pytest.raises(SystemExit) as ended:
        gpu.main([])
    assert ended.value.code == 2
    assert "neither torch nor FAISS is installed" in capsys.readouterr().err
