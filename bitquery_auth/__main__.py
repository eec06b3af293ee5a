"""``bitquery-auth`` and ``python -m bitquery_auth``: the process that runs a command."""

from __future__ import annotations

import gc
import sys


def run() -> int:
    """Run the command line of this process, and return its exit code.

    A command that starts makes no garbage, and looking for it would take a fifth of the time of
    ``bitquery-auth token``, which other programs wait for.
    """
    gc.set_threshold(100_000)
    from bitquery_auth._cli import main  # noqa: PLC0415 - after the threshold is set

    exit_code = main()
    gc.freeze()  # spares the objects that are left from the search when the interpreter exits
    return exit_code


if __name__ == "__main__":
    sys.exit(run())
