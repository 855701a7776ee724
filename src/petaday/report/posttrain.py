"""Post-training as plain data and as tables: time by stage, the RL step by side, every placement next to the others."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from petaday.report.data import SCHEMA_VERSION, Data
from petaday.report.tables import plain_table, show_assumptions, show_infeasible, show_unused
from petaday.report.terminal import plan_text
from petaday.study.answer import Answer
from petaday.study.manifest import Manifest
from petaday.study.posttrain import Posttrain
from petaday.study.rl import Option, RlAnswer
from petaday.units import Kind, render

if TYPE_CHECKING:
    from rich.console import Console

BAR = 60
MARKS = {"rollout": "█", "scoring": "▒", "judge": "▒", "update": "▓", "swap": "░", "sync": "░", "idle": "·"}
"""How a bar draws each part of a step, by its first word."""

TITLES = {"sft": "supervised tuning", "reward": "reward model", "rl": "reinforcement learning"}


def posttrain_data(found: Posttrain, manifest: Manifest) -> Data:
    """The whole answer; a stage that is not run is null, as is what does not exist because nothing fits."""
    infeasible = found.infeasible
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "infeasible" if infeasible else "answered",
        "manifest": asdict(manifest),
        "wall_time_s": found.seconds if np.isfinite(found.seconds) else None,
        "deadline_s": found.scenario.cluster.deadline,
        "sft": _tuning(found.sft),
        "reward": _tuning(found.reward),
        "rl": _rl(found.rl),
        "infeasible": {"stage": infeasible[0], **asdict(infeasible[1])} if infeasible else None,
        "unused": {
            **_unused(found.sft, "sft"),
            **_unused(found.reward, "reward"),
            **(found.rl.unused if found.rl else {}),
        },
        "assumptions": _assumptions(found),
    }


def _tuning(answer: Answer | None) -> Data | None:
    if answer is None:
        return None
    best = answer.best
    tokens = answer.job.global_batch * answer.job.seq_len
    return {
        "model": answer.joined.parts.model.id,
        "chips": answer.job.chips,
        "steps": answer.steps,
        "pf_days": answer.demand.pf_days,
        "wall_time_s": answer.wall_time if best else None,
        "step_time_s": best.step_time if best else None,
        "tokens_per_s": tokens / best.step_time if best else None,
        "mfu": best.mfu if best else None,
        "memory_bytes": best.memory if best else None,
        "plan": best.plan.texts(0) if best else None,
    }


def _rl(found: RlAnswer | None) -> Data | None:
    if found is None:
        return None
    cast, work = found.cast, found.cast.work
    return {
        "algorithm": cast.rl.algorithm,
        "policy": cast.policy.parts.model.id,
        "critic": cast.critic.parts.model.id if cast.critic else None,
        "scored_by": [each.name for each in cast.scorers],
        "engine": cast.profile.id,
        "steps": cast.rl.steps,
        "rollouts": len(work.replies),
        "tokens": work.tokens,
        "mean_response_tokens": float(work.replies.mean()),
        "longest_response_tokens": float(work.replies[-1]),
        "wall_time_s": found.seconds if found.best else None,
        "best": _option(found, found.best) if found.best else None,
        "placements": [_option(found, each) for each in found.options],
        "splits": [
            {"training_chips": int(chips), "step_time_s": float(seconds)}
            for chips, seconds in zip(found.training.chips, found.curve, strict=True)
            if np.isfinite(seconds)
        ],
    }


def _option(found: RlAnswer, option: Option) -> Data:
    """One placement's best step."""
    ways, training, place = found.rollouts, found.training, option.rollout
    plan, critic = training.policy[option.training].plan, training.critic[option.training : option.training + 1]
    waits = {name: float(held[option.training]) for name, held in training.waiting.items()}
    # The critic's state is counted out and in.
    waits = {name: held / 2 if name == "critic" else held for name, held in waits.items()}
    if option.placement == "colocated" or waits:
        waits = {"policy in training": float(training.state[option.training]), **waits}
    assert plan is not None
    return {
        "placement": option.placement,
        "step_time_s": option.step_time,
        "parts_s": option.parts,
        "chips": option.chips,
        "unused_chips": int(found.cast.cluster.chips) - option.chips,
        "rollout_side": {
            "chips": option.rollout_chips,
            "idle_s": option.rollout_idle,
            "tp": int(ways.tp[place]),
            "ep": int(ways.ep[place]),
            "replicas": int(ways.replicas[place]),
            "slots_per_replica": int(ways.slots[place]),
            "prefill_s": float(ways.prefill[place]),
            "tail_s": float(ways.tail[place]),
            "slots_busy": float(ways.running[place]),
            "tokens_per_s": float(found.cast.work.replies.sum()) / option.parts["rollout"],
        },
        "training_side": {
            "chips": option.training_chips,
            "idle_s": option.training_idle,
            "plan": plan.texts(0),
            "critic_plan": critic[0].plan.texts(0) if critic and critic[0].plan is not None else None,
            "memory_bytes": option.memory,
        },
        "waits_in_host_memory_bytes_per_chip": waits,
    }


