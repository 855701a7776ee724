"""A service simulated step by step: one iteration after another, lists instead of heaps. Slow and obvious."""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from dataclasses import dataclass, field

from petaday.serving.memory import PAGE
from petaday.serving.simulate.service import Pool, Service

HALF = PAGE / 2


def seconds_of(law, speculation, decodes, context, prompt, pairs, stages=1, chunk=0):
    """The formula in `IterationLaw`'s words; a chunk of a prompt is in one of a pipeline's batches, and all wait for it."""
    if prompt:
        fullest = max(prompt, min(prompt * stages, chunk))
        pairs, prompt = pairs * fullest / prompt, fullest
    verified = decodes * speculation.verified
    total = law.tokens[verified + prompt] + law.decodes[decodes] + law.sampled[int(prompt > 0)][verified]
    if prompt:
        total += law.prompt[prompt]
    for window, token, pair, byte, sequence, launch in law.kinds:
        if decodes:
            total += min(context, decodes * window) * token + launch
        if pairs:
            total += max(pair * (min(pairs, prompt * window) + sequence * prompt / 2), byte * prompt) + launch
    return total


def split_mix(seed, index, draw):
    """SplitMix64 in whole numbers."""
    most = 2**64 - 1
    word = (seed + index * 0x9E3779B97F4A7C15 + draw * 0xD1B54A32D192ED03) & most
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & most
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & most
    return ((word ^ (word >> 31)) >> 11) / 2**53


@dataclass(eq=False)
class Request:
    index: int
    arrival: float
    prompt: int
    output: int
    tier: int = 0
    user: int = -1
    blocks: tuple[int, ...] = ()
    attempts: int = 1
    made: float = 0.0
    target: float = 0.0
    computed: float = 0.0
    decoding: bool = False
    held: float = 0.0
    admitted: float = -1
    first: float = -1
    end: float = -1
    outcome: str = ""
    preempted: int = 0
    cached: int = 0


@dataclass(eq=False)
class Replica:
    number: int
    pool: Pool
    waiting: list[Request] = field(default_factory=list)
    running: list[Request] = field(default_factory=list)
    prompts: list[tuple[Request, int]] = field(default_factory=list)
    decodes: list[Request] = field(default_factory=list)
    busy: bool = False
    extra: float = 0.0
    cache: OrderedDict = field(default_factory=OrderedDict)
    peak: float = 0.0

    @property
    def held(self):
        return sum(request.held + HALF for request in self.running)

    @property
    def pending(self):
        return sum(r.target - r.computed for r in self.waiting + self.running if not r.decoding)


