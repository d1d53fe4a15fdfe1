"""`recommend doctor`: facts, and conflicts with what to do."""

import sys

import pytest

from indexing.maintenance import doctor


def test_a_sound_installation_has_no_faiss_problem():
    facts, problems = doctor.report()
    assert dict(facts)["faiss build"]
    assert not [p for p in problems if "FAISS" in p or "faiss" in p]


def test_two_faiss_packages_are_a_conflict_with_the_way_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.15.1" if name in ("faiss-cpu", "faiss-gpu") else None)
    _, problems = doctor.report()
    assert any("faiss-cpu and faiss-gpu are both installed" in p and "pip uninstall -y" in p for p in problems)


def test_a_faiss_package_that_does_not_load_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    _, problems = doctor.report()
    (line,) = [p for p in problems if "no usable FAISS" in p]
    assert "cliptune[cpu]" in line
    assert "cliptune[gpu]" in line


def test_without_a_faiss_package_all_is_well_and_what_needs_one_is_told(monkeypatch: pytest.MonkeyPatch):
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: None if "faiss" in name else real(name))
    monkeypatch.setitem(sys.modules, "faiss", None)
    facts, problems = doctor.report()
    assert problems == []
    assert "1,048,576 windows" in dict(facts)["faiss package"]
    assert "cliptune[cpu]" in dict(facts)["faiss package"]


def test_a_missing_dependency_is_named(monkeypatch: pytest.MonkeyPatch):
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: None if name == "scipy" else real(name))
    assert any(p.startswith("scipy is missing") for p in doctor.report()[1])
