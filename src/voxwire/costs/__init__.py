"""What usage costs: prices as dated data, and a bill by kind of token with cached ones apart.

Prices change and are the caller's to override. A model that is not in the table has its tokens on
the bill without an amount, and the bill says so: it never guesses.
"""

from .bill import Cost, Line
from .prices import PRICES, PRICES_AS_OF, Price
from .used import Entry, SessionUsage

__all__ = ["PRICES", "PRICES_AS_OF", "Cost", "Entry", "Line", "Price", "SessionUsage"]
