"""The HTTP API is what its description says: schemathesis asks what the description allows, and what it does not.

With more examples, against any app that was started by hand: `python tests/webapp/test_openapi.py ADDRESS TOKEN 500`;
with ids of what is there, `clip=ID library=ID track=5`, it gets behind "there is no such clip".
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# A description cannot say which bytes are a film, which names are of one, or what goes together.
CONFIG = """
seed = 20261130
workers = 1
continue-on-failure = true
request-timeout = 60
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "409", "413", "415", "422", "429", "503"]
[phases.coverage]
unexpected-methods = ["GET", "POST", "TRACE"]
"""


def fuzz(address: str, token: str, examples: int, *phases: str, **known: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis finds, with a failure of each kind for each operation."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "schemathesis.toml"
        given = "\n".join(["[parameters]", *(f'{name} = "{value}"' for name, value in known.items())])
        config.write_text(f"{CONFIG}{given}\n", encoding="utf-8")
        words = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(config),
            "run",
            f"{address}/api/openapi.json",
        ]
        words += ["--header", f"Authorization: Bearer {token}", "--max-examples", str(examples), "--checks", "all"]
        words += ["--phases", ",".join(phases), "--warnings", "off", "--no-color", "--exclude-path", "/api/events"]
        return subprocess.run(words, cwd=folder, env={**os.environ}, capture_output=True, text=True, timeout=7200)


@pytest.mark.slow
def test_every_operation_answers_as_it_is_described(served):
    found = fuzz(served.address, served.settings.token, 3, "coverage", "fuzzing")
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr
    assert not list((served.settings.session / "clips").glob(".*"))


if __name__ == "__main__":
    ids = dict(word.split("=", 1) for word in sys.argv[4:])
    ran = fuzz(sys.argv[1], sys.argv[2], int(sys.argv[3]), "coverage", "fuzzing", "stateful", **ids)
    sys.exit(print(ran.stdout, ran.stderr) or ran.returncode)
