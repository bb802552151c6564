"""The front desk of a small restaurant, on the telephone."""

from .agent import FrontDesk
from .diary import Diary, Full

__all__ = ["Diary", "FrontDesk", "Full"]
