"""Work in a forked process: what it gives back, or how it ended."""

import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HANGING_S = 120


@dataclass(frozen=True)
class Ended:
    """How a process ended (its exit status, or minus the signal) and what it gave back, if it came to that."""

    status: int
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed as intended."""
        return self.status == -signal.SIGKILL

    @property
    def failed(self) -> str | None:
        """What went wrong, None when nothing did; an error of ours in one line is right."""
        if self.status == -signal.SIGALRM:
            return "it hangs"
        return self.error or (f"exit status {self.status}" if self.status else None)


def child(work: Callable[[], Any], kill_after_s: float | None = None, errs: bool = False) -> Ended:
    """How `work` ended in a forked process, killed after a time where one is given.

    An error of ours in one line is a fault unless it `errs` by intention.
    """
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        _work(work, write, errs)
    os.close(write)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    with open(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    answer = json.loads(told) if told else {}
    return Ended(os.waitstatus_to_exitcode(status), answer.get("value"), answer.get("error", ""))


def _work(work: Callable[[], Any], write: int, errs: bool) -> None:
    """Do the work and end this process, whatever happens."""
    from recommender.errors import CliptuneError

    signal.alarm(HANGING_S)
    answer: dict[str, Any] = {}
    try:
        answer = {"value": work()}
    except CliptuneError as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
        if errs and "\n" not in str(error):
            answer = {"value": {"told": []}}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    finally:
        os.write(write, json.dumps(answer).encode())  # less than what a pipe holds, or read at once
        os._exit(0)
