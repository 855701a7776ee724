"""The command that audits statements about compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from petaday.cli.base import ANSWERED, Csv, Json, app, command, console, print_json, write


@app.command
def claims(
    file: Annotated[Path | None, Parameter(help="claims of your own (YAML); the shipped ones if left out")] = None,
    /,
    *,
    id: Annotated[str, Parameter(help="show one claim in full, such as C30")] = "",
    json: Json = False,
    csv: Csv = None,
) -> int:
    """Audit statements: units, stock or flow, dtype and sparsity, currency, arithmetic, and what the model says."""
    from petaday.report.claims import claims_data, show_claim, show_claims
    from petaday.report.flat import flat_csv
    from petaday.study.claims import ClaimsFile, audit, chosen, read_claims, shipped_claims
    from petaday.study.manifest import manifest

    listed = shipped_claims() if file is None else read_claims(file).claims
    if id:
        listed = chosen(listed, id)
    read = ClaimsFile.model_construct(claims=listed)
    data = claims_data([audit(claim) for claim in listed], manifest(read, command()))
    if csv is not None:
        write(csv, flat_csv(data["claims"]))
    if json:
        print_json(data)
    elif id:
        show_claim(data["claims"][0], console())
    else:
        show_claims(data, console())
    return ANSWERED
