"""What pyproject.toml promises of versions can be installed at its lower end."""

from pathlib import Path

import pytest

from lowest import PYPROJECT, lowest


def test_every_dependency_has_a_lowest_version():
    found = lowest(["cpu", "gpu", "train", "deep", "timesformer", "test", "dev"])
    assert "numpy==2.0" in found
    assert "faiss-cpu==1.12" in found
    assert "pytorchvideo==0.1.5" in found
    assert all(line.count("==") == 1 for line in found)
    assert len(found) > 25
    assert not [line for line in lowest([]) if line.startswith("faiss")]


def test_one_without_is_refused(tmp_path: Path):
    changed = tmp_path / "pyproject.toml"
    changed.write_text(PYPROJECT.read_text(encoding="utf-8").replace('"numpy>=2.0"', '"numpy<3"'))
    with pytest.raises(ValueError, match="numpy<3: no lower bound"):
        lowest([], changed)
