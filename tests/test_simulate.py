"""The request-level simulator: against a step-by-step reference, queueing theory, and what must always hold."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petaday.serving.requests import Trace, requests
from petaday.serving.simulate.outcome import Ledger, Limits, latencies
from petaday.serving.simulate.run import simulate
from petaday.serving.simulate.service import Scaling, Service, Tier
from petaday.serving.simulate.state import FULL, LIMITED, SERVED, TIMED_OUT, TOO_LONG
from petaday.serving.speculation import Speculation
from reference_serving import Reference
from services import constant, law, pool, random_requests, trace_of

OUTCOMES = {"served": SERVED, "full": FULL, "limited": LIMITED, "timed out": TIMED_OUT, "too long": TOO_LONG}
LIMITED_TIERS = (
    Tier("subscriber", queue=20, patience=30.0),
    Tier("free", queue=4, patience=3.0, rate=0.2, burst=2, retries=2, retry_delay=2.0),
)

SERVICES = {
    "one replica": Service((pool(),)),
    "three replicas, least loaded": Service((pool(replicas=3, sequences=4),)),
    "three replicas, round robin": Service((pool(replicas=3, sequences=4),), router="round-robin"),
    "a window": Service((pool(law(window=100.0)),)),
    "a pipeline": Service((pool(stages=4),)),
    "prompts apart": Service((pool(mixed=False),)),
    "prompts apart in a small cache": Service((pool(mixed=False, room=450.0, sequences=16),)),
    "speculation": Service((pool(speculation=Speculation(3, 0.7, 1.0)),)),
    "preemption by recompute": Service((pool(room=450.0),)),
    "a small cache": Service((pool(room=210.0),)),
    "preemption by swap": Service((pool(room=450.0, swap=1e-5),)),
    "prefixes": Service((pool(replicas=2, room=900.0),), router="prefix-aware", prefix_tokens=16),
    "prefill and decode apart": Service(
        (
            pool(role="prefill", replicas=2, move_start=0.01, move=1e-5),
            pool(law(base=0.01), role="decode", sequences=16),
        )
    ),
    "two kinds of chips": Service((pool(), pool(law(base=0.05), replicas=2, weight=0.4)), router="least-loaded"),
    "tiers and limits": Service((pool(sequences=3),), tiers=LIMITED_TIERS),
    "closed loop": Service((pool(replicas=2),), loop=9),
    "everything": Service(
        (
            pool(role="prefill", room=700.0, move_start=0.01, move=1e-5),
            pool(law(window=100.0), role="decode", room=450.0, swap=1e-5, speculation=Speculation(1, 0.6, 1.0)),
            pool(law(base=0.05), replicas=2, weight=0.4, room=500.0),
        ),
        tiers=LIMITED_TIERS,
        router="prefix-aware",
        prefix_tokens=16,
    ),
}


def told(service, listed, **options):
    """Every request's outcome by its number, from the simulator."""
    ledger = Ledger(tiers=len(service.tiers), keep=True)
    users = 1 + max(each.user for each in listed)
    outcome = simulate(service, trace_of(listed, users=users, size=service.prefix_tokens), ledger, **options)
    ended = np.concatenate(ledger.kept)
    return outcome, ended[np.argsort(ended["index"])]


@pytest.mark.parametrize("rate", [1.0, 6.0, 25.0])
@pytest.mark.parametrize("name", SERVICES)
def test_every_request_fares_as_step_by_step(name, rate):
    service = SERVICES[name]
    tiers, size = len(service.tiers), service.prefix_tokens
    users = 60 if tiers > 1 else 0
    listed = random_requests(7, 300, rate=rate, tiers=tiers, users=users, groups=4 if size else 0)
    expected = sorted(Reference(service, copy.deepcopy(listed)).run(), key=lambda each: each.index)
    _, found = told(service, listed)
    assert len(expected) == len(found) == len(listed)
    assert [OUTCOMES[each.outcome] for each in expected] == found["outcome"].tolist()
    for field in ("preempted", "cached", "attempts"):
        assert [getattr(each, field) for each in expected] == found[field].tolist(), field
    for field in ("admitted", "first", "end"):
        assert found[field] == pytest.approx([getattr(each, field) for each in expected], rel=1e-9), field


