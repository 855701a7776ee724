"""Money as text in the scenario's currency."""

from __future__ import annotations

from petaday.report.data import Data
from petaday.units import Kind, render


class Purse:
    """Dollars as text in the scenario's currency."""

    def __init__(self, currency: str, rate: float) -> None:
        self.kind, self.rate = (Kind.MONEY_CNY, rate) if currency == "CNY" else (Kind.MONEY, 1.0)

    def text(self, dollars: float, digits: int = 4) -> str:
        """An amount; small ones keep their cents."""
        amount = dollars * self.rate
        if 0 < abs(amount) < 1000:
            return f"{'¥' if self.kind is Kind.MONEY_CNY else '$'}{amount:,.{2 if abs(amount) < 100 else 0}f}"
        return render(amount, self.kind, digits=digits)


def purse_rate(data: Data) -> float:
    """Yuan for a dollar."""
    return float(next(each["value"] for each in data["factors"] if each["name"] == "cost.exchange_rate"))


def purse_of(data: Data) -> Purse:
    """The scenario's currency."""
    return Purse(data["money"]["currency"], purse_rate(data))
