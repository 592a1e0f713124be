"""Named random streams: reproducible, and independent of each other."""

import re

from factories import ROOT
import numpy as np
from scipy import stats
import torch

from reactivation.streams import (
    CELLS,
    NOISE,
    TRAJECTORIES,
    numpy_stream,
    of_analysis,
    of_phase,
    of_untrained,
    stream,
    stream_seed,
)


def test_same_name_same_draws() -> None:
    assert torch.equal(torch.randn(5, generator=stream(3, "noise")), torch.randn(5, generator=stream(3, "noise")))
    assert np.array_equal(numpy_stream(3, "kl").random(5), numpy_stream(3, "kl").random(5))


def test_names_are_those_that_gave_the_bits_of_runs_and_results_that_exist() -> None:
    assert of_untrained(CELLS) == "random/cells"
    assert of_phase("noisy_biased", "active", TRAJECTORIES) == "analysis/noisy_biased/active/trajectories"
    assert of_phase("random", "quiescent", NOISE, draw=2) == "analysis/2/random/quiescent/noise"
    assert of_analysis("kl", "noisy_biased/rest") == "kl/noisy_biased/rest"


def test_the_library_names_no_stream_outside_its_list() -> None:
    spelt = re.compile(r"stream\([^()]*f?\"")
    files = [file for room in ("reactivation", "paper") for file in (ROOT / room).rglob("*.py")]
    assert [file.name for file in files if spelt.search(file.read_text())] == ["streams.py"]  # where a device is "cpu"


def test_names_and_seeds_do_not_collide() -> None:
    seeds = {stream_seed(seed, name) for seed in range(200) for name in ("weights", "cells", "trajectories", "noise")}
    assert len(seeds) == 800


def test_a_draw_from_one_stream_shifts_no_other() -> None:
    untouched = torch.randn(5, generator=stream(0, "noise"))
    trajectories, noise = stream(0, "trajectories"), stream(0, "noise")
    torch.randn(17, generator=trajectories)
    assert torch.equal(torch.randn(5, generator=noise), untouched)


def test_streams_of_one_seed_are_uncorrelated() -> None:
    n = 100_000
    a, b = (torch.randn(n, generator=stream(0, name)).numpy() for name in ("noise", "trajectories"))
    assert abs(stats.pearsonr(a, b).statistic) < 4 / n**0.5
