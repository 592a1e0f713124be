"""Seeds trained as a stack: each is what it is alone, whatever happens to the others, and its folder is an ordinary one."""

from collections.abc import Callable, Iterator
from typing import get_args

from factories import HEAD, RING, SPATIAL, learner
import numpy as np
import pytest
import torch
from torch import Tensor

from reactivation import types
from reactivation.machine.errors import BadInput
from reactivation.network.dynamics import standard_noise
from reactivation.settings.noise import NoiseDistribution
from reactivation.streams import stream
from reactivation.training.learner import Learner
from reactivation.training.stack import stacked
from reactivation.types import Batch
from reactivation.types import Path as Track
from reactivation.world.tasks.base import Task

BIASED_HEAD = "head_direction/noisy_biased"
DRAWN = ["task.concentration=8", "task.sigma=3", "task.home=2", "task.pause_share=0.5", "task.pause_steps=2"]
TWO_RATES = ["trainer.lr_late=1e-4", "trainer.lr_late_from=4"]
CONFIGS = [
    (SPATIAL, []),
    ("spatial_navigation/noisy_biased_gru", []),
    (BIASED_HEAD, [RING]),
    (BIASED_HEAD, []),
    ("spatial_navigation/noisy_biased", ["task.first_step=dropped"]),
    (SPATIAL, ["task.use_place_cells=false", "rnn.bias=true", "rnn.noise=uniform", "trainer.weight_decay=0.01"]),
    (HEAD, [RING, *DRAWN]),
    (SPATIAL, TWO_RATES),
    (BIASED_HEAD, ["rnn.sigma2_out=1e-4", "rnn.sigma2_in=1e-4", "rnn.activation_fn=tanh"]),
]


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Draws, weights and moments in double precision, so that rounding is far below any real difference."""
    monkeypatch.setattr(types, "PRECISION", torch.float64)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def tensors(one: Learner) -> dict[str, Tensor]:
    """All floating-point numbers of a run's state, by name."""
    moments = {f"{k}.{name}": value for k, own in one.state()["optimizer"]["state"].items() for name, value in own.items()}
    return {**one.network.state_dict(), **one.task.state_dict(), **moments}


def assert_same(a: Learner, b: Learner, tolerance: float = 1e-9) -> None:
    first, second = tensors(a), tensors(b)
    assert list(first) == list(second)
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=tolerance, atol=tolerance * float(value.abs().max()))
    assert a.step == b.step
    for name in ("trajectories", "noise"):
        assert torch.equal(getattr(a, name).get_state(), getattr(b, name).get_state())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("config", "words"), CONFIGS)
def test_each_network_of_a_stack_is_what_it_is_alone(config: str, words: list[str]) -> None:
    alone, together = ([learner(seed, config, *words) for seed in (0, 1, 2)] for _ in range(2))
    stack = stacked(together)
    for _ in range(6):
        expected = [one.learn(measured=True) for one in alone]
        losses, measures = stack.learn(measured=True)
        torch.testing.assert_close(losses, torch.stack([loss for loss, _ in expected]), rtol=1e-9, atol=0)
        for measured, (_, (own,)) in zip(measures, expected, strict=True):
            assert list(measured) == list(own)
            torch.testing.assert_close(list(measured.values()), list(own.values()), rtol=1e-7, atol=1e-12)
    for a, b in zip(alone, together, strict=True):
        assert_same(a, b)
        assert a.test() == pytest.approx(b.test(), rel=1e-7)


@pytest.mark.parametrize(("config", "words"), [(SPATIAL, []), (BIASED_HEAD, [RING])])
def test_a_network_does_not_depend_on_the_others(config: str, words: list[str]) -> None:
    """It is equal to the bit, since no sum mixes its numbers with the others'."""
    ones, others = (
        [learner(seed, config, *words) for seed in (0, 1, 2)],
        [learner(seed, config, *words) for seed in (3, 1, 4)],
    )
    for members in (ones, others):
        stack = stacked(members)
        for _ in range(4):
            stack.learn()
    assert_same(ones[1], others[1], tolerance=0)
    assert not torch.equal(ones[0].network.decoder.weight, others[0].network.decoder.weight)


@pytest.mark.parametrize("kind", get_args(NoiseDistribution))
def test_noise_comes_from_each_networks_own_stream(kind: NoiseDistribution) -> None:
    shape, seeds = (40, 250), range(3)
    drawn = standard_noise(kind, tuple(stream(seed, "noise") for seed in seeds))(torch.empty(3, *shape))
    for seed, own in zip(seeds, drawn, strict=True):
        assert torch.equal(own, standard_noise(kind, stream(seed, "noise"))(torch.empty(shape)))
    correlation = np.corrcoef(drawn.flatten(1).double().numpy()) - np.eye(3)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(np.prod(shape))


def test_batches_come_from_each_seeds_own_stream_and_cells() -> None:
    members = [learner(seed) for seed in range(3)]
    batch = stacked(members).sample(tuple(stream(seed, "x") for seed in range(3)))
    for k, member in enumerate(members):
        own = member.sample(stream(k, "x"))
        for name in ("start", "inputs", "positions", "targets"):
            torch.testing.assert_close(getattr(batch, name)[k], getattr(own, name), rtol=1e-5, atol=1e-6)


def test_a_task_of_another_make_samples_by_itself() -> None:
    """A task whose motion draws numbers step by step, or which changes its samples."""

    class Still:
        n_inputs = 2

        def paths(self, batch_size: int, steps: int, generator: torch.Generator) -> Track:
            start = torch.rand(batch_size, 2, generator=generator)
            return Track(start, torch.zeros(batch_size, steps, 2), start[:, None].expand(-1, steps, -1))

    def learners(change: Callable[[Task], None]) -> list[Learner]:
        members = [learner(seed) for seed in range(2)]
        for member in members:
            change(member.task)
        return members

    def stand_still(task: Task) -> None:
        task.motion = Still()

    def run_blind(task: Task) -> None:
        class Blind(type(task)):  # type: ignore[misc]  # whichever task it is
            def sample(self, batch_size: int, steps: int, generator: torch.Generator) -> Batch:
                batch = super().sample(batch_size, steps, generator)
                return Batch(batch.start, batch.inputs * 0, batch.positions, batch.encode)

        task.__class__ = Blind

    for change in (stand_still, run_blind):
        members = learners(change)
        batch = stacked(members).sample(tuple(stream(seed, "x") for seed in range(2)))
        assert not batch.inputs.any()
        for k, member in enumerate(members):
            torch.testing.assert_close(batch.targets[k], member.sample(stream(k, "x")).targets)


def test_a_stack_of_one_is_the_network_itself() -> None:
    one = learner(0)
    assert stacked([one]) is one


def test_a_cell_with_flat_parameters_is_refused() -> None:
    """The leading axis of a stack would be taken for units or trajectories."""
    members = [learner(seed) for seed in range(2)]
    for member in members:
        member.network.cell.register_buffer("gain", torch.ones(12))
    with pytest.raises(BadInput, match=r"cell\.gain.*together=processes"):
        stacked(members)


# Folders
