"""Bytes per chip: 18 a parameter, divided by ZeRO, conserved over ranks, summed over stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cases import EAGER, GPT, GQA, MLA, MODELS, MOE, job_of, plan_of, shard_of, space_of
from petaday.catalog import load
from petaday.catalog.model import Model
from petaday.training.block import lead_layers
from petaday.training.job import OPTIMIZERS, Job
from petaday.training.layout import Stage
from petaday.training.memory import Memory
from petaday.training.plan import Plans
from petaday.training.pricer import Pricer
from petaday.training.space import all_plans
from petaday.training.state import held_parameters, replicas
from petaday.workload.activations import layer_activations
from petaday.workload.architecture import LayerKind


def stage(job: Job, plans: Plans, which: Stage = Stage.FIRST) -> Memory:
    return Pricer(job).stage_memory(plans, which)


def counted(model: Model) -> int:
    """All parameters of a model."""
    return job_of(model).count.total


# State


def test_mixed_precision_adam_takes_18_bytes_a_parameter() -> None:
    """2 of weights, 4 of fp32 gradients, 12 of master copy and moments (ZeRO, arXiv:1910.02054, section 3.1)."""
    memory = stage(job_of(GPT, chips=1), plan_of())
    parameters = counted(GPT)
    assert memory.weights[0] == pytest.approx(2 * parameters)
    assert memory.gradients[0] == pytest.approx(4 * parameters)
    assert memory.optimizer[0] == pytest.approx(12 * parameters)


def test_the_zero_paper_halves_gradients() -> None:
    """With 16-bit gradients 16 bytes: ψ = 7.5B on 64 ranks takes 120, 31.4, 16.6 and 1.9 GB (figure 1)."""
    job = job_of(GPT, chips=64, global_batch=64)
    state = []
    for zero in range(4):
        memory = stage(job, plan_of(dp=64, zero=zero, grad_bytes=2))
        state.append((memory.weights + memory.gradients + memory.optimizer)[0] / counted(GPT) * 7.5)
    assert state == pytest.approx([120, 31.4, 16.6, 1.9], rel=0.02)


@pytest.mark.parametrize(
    ("optimizer", "expected"), [("adam", 12), ("adamw", 12), ("muon", 8), ("sgd-momentum", 8), ("sgd", 4)]
)
def test_optimizers_keep_their_moments(optimizer: str, expected: int) -> None:
    memory = stage(job_of(GPT, chips=1, optimizer=OPTIMIZERS[optimizer]), plan_of())
    assert memory.optimizer[0] == pytest.approx(expected * counted(GPT))


def test_columns_set_the_widths() -> None:
    memory = stage(job_of(GPT, chips=1), plan_of(weight_bytes=1, grad_bytes=2, moment_bytes=1))
    assert [float(part[0]) for part in (memory.weights, memory.gradients, memory.optimizer)] == pytest.approx(
        [counted(GPT) * width for width in (1, 2, 4 + 2)]
    )
    offloaded = stage(job_of(GPT, chips=1), plan_of(optimizer_offload=1))
    assert offloaded.optimizer[0] == 0


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_all_ranks_together_hold_every_parameter(model: Model) -> None:
    """Of every plan: copies of the shared and of the experts' parameters, summed over ranks, conserve the model."""
    job = job_of(model)
    plans = Plans.concat(all_plans(job, space_of(recompute=0, zero=(0, 1), schedule=0)))
    of_shared, of_expert = replicas(plans, job)
    shared, expert = np.zeros(len(plans)), np.zeros(len(plans))
    between = model.layers - plans.first_layers - plans.last_layers
    for which in Stage:
        held = held_parameters(plans, job, which)
        share = np.ones(len(plans))
        if which is Stage.MIDDLE:  # the fullest stands for stages of fewer layers
            inner = np.where(plans.pp > 2, -(-between // np.maximum(plans.pp - 2, 1)), 1)
            share = between / inner
        shared += share * held.shared
        expert += share * held.expert
    ranks = plans.tp * plans.cp * plans.dp
    position_copies = model.max_position * model.hidden * (plans.tp - 1)
    norm_copies = job.count.norms * (plans.tp - 1)
    tied_copy = np.where(plans.pp > 1, model.vocab * model.hidden, 0) * model.tied_embeddings
    whole = shared * ranks / of_shared.every.size + expert * ranks / of_expert.every.size
    assert np.allclose(whole - position_copies - norm_copies - tied_copy, counted(model), rtol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_zero_divides_what_it_says(model: Model) -> None:
    job = job_of(model, chips=8)
    ends = {"first_layers": model.layers}
    stages = [stage(job, plan_of(dp=8, zero=zero, **ends)) for zero in range(4)]
    for part, shards_from in (("optimizer", 1), ("gradients", 2), ("weights", 3)):
        sizes = [float(getattr(memory, part)[0]) for memory in stages]
        assert sizes == pytest.approx([sizes[0] / (8 if zero >= shards_from else 1) for zero in range(4)])
    assert [memory.working[0] > 0 for memory in stages] == [False, False, False, True]


def test_context_ranks_shard_the_state_as_well() -> None:
    job = job_of(GPT, chips=4)
    assert stage(job, plan_of(cp=4, zero=1)).optimizer[0] == stage(job, plan_of(dp=4, zero=1)).optimizer[0]


def test_expert_ranks_divide_experts_alone() -> None:
    job = job_of(MOE, chips=8)
    one, eight = (stage(job, plan_of(dp=8, ep=ep)).weights[0] for ep in (1, 8))
    moe = MOE.moe
    assert moe is not None
    experts = 4 * moe.experts * 3 * MOE.hidden * moe.ffn
    assert one - eight == pytest.approx(2 * experts * 7 / 8)


def test_dualpipe_holds_two_stages() -> None:
    """One of either direction (DeepSeek-V3, table 2): twice the parameters, p + 1 micro-batches of activations."""
    job = job_of(GPT, chips=4)
    ends = {"pp": 4, "first_layers": 2, "last_layers": 2}
    plain, dual = (stage(job, plan_of(schedule=schedule, **ends)) for schedule in (0, 2))
    assert dual.weights[0] == 2 * plain.weights[0]
    assert dual.gradients[0] == 2 * plain.gradients[0]
    assert dual.activations[0] == pytest.approx(plain.activations[0] * 5 / 4)


# Stages


def test_stages_hold_their_layers_and_their_ends() -> None:
    job = job_of(GQA, chips=4)
    plans = plan_of(pp=4, first_layers=2, last_layers=2)
    first, middle, last = (held_parameters(plans, job, which).total[0] for which in Stage)
    layer = job.count.attention_per_layer + job.count.dense_ffn_per_layer + job.count.norms / GQA.layers
    assert [first, middle, last] == pytest.approx(
        [2 * layer + job.count.embedding, 3 * layer, 2 * layer + job.count.head]
    )


def test_a_single_stage_holds_a_tied_embedding_once() -> None:
    tied, untied = (held_parameters(plan_of(), job_of(model), Stage.FIRST).total[0] for model in (GPT, _untied(GPT)))
    assert untied - tied == GPT.vocab * GPT.hidden


def _untied(model: Model) -> Model:
    return model.model_copy(update={"tied_embeddings": False})


def test_deepseek_v3_starts_with_three_dense_layers() -> None:
    """61 layers, the first three dense with 18,432 wide FFNs (arXiv:2412.19437, section 4.2)."""
    job = job_of(load.model("deepseek-v3"), chips=16)
    assert lead_layers(job) == 3
    plans = plan_of(pp=16, first_layers=4, last_layers=1)
    first, middle, _ = (held_parameters(plans, job, which).total[0] for which in Stage)
    count = job.count
    dense = count.attention_per_layer + 3 * 7168 * 18432
    expert_layer = count.attention_per_layer + count.moe_per_layer
    norms = count.norms / 61
    assert first == pytest.approx(3 * dense + expert_layer + 4 * norms + count.embedding, rel=1e-9)
    assert middle == pytest.approx(4 * (expert_layer + norms), rel=1e-9)


def test_lead_in_layers_keep_what_dense_layers_keep() -> None:
    job = job_of(MLA, chips=1, global_batch=1)
    recipe = job.software.recipe
    block = Pricer(job).terms(plan_of(first_layers=9), job.precisions[0]).block
    dense, experts = (
        sum(float(each.size_bytes[0]) for each in layer_activations(MLA, kind, shard_of(), recipe, 2.0))
        for kind in (LayerKind(moe=False, window=None), LayerKind(moe=True, window=None))
    )
    assert block.lead.kept[0] == pytest.approx(dense)
    assert block.body.kept[0] == pytest.approx(experts)
    assert stage(job, plan_of(first_layers=9)).activations[0] == pytest.approx(dense + 8 * experts)


# Activations


def test_selective_and_full_recomputation_free_memory() -> None:
    job = job_of(GPT, chips=1, software=EAGER)
    none, selective, full = (
        stage(job, plan_of(recompute=mode, recompute_layers=8 if mode else 0)).activations[0] for mode in range(3)
    )
    masks = 2048 * GPT.hidden  # of the embedding's dropout
    assert full == 8 * 2 * 2048 * GPT.hidden + masks
    assert none - masks == pytest.approx(8 * 2048 * GPT.hidden * (34 + 5 * GPT.heads * 2048 / GPT.hidden))
    assert selective - masks == pytest.approx(8 * 34 * 2048 * GPT.hidden)


def test_a_recomputed_layer_comes_back_whole_while_it_runs_backward() -> None:
    job = job_of(GPT, chips=1)
    block = Pricer(job).terms(plan_of(), job.precisions[0]).block
    full = stage(job, plan_of(recompute=2, recompute_layers=8))
    assert full.working[0] == pytest.approx(block.body.kept[0] - full.activations[0] / 8)
    assert stage(job, plan_of()).working[0] == 0


def test_the_first_stage_holds_the_most_micro_batches() -> None:
    job = job_of(MOE, chips=4)
    plans = plan_of(pp=4, first_layers=2, last_layers=2)
    held = [stage(job, plans, which).activations[0] for which in Stage]
    assert held == pytest.approx([4 * held[2], 3 * held[2], held[2]])
    few = job_of(MOE, chips=4, global_batch=2)
    assert stage(few, plans).activations[0] == pytest.approx(2 * held[2])


def test_the_last_stage_holds_the_logits() -> None:
    """Of one micro-batch in 16 bit and in fp32, split over the tensor ranks."""
    job = job_of(GPT, chips=4)
    plans = plan_of(pp=2, tp=2, first_layers=4, last_layers=4)
    assert stage(job, plans).logits[0] == 0
    assert stage(job, plans, Stage.LAST).logits[0] == 2048 * GPT.vocab / 2 * 6
    assert stage(job, plan_of(dp=4)).logits[0] == 2048 * GPT.vocab * 6


def test_offloaded_activations_stream_through_two_layers() -> None:
    job = job_of(GPT, chips=1)
    kept = Pricer(job).terms(plan_of(), job.precisions[0]).block.body.kept[0]
    assert stage(job, plan_of(activation_offload=1)).activations[0] == pytest.approx(2 * kept)


@pytest.mark.parametrize("model", [GPT, GQA, MOE], ids=lambda model: model.id)
def test_memory_is_the_fullest_stage_and_never_below_its_parts(model: Model) -> None:
    job = job_of(model)
    plans = Plans.concat(all_plans(job, space_of()))
    plans = plans.take(np.arange(0, len(plans), 17))
    stages = [stage(job, plans, which) for which in Stage]
    totals = np.array([memory.total for memory in stages])
    present = np.array([plans.pp > 0, plans.pp > 2, plans.pp > 1])
    assert np.array_equal(Pricer(job).price(plans).memory, np.max(np.where(present, totals, 0), axis=0))
    for memory in stages:
        parts = ("weights", "gradients", "optimizer", "activations", "working", "logits")
        assert min(getattr(memory, part).min() for part in parts) >= 0


def test_the_reserve_is_added_once() -> None:
    plans = plan_of(dp=16)
    without, with_ = (Pricer(replace(job_of(GPT), reserve=reserve)).price(plans).memory[0] for reserve in (0.0, 5e9))
    assert with_ - without == pytest.approx(5e9)
