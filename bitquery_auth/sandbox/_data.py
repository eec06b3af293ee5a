"""The data behind ``/graphql``: blocks and trades that are made up, and the same on every run."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
_BLOCK_TIME = timedelta(seconds=12)

_CURRENCIES = (
    ("WETH", "Wrapped Ether", 3_150.0),
    ("USDC", "USD Coin", 1.0),
    ("USDT", "Tether USD", 1.0),
    ("WBTC", "Wrapped BTC", 64_200.0),
    ("DAI", "Dai Stablecoin", 1.0),
    ("UNI", "Uniswap", 9.4),
    ("LINK", "ChainLink Token", 14.7),
    ("PEPE", "Pepe", 0.0000092),
)
"""Symbol, name and a plausible price in USD, so that both sides of a trade are worth the same."""


def block(number: int) -> dict[str, object]:
    """Return the block of this number, as an item of ``EVM { Blocks }``."""
    return {"Block": _block_header(number)}


def trade(number: int) -> dict[str, object]:
    """Return the trade in the block of this number, as an item of ``EVM { DEXTrades }``."""
    digest = hashlib.sha256(f"trade {number}".encode()).digest()
    bought = digest[0] % len(_CURRENCIES)
    sold = (bought + 1 + digest[1] % (len(_CURRENCIES) - 1)) % len(_CURRENCIES)
    worth = 25.0 + int.from_bytes(digest[2:4], "big") / 7
    return {
        "Block": _block_header(number),
        "Transaction": {"Hash": f"0x{digest.hex()}"},
        "Trade": {
            "Buy": _side(bought, worth, digest[12:]),
            "Sell": _side(sold, worth * 0.997, digest[:20]),
        },
    }


def _block_header(number: int) -> dict[str, object]:
    return {"Number": number, "Time": f"{_GENESIS + number * _BLOCK_TIME:%Y-%m-%dT%H:%M:%SZ}"}


def _side(currency: int, worth: float, address: bytes) -> dict[str, object]:
    symbol, name, price = _CURRENCIES[currency]
    return {
        # A string, as at Bitquery: a token amount can have more digits than a double holds.
        "Amount": f"{worth / price:.8f}",
        "Buyer": f"0x{address.hex()}",
        "Currency": {"Name": name, "Symbol": symbol},
    }