class Reference:
    """Simulates a service without autoscaling; `ended` holds the requests."""

    def __init__(self, service: Service, requests: list[Request]):
        self.service = service
        numbered = [pool for pool in service.pools for _ in range(pool.replicas)]
        self.replicas = [Replica(number, pool) for number, pool in enumerate(numbered)]
        self.events: list = []
        self.count = 0
        self.ended: list[Request] = []
        self.cursor = 0
        self.buckets: dict[int, list[float]] = {}
        self.coming = requests
        for request in requests[: service.loop or None]:
            self.at(request.arrival if not service.loop else 0.0, 1, "ask", request)
        self.started = service.loop or len(requests)

    def at(self, time, order, what, who):
        self.count += 1
        tie = who.number if what == "boundary" else self.count
        heapq.heappush(self.events, (time, order, tie, self.count, what, who))

    def run(self):
        while self.events:
            time, _, _, _, what, who = heapq.heappop(self.events)
            getattr(self, what)(time, who)
        return self.ended

    def finish(self, time, request, outcome):
        request.end, request.outcome = time, outcome
        self.ended.append(request)
        if self.service.loop and self.started < len(self.coming):
            following = self.coming[self.started]
            self.started += 1
            following.arrival = time
            self.at(time, 1, "ask", following)

    def ask(self, time, request):
        tier = self.service.tiers[request.tier]
        request.target = request.prompt
        if tier.rate < math.inf and request.user >= 0:
            level, filled = self.buckets.get(request.user, [math.inf, 0.0])
            level = min(tier.burst, level + tier.rate * (time - filled))
            allowed = level >= 1
            self.buckets[request.user] = [level - 1 if allowed else level, time]
            if not allowed:
                return self.refuse(time, request, "limited")
        replica = self.route(request, "decode")
        if replica is None:
            return self.finish(time, request, "too long")
        if len(replica.waiting) >= tier.queue:
            return self.refuse(time, request, "full")
        replica.waiting.append(request)
        if tier.patience < math.inf:
            self.at(time + tier.patience, 0, "give_up", (request, replica))
        return self.wake(time, replica)

    def refuse(self, time, request, outcome):
        """Without spread or chance: the tests give every refused request its retries."""
        tier = self.service.tiers[request.tier]
        if request.attempts > tier.retries:
            return self.finish(time, request, outcome)
        delay = tier.retry_delay * 2.0 ** (request.attempts - 1) * self.jitter(request)
        request.attempts += 1
        return self.at(time + delay, 0, "ask", request)

    def jitter(self, request):
        return 0.5 + split_mix(self.service.seed, request.index, 2 * request.attempts + 1)

    def give_up(self, time, who):
        request, replica = who
        if request in replica.waiting and request.admitted < 0:
            replica.waiting.remove(request)
            self.finish(time, request, "timed out")

    def route(self, request, other, moving=False):
        able = []
        for step in range(len(self.replicas)):
            replica = self.replicas[(self.cursor + step) % len(self.replicas)]
            if replica.pool.role != other and request.prompt + request.output + PAGE <= replica.pool.room:
                able.append(replica)
        if not able:
            return None
        if self.service.router == "round-robin":
            self.cursor = (able[0].number + 1) % len(self.replicas)
            return able[0]

        def load(replica):
            return (len(replica.running) + len(replica.waiting)) / replica.pool.weight

        def work(replica):
            left = replica.pending + request.target - self.matched(replica, request)
            return left / replica.pool.weight, load(replica)

        return min(able, key=load if self.service.router == "least-loaded" or moving else work)

    def matched(self, replica, request):
        size, found = self.service.prefix_tokens, 0
        while size and found < len(request.blocks) and request.blocks[found] in replica.cache:
            found += 1
        return min(found * size, request.prompt - 1)

    def wake(self, time, replica):
        if not replica.busy:
            replica.busy = True
            self.at(time, 2, "boundary", replica)

    def moved(self, time, who):
        request, source = who
        source.running.remove(request)
        self.wake(time, source)
        target = self.route(request, "prefill", moving=True)
        if target is None:
            return self.finish(time, request, "too long")
        target.waiting.append(request)
        return self.wake(time, target)

    def boundary(self, time, replica):
        self.settle(time, replica)
        self.plan(time, replica)

    def settle(self, time, replica):
        gained = replica.pool.speculation.gained
        for request in replica.decodes:
            request.made += gained
            request.held += gained
        replica.peak = max(replica.peak, replica.held)
        for request in [each for each in replica.decodes if each.made >= each.output - 1e-9]:
            replica.running.remove(request)
            self.finish(time, request, "served")
        for request, _ in replica.prompts:
            if request.computed >= request.target:
                self.prompt_done(time, replica, request)
        replica.decodes, replica.prompts = [], []

    def prompt_done(self, time, replica, request):
        size = self.service.prefix_tokens
        if size:
            for block in reversed(request.blocks[: request.prompt // size]):
                replica.cache[block] = True
                replica.cache.move_to_end(block)
            self.trim(replica)
        request.made += 1
        hands_on = replica.pool.role == "prefill" and request.made < request.output
        if request.first < 0 and not hands_on:
            request.first = time
        if request.made >= request.output:
            replica.running.remove(request)
            self.finish(time, request, "served")
        elif hands_on:
            move = replica.pool.move_start + replica.pool.move * request.target
            self.at(time + move, 0, "moved", (request, replica))
        else:
            request.decoding = True

    def trim(self, replica):
        room = replica.pool.room - replica.peak
        while replica.cache and len(replica.cache) * self.service.prefix_tokens > room:
            replica.cache.popitem(last=False)
        replica.peak = replica.held

    def plan(self, time, replica):
        pool = replica.pool
        gained, verified = pool.speculation.gained, pool.speculation.verified
        decoding = [each for each in replica.running if each.decoding]
        while decoding and replica.held + gained * len(decoding) > pool.room:
            self.preempt(replica)
            decoding = [each for each in replica.running if each.decoding]
        if self.service.prefix_tokens:
            self.trim(replica)
        share, growth = verified if pool.mixed else 0, gained
        budget = pool.chunk - share * len(decoding)
        started = [each for each in replica.running if not each.decoding and each.computed < each.target]
        part_done = bool(started)
        for request in started:
            free = math.floor(pool.room - replica.held - growth * len(decoding))
            tokens = int(min(request.target - request.computed, budget, free))
            if tokens > 0:
                self.compute(replica, request, tokens)
                budget -= tokens
                part_done = request.computed < request.target
        while budget > 0 and len(replica.running) < pool.sequences and replica.waiting:
            request = min(replica.waiting, key=lambda each: each.tier)
            decoding = [each for each in replica.running if each.decoding]
            free = pool.room - replica.held - growth * len(decoding) - HALF
            if request.computed >= request.target:
                if request.computed + growth > free:
                    break
                self.admit(time, replica, request)
                if request.preempted:
                    replica.extra += pool.swap * request.target
                if request.first < 0:
                    request.first = time
                request.decoding = True
                budget -= share
                continue
            known = self.matched(replica, request)
            tokens = int(min(request.target - known, budget))
            if part_done or known + tokens > free:
                break
            request.computed = request.cached = known
            self.admit(time, replica, request)
            self.compute(replica, request, tokens)
            part_done = request.computed < request.target
            budget -= tokens
        if self.service.prefix_tokens:
            replica.peak = max(replica.peak, replica.held)
            self.trim(replica)
        prompt = sum(tokens for _, tokens in replica.prompts)
        replica.decodes = [each for each in replica.running if each.decoding] if pool.mixed or not prompt else []
        if not prompt and not replica.decodes:
            replica.busy = False
            return
        pairs = sum(c * (r.computed - c) + c * c / 2 for r, c in replica.prompts)
        context = sum(each.prompt + each.made for each in replica.decodes)
        batch = (len(replica.decodes), context, prompt, pairs)
        taken = seconds_of(pool.seconds, pool.speculation, *batch, stages=pool.stages, chunk=pool.chunk)
        self.at(time + taken + replica.extra, 2, "boundary", replica)
        replica.extra = 0.0

    def admit(self, time, replica, request):
        replica.waiting.remove(request)
        replica.running.append(request)
        request.held = request.computed
        if request.admitted < 0:
            request.admitted = time

    def compute(self, replica, request, tokens):
        replica.prompts.append((request, tokens))
        request.computed += tokens
        request.held += tokens

    def preempt(self, replica):
        victim = max(reversed(replica.running), key=lambda each: each.tier)
        replica.running.remove(victim)
        victim.computed = 0.0
        if victim.decoding:
            victim.decoding = False
            victim.target = math.floor(victim.prompt + victim.made)
            if replica.pool.swap > 0:
                victim.computed = victim.target
                replica.extra += replica.pool.swap * victim.target
        victim.preempted += 1
        replica.waiting.insert(0, victim)
