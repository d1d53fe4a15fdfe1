"""The report: answers as one page that shows clip and music side by side, a file that needs nothing but itself."""

from recommender.page.part import Part
from recommender.page.report import make_part, refuse_existing, steps, write_report

__all__ = ["Part", "make_part", "refuse_existing", "steps", "write_report"]
