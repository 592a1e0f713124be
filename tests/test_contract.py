"""Tasks and cells with mistakes that would train a network of wrong numbers: refused before a folder is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from factories import HEAD, SPATIAL, configured, train
import pytest
import torch
from torch import Tensor, nn

from reactivation import registry
from reactivation.machine.errors import BadInput
from reactivation.network.cells import vanilla
from reactivation.training.contract import sound_task
from reactivation.world.motion import Walk

DROP = nn.Dropout(0.5)
Drift = Callable[[vanilla.Vanilla, Tensor, Tensor], Any]


def field(cell: vanilla.Vanilla, state: Tensor, u: Tensor) -> Tensor:
    return (torch.relu(cell.recurrent(state) + u) - state) / cell.tau


def remembering(cell: Any, state: Tensor, u: Tensor) -> Tensor:
    cell.memory = getattr(cell, "memory", 0.0) + float(state.sum())
    return field(cell, state, u) + cell.memory


MISTAKES: dict[str, tuple[Drift, str]] = {
    "broadcast": (lambda cell, state, u: field(cell, state, u).mean(-1, keepdim=True), r"drift returns \(3, 1\) for states"),
    "precision": (lambda cell, state, u: field(cell, state, u).double(), "drift returns torch.float64"),
    "nothing": (lambda cell, state, u: None, "drift returns a NoneType"),
    "in place": (lambda cell, state, u: field(cell, state.mul_(0.9), u), "changes the state or input"),
    "input in place": (lambda cell, state, u: field(cell, state, u.add_(1)), "changes the state or input"),
    "noise": (lambda cell, state, u: field(cell, state, u + torch.randn_like(u)), "another field when asked again"),
    "dropout": (lambda cell, state, u: field(cell, DROP(state), u), "another field when asked again"),
    "memory": (remembering, "another field when asked again"),
    "mixed": (lambda cell, state, u: field(cell, state, u - u.mean(0)), "depends on the others of its batch"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_field_that_is_none_of_state_and_input_alone_is_refused(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift, said = MISTAKES[mistake]
    monkeypatch.setattr(vanilla.Vanilla, "drift", drift)
    with pytest.raises(BadInput, match=f"rnn.model=vanilla: .*{said}"):
        train(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_no_seed_gives_again_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(settings: Any, n_inputs: int, generator: torch.Generator) -> vanilla.Vanilla:
        cell = vanilla.Vanilla(settings, n_inputs, generator)
        nn.init.normal_(cell.recurrent.weight)
        return cell

    monkeypatch.setattr(vanilla, "build", build)
    with pytest.raises(BadInput, match=r"rnn.model=vanilla: cell.recurrent.weight differs where it is built twice"):
        sound_task(configured())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda path: path._replace(inputs=torch.randn_like(path.inputs)), "draws other paths from the same generator"),
        (lambda path: path._replace(positions=path.positions[:, :1]), r"positions have shape \(3, 1, 2\): \(3, 6, 2\)"),
        (lambda path: path._replace(inputs=path.inputs[..., :1]), r"inputs have shape \(3, 6, 1\): \(3, 6, 2\) is wanted"),
    ],
)
def test_paths_that_are_none_of_their_generator_alone_or_of_another_shape_are_refused(
    changed: Callable[[Any], Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Walk.paths
    monkeypatch.setattr(Walk, "paths", lambda *arguments: changed(paths(*arguments)))
    with pytest.raises(BadInput, match=rf"task spatial_navigation: .*{said}"):
        sound_task(configured())


@pytest.mark.parametrize("model", registry.names("cells"))
@pytest.mark.parametrize("config", [SPATIAL, HEAD])
def test_every_task_and_cell_of_ours_passes(model: str, config: str) -> None:
    sound_task(configured(f"rnn.model={model}", "rnn.bias=true", config=config))