def _unused(answer: Answer | None, stage: str) -> dict[str, str]:
    if answer is None:
        return {}
    return {f"{stage}.{field.partition('.')[2]}": why for field, why in answer.joined.unused.items()
            if not field.startswith("cluster.")}  # fmt: skip


def _assumptions(found: Posttrain) -> list[Data]:
    """Each field once: what a stage of training assumes of the cluster holds for all stages."""
    notes = list(found.rl.cast.assumptions) if found.rl else []
    for answer in (found.sft, found.reward):
        if answer is not None:
            notes += [
                note for note in answer.joined.assumptions if note.field.startswith(("cluster.", "efficiency."))
            ]
    return [asdict(note) for note in {note.field: note for note in reversed(notes)}.values()]


def show_posttrain(data: Data, name: str, console: Console) -> None:
    """Print the whole report."""
    console.print(Text(name or "Post-training", style="bold"))
    if data["infeasible"]:
        console.print(f"in {TITLES.get(data['infeasible']['stage'], 'all stages together')}:")
        show_infeasible(data["infeasible"], console)
    _stages(data, console)
    rl = data["rl"]
    if rl and rl["best"]:
        _step(rl, console)
        _placements(rl, console)
        _splits(rl, console)
    show_unused(data, console)
    if rl and rl["best"]:
        console.print(
            "\nAccuracy: 41 published GRPO steps took 0.8 to 3.1 times as long as predicted, median 1.5, on H100 1.3 "
            "(docs/posttrain.md): the time between the parts is not modelled."
        )
    show_assumptions(data, console)


def _stages(data: Data, console: Console) -> None:
    table = plain_table("\nStages", "stage", "model", ">chips", ">steps", ">step", ">time", "plan")
    for key, title in TITLES.items():
        stage = data[key]
        if stage is None or stage["wall_time_s"] is None:
            continue
        if key == "rl":
            best = stage["best"]
            row = (stage["policy"], best["chips"], stage["steps"], best["step_time_s"], best["training_side"]["plan"])
        else:
            row = (stage["model"], stage["chips"], stage["steps"], stage["step_time_s"], stage["plan"])
        model, chips, steps, step, plan = row
        time = render(stage["wall_time_s"], Kind.TIME)
        table.add_row(title, model, f"{chips:,}", f"{steps:,}", _time(step), time, plan_text(plan))
    if data["wall_time_s"] is not None:
        table.add_row("all", "", "", "", "", render(data["wall_time_s"], Kind.TIME), "")
    console.print(table)


