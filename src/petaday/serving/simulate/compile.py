"""numba with its cache on disk, in a folder of its own for each state of this package's code.

numba finds a function's compiled form by the function's own file, and would take an old form of what that one calls.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numba

from petaday import __version__

HERE = Path(__file__).parent


def _folder() -> Path:
    code = hashlib.sha256(__version__.encode())
    for file in sorted(HERE.glob("*.py")):
        code.update(file.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")
    return base / "petaday" / f"numba-{code.hexdigest()[:16]}"


FOLDER = _folder()
if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(FOLDER)
if "NUMBA_OPT" not in os.environ:
    # Loops of branches and lookups gain nothing from more, and compile a sixth slower.
    numba.config.OPT = type(numba.config.OPT)(1)

OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}
"""Nothing here allocates, and nothing counts references: half of the time of compiling and running would go there."""

compiled: Any = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)
"""Compile a function that other compiled ones call; Python cannot, which saves half of the time of compiling."""

entry: Any = numba.njit(no_cfunc_wrapper=True, **OPTIONS)
"""Compile a function at its first call from Python, or load it as it was compiled before."""


def cached() -> bool:
    """Whether this code was compiled before on this machine."""
    return any(FOLDER.glob("**/*.nbc"))
