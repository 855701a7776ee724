"""What share of its line rate a flow keeps when others collide with it, by simulation and as a law."""

from __future__ import annotations

import math

from petaday.errors import InputError, nearest_names
from petaday.fabric.flow import max_min
from petaday.fabric.network import Floats
from petaday.fabric.routing import SCHEMES, Scheme, adaptive, ecmp, spray
from petaday.fabric.traffic import Pairs
from petaday.fabric.wiring import Wiring

COLLISIONS = {2: (0.600, 1.324, 0.192), 3: (0.795, 1.144, 0.449)}
"""a, b and c of worst_flow_share by tiers: `benchmarks/fit_paths.py` fits them to flow_shares of random permutations
on full-bisection fat trees of 128 to 65,536 hosts with 1 to 64 paths, up to 300,000 subflows. Mean and worst error:
2.7% and 9% on 2 tiers, 2.4% and 6% on 3; outside the fit, 65,536 hosts with 16 paths come out 7% too low."""


def flow_shares(
    wiring: Wiring,
    pairs: Pairs,
    *,
    scheme: Scheme = "ecmp",
    paths: int = 1,
    seed: int = 0,
    capacity: Floats | None = None,
) -> Floats:
    """Max-min fair rate of each flow over its host's line rate, all flows at once.

    capacity: of the links, less what has failed or degraded (`wiring.without`, `wiring.degraded`); whole by default.
    paths, seed: subflows of a flow and how the hash falls; only ECMP knows them.
    """
    whole = wiring.capacity() if capacity is None else capacity
    if scheme == "adaptive":
        whole, routes = adaptive(wiring, *pairs, whole)
    elif scheme == "spray":
        routes = spray(wiring, *pairs, whole)
    elif scheme == "ecmp":
        routes = ecmp(wiring, *pairs, whole, paths=paths, seed=seed)
    else:
        raise _unknown(scheme)
    return routes.per_flow(max_min(whole, routes)) / wiring.line_rate


def worst_flow_share(paths: int, scheme: Scheme, *, hosts: int, tiers: int = 3) -> float:
    """Share of line rate that the slowest flow of a synchronous collective keeps, and so the collective.

    With `paths` hashed subflows a flow, on a full-bisection fat tree of `hosts` ports in 2 or 3 tiers:

        1 / (1 + (a·ln hosts + b) / (paths + c))

    The most loaded of n links has about ln n flows more than its fair number, and subflows average that out. Expected
    value over random permutations; one draw of a small fabric lies up to 40% from it. Spraying and adaptive routing
    have no collisions: 1.
    """
    if paths < 1:
        raise InputError(f"{paths} paths for a flow", field="paths", expected="1 or more")
    if tiers not in COLLISIONS:
        raise InputError(f"a fat tree of {tiers} tiers", field="tiers", expected="2 or 3")
    if hosts < 2:
        raise InputError(f"traffic among {hosts} hosts", field="hosts", expected="2 or more")
    if scheme not in SCHEMES:
        raise _unknown(scheme)
    if scheme != "ecmp":
        return 1.0
    a, b, c = COLLISIONS[tiers]
    return 1.0 / (1.0 + (a * math.log(hosts) + b) / (paths + c))


def _unknown(scheme: str) -> InputError:
    return InputError(
        f"unknown scheme {scheme!r}",
        field="scheme",
        expected=" or ".join(SCHEMES),
        nearest=nearest_names(scheme, SCHEMES),
    )
