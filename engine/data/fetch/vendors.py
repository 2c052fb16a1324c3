"""What a vendor's bars are, as its client gives them: the words a strategy file declares."""

from __future__ import annotations

FETCHED = {
    "yfinance": {"prices": "split_adjusted", "dividends": "split_adjusted"},
    "ccxt": {"prices": "as_traded", "dividends": "none"},
}
