"""Fit what each engine profile adds to the time to the first token, to half of the record of latencies.

python benchmarks/fit_first_tokens.py
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
from scipy.optimize import minimize_scalar

from petaday.catalog import load
from petaday.validation.latency import held_out, profile_of
from petaday.validation.latency_record import read_record
from petaday.validation.latency_ttft import comparable, simulated

COMMAND = "python benchmarks/fit_first_tokens.py"
HEAD = f"""# Written by `{COMMAND}` from half of the record of serving latencies: seconds of a request outside the
# engine's iterations; loss, p90 and held_out are shares of the measured time to the first token (see docs/serving.md).
first_tokens:
"""

MOST = 2.0
"""Seconds that no stack adds."""


def main() -> None:
    """Fit every profile that has rows; print and write."""
    rows = read_record()
    kept, found = held_out(rows), simulated()
    places: dict[str, list[int]] = defaultdict(list)
    for place in comparable(rows):
        places[profile_of(rows[place])].append(place)
    lines = []
    for engine, own in sorted(places.items()):
        measured = np.array([float(rows[place]["ttft_ms"]) * 1e-3 for place in own])
        predicted = np.array([found[place].ttft for place in own])
        out = np.array([kept[place] for place in own])

        def off(answer: float, measured=measured, predicted=predicted, out=out) -> float:
            return float(np.mean(np.abs(np.log((predicted + answer) / measured))[~out]))

        answer = round(float(minimize_scalar(off, bounds=(0, MOST), method="bounded").x), 4)
        error = np.abs((predicted + answer) / measured - 1)
        lines.append(
            f"  - {{engine: {engine}, answer: {answer}, rows: {int((~out).sum())}, loss: {np.median(error[~out]):.4f}, "
            f"p90: {np.quantile(error[~out], 0.9):.4f},\n     held_out_rows: {int(out.sum())}, "
            f"held_out: {np.median(error[out]):.4f}, held_out_p90: {np.quantile(error[out], 0.9):.4f},\n"
            f'     date: "{date.today()}", command: "{COMMAND}"}}\n'
        )
        print(lines[-1], end="")
    (load.DATA / "first_tokens.yaml").write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
