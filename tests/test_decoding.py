"""Decoders: templates find the position of noiseless outputs well below their grid, whatever the size of the outputs."""

from dataclasses import dataclass
from typing import Any

from factories import HEAD, SPATIAL, configured
import pytest
import torch

import reactivation as ra
from reactivation.analysis.result_files import declared, result_file
from reactivation.analysis.run import TrainedRun
from reactivation.machine.errors import BadInput
from reactivation.settings.layers import resolve_analysis
from reactivation.storage.networks import build
from reactivation.world.decoding import DECODERS, TEMPLATE, TOP3, decoder
from reactivation.world.spaces import Box
from reactivation.world.tuning import PlaceCells

LIKE = torch.zeros(1)


@dataclass(frozen=True)
class LShaped(Box):
    """A box without its upper right quarter."""

    def contains(self, points: Any) -> Any:
        return super().contains(points) & ~((points[..., 0] > 0) & (points[..., 1] > 0))


@pytest.mark.parametrize(
    ("config", "words", "error"),
    [
        (SPATIAL, ("task.place_cells_norm=none",), 1e-2),
        (SPATIAL, (), 1e-2),
        (SPATIAL, ("task.place_cells_dog=true", "task.box_width=1.3"), 1e-2),
        (HEAD, (), 5e-4),
        (HEAD, ("task.use_hd_cells=false",), 5e-4),
    ],
)
def test_noiseless_outputs_are_decoded_well_below_the_grid(config: str, words: tuple[str, ...], error: float) -> None:
    cells = "task.place_cells_num=512" if config == SPATIAL else "task.hd_cells_num=512"
    task, _ = build(configured(cells, *words, config=config), torch.device("cpu"))
    positions = task.space.from_unit(torch.rand(6000, task.space.dimensions, generator=torch.Generator().manual_seed(0)))
    outputs = task.encode(positions)
    decoded = decoder(TEMPLATE, task, LIKE)(outputs)
    assert float(task.space.distance(decoded, positions).max()) < error
    assert torch.allclose(decoder(TEMPLATE, task, LIKE)(100 * outputs), decoded, atol=1e-4)
    assert torch.equal(decoder(TOP3, task, LIKE)(outputs), task.decode(outputs))


def test_templates_keep_within_the_walls_of_any_space() -> None:
    space, cells = LShaped(2, 2), torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    world = type("World", (), {"space": space, "tuning": PlaceCells(cells, 0.2, "none", None)})()
    positions = torch.tensor([[-0.5, -0.5], [0.8, -0.03], [-0.03, 0.8]])
    decode = decoder(TEMPLATE, world, LIKE)
    assert torch.allclose(decode(world.tuning.encode(positions)), positions, atol=1e-2)
    beyond = decode(world.tuning.encode(torch.tensor([[0.5, 0.5], [0.5, 0.3]])))
    assert bool(space.contains(beyond - 0.05).all())  # at most one position of the grid through a wall


def test_a_recording_says_which_decoder_made_it() -> None:
    config = configured()
    task, network = build(config, torch.device("cpu"))
    run = TrainedRun.of_config(config, task, network, step=0)
    recorded = {name: run.record(ra.rest(5), 4, decoder=name) for name in DECODERS}
    assert [one.provenance["decoder"] for one in recorded.values()] == [TOP3, TEMPLATE]
    assert (recorded[TOP3].rates == recorded[TEMPLATE].rates).all()
    assert not (recorded[TOP3].positions == recorded[TEMPLATE].positions).any()
    assert run.record(ra.rest(5), 4).provenance["decoder"] == TOP3


def test_templates_are_refused_where_there_are_no_cells() -> None:
    own = ra.Run.of(ra.Network.from_matrices(torch.zeros(2, 2), tau=0.1), ra.Box(2, 2), dt=0.02, sigma=0.1)
    with pytest.raises(BadInput, match="leave decoder=top3"):
        own.record(ra.rest(5), 4, decoder=TEMPLATE)
    with pytest.raises(BadInput, match="did you mean top3"):
        own.record(ra.rest(5), 4, decoder="top2")
    task, _ = build(configured("task.use_place_cells=false"), torch.device("cpu"))
    with pytest.raises(BadInput, match="leave decoder=top3"):
        decoder(TEMPLATE, task, LIKE)


def test_results_of_another_decoder_have_files_of_their_own() -> None:
    declares = declared("distance")
    settings = [resolve_analysis("distance", declares.settings, {"decoder": name, "tag": "quick"}) for name in DECODERS]
    assert [result_file("distance", one).name for one in settings] == [
        "distance_0.0001_0_quick.json",
        "distance_0.0001_0_template_quick.json",
    ]
