"""Build Ory Hydra from its Go module, once, and print where the binary is.

    python tests/servers/build_hydra.py

Hydra is in no package of PyPI, npm or Debian. It needs Go, a C compiler (for SQLite), Go's module
proxy, and about eight minutes on two cores. The binary stays in `~/.cache/bitquery_auth-tests`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_VERSION = "v2.3.0"

# Dependencies keep the versions that Hydra itself asks for; only its `replace` lines do not carry
# over to a module that uses it, so the one that matters is repeated.
_GO_MOD = f"""\
module hydra_for_tests

go 1.22

require github.com/ory/hydra/v2 {_VERSION}

replace github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b
"""
_MAIN_GO = """\
package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
"""
_BUILD = [
    "build",
    "-buildvcs=false",
    "-tags=sqlite,sqlite_omit_load_extension",
    f"-ldflags=-s -w -X github.com/ory/hydra/v2/driver/config.Version={_VERSION}",
]


class BuildError(Exception):
    """Hydra cannot be built on this machine; the message says why."""


def cache_folder() -> Path:
    """Return the folder for what takes long to download or build."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "bitquery_auth-tests")


def binary_path() -> Path:
    """Return where the built binary is, or would be."""
    return cache_folder() / f"hydra-{_VERSION}" / "hydra"


def build() -> Path:
    binary = binary_path()
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        raise BuildError("go is not on PATH")
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as module:
        Path(module, "go.mod").write_text(_GO_MOD)
        Path(module, "main.go").write_text(_MAIN_GO)
        fresh = Path(module, "hydra")
        _run([go, "mod", "tidy"], module)
        _run([go, *_BUILD, "-o", str(fresh), "."], module)
        fresh.replace(binary)  # in one step, so that nobody finds half a binary
    return binary


def _run(command: list[str], folder: str) -> None:
    # Its progress goes to stderr: stdout is for the path alone.
    status = subprocess.run(
        command, cwd=folder, env={**os.environ, "CGO_ENABLED": "1"}, stdout=sys.stderr, check=False
    ).returncode
    if status:
        raise BuildError(f"`go {command[1]}` ended with status {status}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build()}\n")
    except BuildError as failure:
        sys.exit(f"Hydra was not built: {failure}")
