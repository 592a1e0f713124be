"""Named random streams: reproducible, and independent of each other."""

import numpy as np
from scipy import stats
import torch

from reactivation.streams import numpy_stream, stream, stream_seed


def test_same_name_same_draws() -> None:
    assert torch.equal(torch.randn(5, generator=stream(3, "noise")), torch.randn(5, generator=stream(3, "noise")))
    assert np.array_equal(numpy_stream(3, "kl").random(5), numpy_stream(3, "kl").random(5))


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
