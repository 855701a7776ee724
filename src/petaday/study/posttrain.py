"""Post-training planned: supervised tuning, the reward model and reinforcement learning, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from petaday.errors import InputError
from petaday.study.answer import Answer, Report, answer
from petaday.study.posttrain_scenario import PosttrainScenario, Tuning, read_posttrain
from petaday.study.rl import RlAnswer, plan_rl
from petaday.study.rl_training import with_largest_part
from petaday.study.rl_work import cast_of, in_stage
from petaday.study.scenario import Scenario, Train
from petaday.training.check import check_columns
from petaday.training.relax import Infeasible
from petaday.units import Kind, render


@dataclass(frozen=True)
class Posttrain:
    """The answer by stage; a stage that the scenario leaves out is None."""

    scenario: PosttrainScenario
    sft: Answer | None
    reward: Answer | None
    rl: RlAnswer | None

    @property
    def seconds(self) -> float:
        """Seconds of all stages; inf where one does not fit."""
        tuned = sum(stage.wall_time for stage in (self.sft, self.reward) if stage)
        return tuned + (self.rl.seconds if self.rl else 0.0)

    @property
    def infeasible(self) -> tuple[str, Infeasible] | None:
        """The first stage that does not fit and what binds there; then a deadline that is missed."""
        for name, stage in (("sft", self.sft), ("reward", self.reward), ("rl", self.rl)):
            if isinstance(stage, Answer) and stage.infeasible:
                return name, with_largest_part(stage.infeasible, stage.joined, stage.found)
            if stage and stage.infeasible:
                return name, stage.infeasible
        deadline = self.scenario.cluster.deadline
        if deadline is not None and self.seconds > deadline:
            detail = f"all stages take {render(self.seconds, Kind.TIME)}, and the deadline is {render(deadline, Kind.TIME)}"
            return "all", Infeasible("deadline", detail, ())
        return None


def posttrain_file(path: Path, *, allow_unverified: bool = False, report: Report | None = None) -> Posttrain:
    """Plan a scenario file; an error has its place there."""
    scenario, locate = read_posttrain(path)
    try:
        return posttrain(scenario, path.parent, allow_unverified=allow_unverified, report=report)
    except InputError as error:
        raise locate(error) from None


def posttrain(
    scenario: PosttrainScenario, folder: Path, *, allow_unverified: bool = False, report: Report | None = None
) -> Posttrain:
    """Plan every stage on the whole cluster. Raises InputError with the scenario's field."""
    tell = report or (lambda _what, _count: None)

    def tuned(stage: Tuning | None, name: str) -> Answer | None:
        if stage is None:
            return None
        run = tuning_run(scenario, stage)
        try:
            return answer(run, folder, top=1, allow_unverified=allow_unverified, report=tell)
        except InputError as error:
            raise in_stage(error, name, model_field=f"{name}.model" if stage.model else "model") from None

    rl = None
    if scenario.rl is not None:
        cast = cast_of(scenario, folder, allow_unverified=allow_unverified)
        try:
            check_columns(cast.policy.job, cast.policy.given, chips_fixed=False)
        except InputError as error:
            raise in_stage(error, "rl", model_field="model") from None
        rl = plan_rl(cast, tell)
    return Posttrain(scenario, tuned(scenario.sft, "sft"), tuned(scenario.reward, "reward"), rl)


def tuning_run(scenario: PosttrainScenario, stage: Tuning) -> Scenario:
    """A stage of supervised training as a training run of its own; its deadline is that of all stages together."""
    train = Train(
        model=stage.model or scenario.model,
        tokens=stage.all_tokens,
        sequence_length=stage.sequence_length,
        global_batch=stage.global_batch,
        precision=stage.precision,
        optimizer=scenario.optimizer,
        software=scenario.software,
    )
    return Scenario(
        name=scenario.name,
        train=train,
        cluster=scenario.cluster.model_copy(update={"deadline": None}),
        plan=stage.plan,
    )