def _step(rl: Data, console: Console) -> None:
    best, side = rl["best"], rl["best"]["rollout_side"]
    table = plain_table(f"\nRL step, {best['placement']}", "part", ">time", ">share")
    for name, seconds in best["parts_s"].items():
        if seconds:
            table.add_row(PART_NAMES.get(name, name), _time(seconds), f"{seconds / best['step_time_s']:.1%}")
    table.add_row("step", _time(best["step_time_s"]), "100.0%")
    console.print(table)
    console.print(
        f"\n{rl['rollouts']:,} rollouts of {rl['mean_response_tokens']:,.0f} tokens on average, "
        f"{rl['longest_response_tokens']:,.0f} at most: {side['replicas']} replicas of {side['tp']} chips under "
        f"{rl['engine']}, {side['tokens_per_s']:,.0f} tokens/s.\nLong tail: for {_time(side['tail_s'])} less than half "
        f"of the slots decode; over the rollout {side['slots_busy']:.0%} of their time is used."
    )
    for line in bars(best):
        console.print(line)
    console.print(f"{'':16}█ rollout ▒ scoring ▓ update ░ weights moved · idle")
    held = best["waits_in_host_memory_bytes_per_chip"]
    if held:
        words = ", ".join(f"{name} {render(size, Kind.BYTES, digits=3)}" for name, size in held.items())
        console.print(f"Takes turns on the training chips and waits in host memory, a chip: {words}.")


PART_NAMES = {
    "scoring policy": "scoring: likelihoods under the policy",
    "scoring reference": "scoring: likelihoods under the reference",
    "scoring reward": "scoring: reward model",
    "scoring critic": "scoring: critic",
    "judge": "rewards by rule",
    "update policy": "update of the policy",
    "update critic": "update of the critic",
    "swap": "models to host memory and back",
    "sync": "weights to the rollout engines",
}


def bars(option: Data) -> list[str]:
    """The step as a line for each side, of BAR characters: both sides wait where they are idle."""
    parts = option["parts_s"]
    learning = {name: seconds for name, seconds in parts.items() if name not in ("rollout", "sync")}
    rollout, sync = {"rollout": parts["rollout"]}, {"sync": parts["sync"]}
    idle = {name: {"idle": option[f"{name}_side"]["idle_s"]} for name in ("rollout", "training")}
    if option["placement"] == "colocated":
        return [_bar("all chips", {**rollout, **learning, **sync}, option["step_time_s"])]
    # One after the other, training waits first; off-policy by a step both begin together.
    waits_first = option["placement"] == "split"
    trains = {**idle["training"], **learning, **sync} if waits_first else {**learning, **idle["training"], **sync}
    return [
        _bar("rollout chips", {**rollout, **idle["rollout"], **sync}, option["step_time_s"]),
        _bar("training chips", trains, option["step_time_s"]),
    ]


def _bar(title: str, parts: dict[str, float], total: float) -> str:
    ends = np.rint(np.cumsum(list(parts.values())) / total * BAR).astype(int)
    widths = np.diff(ends, prepend=0)
    drawn = "".join(MARKS[name.split()[0]] * width for name, width in zip(parts, widths, strict=True))
    return f"{title:16}{drawn}"


def _placements(rl: Data, console: Console) -> None:
    columns = (">step", ">slower", ">rollout chips", ">idle", ">training chips", ">idle", "replicas")
    table = plain_table("\nPlacements side by side", "placement", *columns)
    least = min(each["step_time_s"] for each in rl["placements"])
    for each in rl["placements"]:
        rolls, trains, step = each["rollout_side"], each["training_side"], each["step_time_s"]
        table.add_row(
            each["placement"],
            _time(step),
            f"{step / least - 1:+.1%}",
            f"{rolls['chips']:,}",
            f"{rolls['idle_s'] / step:.0%}",
            f"{trains['chips']:,}",
            f"{trains['idle_s'] / step:.0%}",
            f"{rolls['replicas']} of {rolls['tp']} chips",
        )
    console.print(table)


def _splits(rl: Data, console: Console) -> None:
    if rl["best"]["placement"] == "colocated":
        return
    table = plain_table(f"\nSplits of the chips, {rl['best']['placement']}", ">training chips", ">step", "")
    longest = max(each["step_time_s"] for each in rl["splits"])
    for each in rl["splits"]:
        bar = "█" * max(1, round(each["step_time_s"] / longest * BAR / 2))
        table.add_row(f"{each['training_chips']:,}", _time(each["step_time_s"]), bar)
    console.print(table)


def _time(seconds: float) -> str:
    return f"{seconds:.4g} s" if 1 <= seconds < 1000 else render(seconds, Kind.TIME)
