"""A bounded run of the command that damages libraries, and proof that it finds what is wrong."""

from tests.faults.test_kills import program


def test_a_damage_is_put_right_or_told(tmp_path):
    done = program("-m", "tests.faults.damage", "--count", "20", "--seed", "20261130")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("20 libraries (")
    assert done.stdout.endswith(", 0 findings\n")


CARELESS = """
import sys
from tests.faults import damage
from indexing.disk import parts, checksums
from indexing.maintenance import damage as repairs

def careless(writer, held, analyser):
    path = writer.folder / parts.FOLDER / held.part.name
    path.unlink(missing_ok=True)
    yield from ()

repairs.keep_remains = careless
damage.KINDS = ("flip",)
sys.exit(damage.main(["--count", "12", "--first", "100", "--seed", "5"]))
"""


def test_a_repair_that_removes_a_damaged_part_is_found_out():
    done = program("-c", CARELESS)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the damaged file is gone" in done.stdout
