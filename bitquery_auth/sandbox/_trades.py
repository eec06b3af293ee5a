"""Synthetic trades, the same on every run: what a query for ``DEXTrades`` gets."""

from __future__ import annotations

import hashlib
import re

__all__ = ["asks_for_trades", "trades"]

Trade = dict[str, object]

_CURRENCIES = (
    ("Wrapped Ether", 3_150.0),
    ("USD Coin", 1.0),
    ("Tether USD", 1.0),
    ("Wrapped BTC", 64_200.0),
    ("Dai Stablecoin", 1.0),
    ("Uniswap", 9.4),
    ("ChainLink Token", 14.7),
    ("Pepe", 0.0000092),
)
"""Name and a plausible price in USD, so that both sides of a trade are worth the same."""

_COUNT = re.compile(r"\bDEXTrades\b\s*\([^)]*?\blimit\s*:\s*\{[^}]*?\bcount\s*:\s*(\d{1,6})")
_DEFAULT_COUNT = 10
_MOST = 10_000


def asks_for_trades(query: str) -> bool:
    """Tell whether a GraphQL query selects ``DEXTrades``."""
    return "DEXTrades" in query


def trades(query: str) -> list[Trade]:
    """Give as many trades as ``limit: {count: N}`` asks for (10 where it does not; at most 10,000).

    They have the fields of the example in Bitquery's documentation, whatever the query selects.
    """
    found = _COUNT.search(query)
    count = int(found.group(1)) if found else _DEFAULT_COUNT
    return [_trade(number) for number in range(min(count, _MOST))]


def _trade(number: int) -> Trade:
    digest = hashlib.sha256(f"trade {number}".encode()).digest()
    bought = digest[0] % len(_CURRENCIES)
    sold = (bought + 1 + digest[1] % (len(_CURRENCIES) - 1)) % len(_CURRENCIES)
    worth = 25.0 + int.from_bytes(digest[2:4], "big") / 7
    return {
        "Transaction": {"Hash": f"0x{digest.hex()}"},
        "Trade": {
            "Buy": _side(bought, worth, digest[12:]),
            "Sell": _side(sold, worth * 0.997, digest[:20]),
        },
    }


def _side(currency: int, worth: float, address: bytes) -> Trade:
    name, price = _CURRENCIES[currency]
    # Amounts are strings, as at Bitquery: a token amount can have more digits than a double holds.
    return {"Amount": f"{worth / price:.8f}", "Currency": {"Name": name}, "Buyer": f"0x{address.hex()}"}
