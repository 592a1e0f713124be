"""A step captured once as a CUDA graph and then replayed: thousands of small kernels in one launch.

A captured step may not involve the host: it copies nothing from it, sends it no value, and has no shape that depends on a
value. Its inputs (weights, moments, random states) must exist before; the next replay overwrites its outputs.
"""

from collections.abc import Callable, Sequence
from functools import cache
import gc
import sys

import torch
from torch import Tensor

from reactivation.types import Measures

Step = Callable[[], tuple[Tensor, list[Measures]]]  # a gradient step → loss, other measures

WARM_UP = 3  # steps that are run before the capture, so that libraries and the optimizer have allocated their buffers


def captured(step: Step, streams: Sequence[torch.Generator]) -> Step:
    """Return the step itself on a CPU, and a captured one on a GPU. `streams`: every generator that it draws from."""
    return CapturedStep(step, streams) if streams[0].device.type == "cuda" else step


class CapturedStep:
    """A step that is a CUDA graph from its fourth call on.

    Every call is one training step, also before the capture; capturing itself computes nothing. A replay draws the same
    numbers as the step, and leaves the generators in the same state, so that saved states do not depend on replays.
    """

    def __init__(self, step: Step, streams: Sequence[torch.Generator]):
        self._step, self._streams = step, streams
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # nothing is captured on the default stream
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> tuple[Tensor, list[Measures]]:
        self._calls += 1
        if self._calls <= WARM_UP or not replays_draw_anew(self._streams[0].device):
            return self._run()
        graph = self._graph = self._graph or self._capture()
        graph.replay()
        loss, measures = self._result
        return loss.clone(), [{name: value.clone() for name, value in own.items()} for own in measures]

    def _run(self) -> tuple[Tensor, list[Measures]]:
        self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side):
            result = self._step()
        torch.cuda.current_stream().wait_stream(self._side)
        return result

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for stream in self._streams:
            graph.register_generator_state(stream)
        gc.collect()  # no memory of an earlier capture may be freed during this one
        with torch.cuda.graph(graph, stream=self._side):
            self._result = self._step()
        return graph


@cache
def replays_draw_anew(device: torch.device) -> bool:
    """Whether replays draw the same numbers from a registered generator as calls do, and leave it in the same state.

    Otherwise every step of a training would have the same noise. Up to torch 2.13 a generator has to be registered with
    a graph; from 2.14 on that call does nothing, and a capture registers its generators by itself
    (github.com/pytorch/pytorch/pull/176753). So the draws are tested, not the version.
    """
    try:
        found = _draws_anew(device)
    except (AttributeError, RuntimeError):  # no such call, or a capture that refuses the generator
        found = False
    if not found:
        print("replays of this torch repeat their random numbers: steps are not captured, and take longer", file=sys.stderr)
    return found


def _draws_anew(device: torch.device) -> bool:
    replayed, called = (torch.Generator(device).manual_seed(0) for _ in range(2))
    drawn, wanted = (torch.zeros(8, device=device) for _ in range(2))
    graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    graph.register_generator_state(replayed)
    with torch.cuda.graph(graph, stream=aside):
        drawn.normal_(generator=replayed)
    for _ in range(2):
        graph.replay()
        wanted.normal_(generator=called)
        if not torch.equal(drawn, wanted):
            return False
    return torch.equal(replayed.get_state(), called.get_state())
