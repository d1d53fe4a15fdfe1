"""What a request is answered with when it cannot be done."""


class Refusal(Exception):
    """A request that is refused: an HTTP status, and one line that says what is wrong and what to do."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line