def test_the_tests_reach_what_they_name():
    def fared(name, rate=25.0):
        service = SERVICES[name]
        tiers = len(service.tiers)
        listed = random_requests(7, 300, rate=rate, tiers=tiers, users=60 if tiers > 1 else 0, groups=4)
        return told(service, listed)[1]

    assert fared("preemption by recompute")["preempted"].sum() > 10
    assert fared("preemption by swap")["preempted"].sum() > 10
    assert fared("prefixes")["cached"].sum() > 1000
    everything = fared("everything")
    assert set(everything["outcome"]) == {SERVED, TIMED_OUT, LIMITED}
    assert FULL in fared("tiers and limits")["outcome"]
    assert TOO_LONG in fared("a small cache")["outcome"]
    assert everything["preempted"].any()
    assert everything["cached"].any()
    assert len(set(everything["pool"][everything["outcome"] == SERVED])) == 3


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rate=st.floats(0.2, 50),
    name=st.sampled_from(sorted(set(SERVICES) - {"closed loop"})),
)
def test_requests_end_once_and_in_order_of_time(seed, rate, name):
    service = SERVICES[name]
    tiers = len(service.tiers)
    listed = random_requests(seed, 120, rate=rate, tiers=tiers, users=5, groups=3)
    outcome, found = told(service, listed)
    assert found["index"].tolist() == list(range(120))
    assert outcome.unfinished == 0
    served = found[found["outcome"] == SERVED]
    assert (served["arrival"] <= served["admitted"]).all()
    assert (served["admitted"] <= served["first"]).all()
    assert (served["first"] <= served["end"]).all()
    assert (found["cached"] < found["prompt"]).all()
    if not served["preempted"].any() and all(each.speculation.drafted == 0 for each in service.pools):
        assert outcome.pools["decoded"].sum() == (served["output"] - 1).sum()
        assert outcome.pools["prefilled"].sum() == (served["prompt"] - served["cached"]).sum()


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_slot_waits_as_m_m_1(load):
    """Mean wait of M/M/1: ρ/(1 - ρ) services (Kleinrock 1975, Queueing Systems I, equation 3.20)."""
    assert wait_over_service(load, slots=1) == pytest.approx(load / (1 - load), rel=0.01)


@pytest.mark.parametrize(("slots", "load"), [(4, 0.8), (16, 0.9)])
def test_several_slots_wait_as_m_m_c(slots, load):
    """Mean wait of M/M/c: C(c, ρ·c)/(c·(1 - ρ)) services, with Erlang's C (Kleinrock 1975, section 3.5)."""
    offered = slots * load
    inverse = sum(math.prod((slots - k) / offered for k in range(steps)) for steps in range(1, slots + 1))
    blocked = 1 / (1 + inverse)  # Erlang's B by its recursion written out
    delayed = blocked / (1 - load * (1 - blocked))
    assert wait_over_service(load, slots=slots) == pytest.approx(delayed / (slots * (1 - load)), rel=0.01)


