"""``bitquery-auth`` and ``python -m bitquery_auth``."""

from __future__ import annotations

import sys

from bitquery_auth._cli import main

if __name__ == "__main__":
    sys.exit(main())
