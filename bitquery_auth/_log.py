"""The one logger of this package."""

from __future__ import annotations

import logging

logger = logging.getLogger("bitquery_auth")
