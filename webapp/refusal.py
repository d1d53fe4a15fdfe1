"""What a request is refused with."""


class Refusal(Exception):
    """A request that is not answered: an HTTP status, and one line on what was wrong and what to do."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
        self.line = line
