"""Waiting for what happens behind the caller's back."""

import threading


def join_background_fetches() -> None:
    """Return once no background fetch is in progress."""
    for thread in threading.enumerate():
        if thread.name.startswith("bitquery_auth"):
            thread.join(20)
