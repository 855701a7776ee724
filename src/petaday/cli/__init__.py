"""The terminal's face: reads arguments, calls the study, prints what the report makes of it.

Everything heavy is imported inside the commands, so that `petaday --help` is quick.
"""

from __future__ import annotations

import sys

from petaday.cli import (  # noqa: F401  (each registers its commands)
    claims,
    cost,
    forecast,
    measure,
    parts,
    plan,
    reliability,
    serve,
    site,
    supply,
)
from petaday.cli.base import ANSWERED, BAD_INPUT, INFEASIBLE, app, print_json
from petaday.errors import InputError, PetadayError

__all__ = ["ANSWERED", "BAD_INPUT", "INFEASIBLE", "app", "main"]


def _fail(error: PetadayError) -> int:
    if "--json" in sys.argv and isinstance(error, InputError):
        print_json({"error": error.as_dict()})
    print(f"petaday: {error}", file=sys.stderr)
    return error.exit_code


def main() -> None:
    """Run the command line and leave with its exit code."""
    from cyclopts import CycloptsError

    try:
        result = app(sys.argv[1:], exit_on_error=False, print_error=False)
    except PetadayError as error:
        sys.exit(_fail(error))
    except CycloptsError as error:
        sys.exit(_fail(InputError(str(error).replace("\n", " "))))
    except BrokenPipeError:
        sys.exit(ANSWERED)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else ANSWERED)