def wait_over_service(load, *, slots, count=2_000_000, tokens=2000):
    """Mean wait over mean service with exponential lengths; iterations that take a second whoever is in them."""
    rng = np.random.default_rng(1)

    def chunks():
        time = 0.0
        for _ in range(count // 50_000):
            # Antithetic halves: pairs of draws whose errors cancel.
            draws = rng.random((2, 25_000))
            gaps, lengths = (-np.log(np.concatenate([each, 1 - each])) for each in draws)
            order = rng.permutation(50_000)
            arrival = time + np.cumsum(gaps[order]) * tokens / (load * slots)
            output = np.maximum(np.rint(lengths[rng.permutation(50_000)] * tokens), 1).astype(np.int64)
            time = arrival[-1]
            yield requests(arrival, np.ones(50_000, dtype=np.int64), output)

    service = Service((pool(constant(1.0), sequences=slots, chunk=64, room=1e12),))
    ledger = Ledger()
    simulate(service, Trace("exponential", chunks()), ledger)
    return ledger.mean("queue") / tokens


def test_more_load_never_serves_sooner():
    """The same requests, closer together: nobody's mean time to the first token gets shorter."""
    means = []
    for rate in (0.5, 1.0, 2.0, 4.0, 8.0):
        ledger = Ledger()
        simulate(Service((pool(),)), trace_of(random_requests(3, 2000, rate=rate)), ledger)
        means.append(ledger.mean("ttft"))
    assert (np.diff(means) > 0).all()


def test_a_trace_may_come_in_any_chunks_and_twice_gives_the_same():
    listed = random_requests(5, 400, rate=8.0, tiers=2, users=9, groups=4)
    service = SERVICES["everything"]
    found = []
    for chunk in (1, 13, 400, 400):
        ledger = Ledger(tiers=2, keep=True)
        simulate(service, trace_of(listed, users=9, size=16, chunk=chunk), ledger)
        found.append(np.sort(np.concatenate(ledger.kept), order="index"))
    assert all((found[0] == other).all() for other in found[1:])


def test_requests_of_an_overload_are_bounded_by_events_and_by_time():
    listed = random_requests(5, 3000, rate=1000.0)
    service = Service((pool(),))
    for options in ({"most_events": 2000}, {"drain": 5.0}):
        outcome = simulate(service, trace_of(listed), Ledger(), **options)
        assert outcome.stopped
        assert outcome.unfinished > 0
        assert outcome.taken == outcome.unfinished + outcome.ledger.outcomes.sum()


def test_more_than_the_first_slots_may_wait():
    listed = [replace(each, arrival=0.0) for each in random_requests(5, 3000)]
    outcome, found = told(Service((pool(),)), listed)
    assert outcome.unfinished == 0
    assert (found["outcome"] == SERVED).all()


def test_autoscaling_follows_a_crowd_and_goes_back():
    calm, crowd = random_requests(1, 300, rate=0.5), random_requests(2, 600, rate=12.0)
    late = [replace(each, index=300 + each.index, arrival=each.arrival + 600) for each in crowd]
    again = random_requests(3, 300, rate=0.5)
    after = [replace(each, index=900 + each.index, arrival=each.arrival + 700) for each in again]
    listed = sorted(calm + late + after, key=lambda each: each.arrival)
    scaling = Scaling(least=1, most=6, outstanding=6, start_delay=20.0, hold=60.0)
    service = Service((pool(scaling=scaling),), scale_every=5.0)
    outcome = simulate(service, trace_of(listed), Ledger(), sample_every=5.0)
    replicas = outcome.samples["replicas"]
    assert replicas[0] == 1
    assert replicas.max() == 6
    assert replicas[-1] < 6
    crowd_starts = int(listed[300].arrival // 5)
    assert replicas[: crowd_starts + 4].max() == 1
    fixed = simulate(Service((pool(replicas=6),)), trace_of(listed), Ledger())
    assert outcome.pools["on_time"][0] < 0.7 * fixed.pools["on_time"][0]
    assert fixed.pools["on_time"][0] == pytest.approx(6 * fixed.seconds)
    assert outcome.ledger.percentile("ttft", 0.99) > fixed.ledger.percentile("ttft", 0.99)


def test_a_replica_that_serves_stays_while_others_start() -> None:
    """Load that comes and goes faster than replicas start: nobody is ever without one that serves."""
    bursts = [
        replace(each, index=60 * burst + each.index, arrival=each.arrival + 40.0 * burst)
        for burst in range(12)
        for each in random_requests(burst, 60, rate=20.0)
    ]
    scaling = Scaling(least=1, most=4, outstanding=4, start_delay=60.0, hold=5.0)
    service = Service((pool(scaling=scaling),), scale_every=2.0)
    outcome = simulate(service, trace_of(bursts), Ledger(), sample_every=1.0)
    assert outcome.samples["replicas"].min() >= 1
    assert outcome.ledger.outcomes[0, SERVED] == len(bursts)


def test_higher_tiers_are_served_first_and_keep_their_latency_in_a_crowd():
    listed = random_requests(4, 2000, rate=12.0, tiers=2)
    tiers = (Tier("subscriber"), Tier("free", queue=8))
    ledger = Ledger(tiers=2)
    simulate(Service((pool(),), tiers=tiers), trace_of(listed), ledger)
    assert ledger.outcomes[0, FULL] == 0
    assert ledger.outcomes[1, FULL] > 100
    assert ledger.percentile("queue", 0.9, tier=0) < ledger.percentile("queue", 0.5, tier=1)


def test_latencies_are_counted_as_they_are_defined():
    outcome, found = told(Service((pool(),)), random_requests(3, 2000, rate=1.5))
    ledger, times = outcome.ledger, latencies(found)
    for metric in ("ttft", "e2e"):
        assert ledger.mean(metric) == pytest.approx(times[metric].mean())
        for share in (0.5, 0.9, 0.99):
            exact = np.quantile(times[metric], share, method="inverted_cdf")
            assert ledger.percentile(metric, share) == pytest.approx(exact, rel=0.006)
    limits = Limits(ttft=np.median(times["ttft"]))
    counted = Ledger(limits=limits, interval=100.0)
    simulate(Service((pool(),)), trace_of(random_requests(3, 2000, rate=1.5)), counted)
    assert counted.good.sum() == 1000
    curve = counted.curve
    assert curve.arrived.sum() == curve.served.sum() == 2000
    assert curve.good.sum() == 1000
    assert curve.ttft_most.max() == times["ttft"].max()
