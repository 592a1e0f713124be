"""Captured steps: no step waits for the host, calls are counted correctly, and, on a GPU, replays equal steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Never

from factories import HEAD, RING, SPATIAL, learner, tiny
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reactivation.machine.device import use_tf32
from reactivation.settings.identity import science_hash
from reactivation.settings.layers import experiments, resolve_train
from reactivation.settings.reading import parse_arguments
from reactivation.streams import stream
from reactivation.training import cuda_graph as module
from reactivation.training.cuda_graph import WARM_UP, CapturedStep, captured
from reactivation.training.stack import stacked

ASKS = module.replays_draw_anew.__wrapped__  # as it is before tests answer for it

ASKS_THE_HOST = {
    "_local_scalar_dense": "reads a value",
    "is_nonzero": "reads a value",
    "equal": "reads a value",
    "nonzero": "has a shape that depends on values",
    "masked_select": "has a shape that depends on values",
    "unique": "has a shape that depends on values",
    "lift_fresh": "copies from the host",
}


class Silence(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Refuses operations that cannot be captured."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, kwargs = function.overloadpacket.__name__, kwargs or {}
        assert name not in ASKS_THE_HOST, f"{name} {ASKS_THE_HOST[name]}"
        assert "device" not in kwargs or name not in ("_to_copy", "copy_"), f"{name} may copy between devices"
        if name.startswith("index"):
            assert not any(i is not None and i.dtype == torch.bool for i in args[1]), f"{name} picks by a mask"
        return function(*args, **kwargs)


@pytest.mark.parametrize("words", [[], ["rnn.sigma2_in=1e-5", "rnn.sigma2_out=1e-5", "rnn.bias=true", "rnn.noise=uniform"]])
@pytest.mark.parametrize("config", experiments())
def test_a_step_asks_nothing_of_the_host(config: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam is left out, since on a GPU its capturable variant is used."""
    cells = [RING] if config.startswith("head") else ["task.place_cells_dog=true"]
    members = [learner(seed, config, *cells, *words) for seed in range(2)]
    for trainee in (members[0], stacked(members)):
        monkeypatch.setattr(trainee.optimizer, "step", lambda: None)
        trainee.descend(measured=False)  # as before a capture: constants are copied from the host once
        with Silence():
            trainee.descend(measured=False)
            trainee.descend(measured=True)


def test_silence_hears_what_it_should() -> None:
    x = torch.arange(3.0)
    loud = (lambda: float(x[0]), lambda: x[x > 1], lambda: torch.tensor([1.0, 2.0]), lambda: x.nonzero())
    for asks in loud:
        with pytest.raises(AssertionError), Silence():
            asks()


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records operations instead of running them, as a capture does."""

    def __init__(self, noted: list[Callable[[], object]]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.noted = noted

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.noted.append(partial(function, *args, **(kwargs or {})))
        return args[0]


class Graph:
    """A graph on a CPU, whose replays draw new numbers, or always start from the generator's state at capture."""

    def __init__(self, draws_anew: bool):
        self.draws_anew, self.noted = draws_anew, list[Callable[[], object]]()

    def register_generator_state(self, generator: torch.Generator) -> None:
        self.generator, self.state = generator, generator.get_state()

    def replay(self) -> None:
        if not self.draws_anew:
            self.generator.set_state(self.state)
        for operation in self.noted:
            operation()


@contextmanager
def capture(graph: Graph, stream: object) -> Iterator[None]:
    with Recorder(graph.noted):
        yield


@pytest.mark.parametrize("draws_anew", [True, False])
def test_steps_are_captured_only_where_replays_draw_anew(
    draws_anew: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise steps are called, and a message says so once. `test_replays_are_steps` tests a real GPU."""
    Fake(monkeypatch)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: Graph(draws_anew))
    monkeypatch.setattr(torch.cuda, "graph", capture)
    monkeypatch.setattr(module, "replays_draw_anew", cache(ASKS))
    noise, plain, drawn = stream(0, "noise"), stream(0, "noise"), torch.zeros(3)
    steps = [CapturedStep(lambda: (drawn.normal_(generator=noise), []), [noise]) for _ in range(2)]
    for number in range(2 * (WARM_UP + 3)):
        assert torch.equal(steps[number % 2]()[0], torch.zeros(3).normal_(generator=plain))
    captures = sum(step._graph is not None for step in steps)
    assert captures == (2 if draws_anew else 0)
    assert capsys.readouterr().err.count("random numbers") == (0 if draws_anew else 1)


def test_a_torch_that_refuses_the_generator_captures_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(graph: Graph, stream: object) -> Never:
        raise RuntimeError("a generator that is not registered")

    Fake(monkeypatch)
    for honest in (lambda: Graph(True), lambda: object()):
        monkeypatch.setattr(torch.cuda, "CUDAGraph", honest)
        monkeypatch.setattr(torch.cuda, "graph", refuses)
        assert not ASKS(torch.device("cpu"))
        assert "not captured" in capsys.readouterr().err


class Fake:
    """The part of torch.cuda that `CapturedStep` uses, recording its calls. Its capture runs the step; a GPU's would not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.done: list[str] = []
        monkeypatch.setattr(module, "replays_draw_anew", lambda device: True)
        monkeypatch.setattr(torch.cuda, "Stream", lambda: self)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: self)
        monkeypatch.setattr(torch.cuda, "stream", lambda stream: self.within("aside"))
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: self.within("capture"))

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        self.done.append(name)
        yield

    def wait_stream(self, other: object) -> None:
        pass

    def register_generator_state(self, generator: torch.Generator) -> None:
        self.done.append("register")

    def replay(self) -> None:
        self.done.append("replay")


def test_a_step_runs_aside_and_then_is_captured_once_with_every_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(monkeypatch)
    buffer, value = torch.zeros(2), torch.zeros(())
    step = CapturedStep(lambda: (buffer, [{"x": value}]), [stream(0, name) for name in "abcd"])
    for _ in range(WARM_UP + 3):
        loss, measures = step()
    assert fake.done == ["aside"] * WARM_UP + ["register"] * 4 + ["capture"] + ["replay"] * 3
    buffer.fill_(7)
    value.fill_(7)
    assert not loss.any(), "the next replay would overwrite a loss that nobody has read yet"
    assert not measures[0]["x"]


def test_a_new_learning_rate_is_captured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old capture contains the old rate."""
    from reactivation.training import learner as learning

    fake, last = Fake(monkeypatch), WARM_UP + 2  # the last step of the first rate is a replay
    monkeypatch.setattr(learning, "captured", CapturedStep)
    members = [learner(seed, SPATIAL, "trainer.lr_late=1e-4", f"trainer.lr_late_from={last}") for seed in range(2)]
    stack, rates = stacked(members), []
    honest = stack.optimizer.step

    def watching() -> None:
        rates.append(stack.optimizer.param_groups[0]["lr"])
        honest()

    monkeypatch.setattr(stack.optimizer, "step", watching)
    for _ in range(2 * last):
        stack.learn()
    once = ["aside"] * WARM_UP + ["register"] * 4 + ["capture"] + ["replay"] * 2
    assert fake.done == once * 2
    assert rates == [1e-3] * (WARM_UP + 1) + [1e-4] * (WARM_UP + 1)


def test_on_a_cpu_a_step_is_just_called() -> None:
    def step() -> Never:
        raise AssertionError

    assert captured(step, [stream(0, "a")]) is step


def test_tf32_is_another_training_and_off_by_default() -> None:
    words = parse_arguments(tiny(SPATIAL))
    plain, tf32 = resolve_train(words), resolve_train({**words, "trainer.tf32": "true"})
    assert not plain.trainer.tf32
    assert science_hash(plain) != science_hash(tf32)
    assert science_hash(plain) == science_hash(resolve_train({**words, "trainer.tf32": "false"}))
    before = torch.backends.cuda.matmul.fp32_precision
    for wanted, precision in ((True, "tf32"), (False, "ieee")):
        use_tf32(wanted)
        assert torch.backends.cuda.matmul.fp32_precision == precision
    torch.backends.cuda.matmul.fp32_precision = before


@pytest.mark.gpu
def test_this_torch_draws_anew() -> None:
    assert ASKS(torch.device("cuda"))


@pytest.mark.gpu
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize(("config", "words"), [(SPATIAL, []), (f"{SPATIAL}_gru", []), (HEAD, [RING])])
def test_replays_are_steps(config: str, words: list[str], seeds: int) -> None:
    """Losses, weights and random states are equal, also with measures at times, and after going on from a saved state."""
    replayed, eager = ([learner(seed, config, *words, device="cuda") for seed in range(seeds)] for _ in range(2))
    one, other = stacked(replayed), stacked(eager)
    for number in range(4 * (WARM_UP + 3)):
        measured = number % 2 == 0
        (loss, measures), (expected, own) = one.learn(measured), other.descend(measured)
        torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)
        for a, b in zip(measures, own, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)
    for weight, expected in zip(one.network.parameters(), other.network.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-3, atol=1e-4)
    for mine, its in zip(replayed, eager, strict=True):
        assert torch.equal(mine.noise.get_state(), its.noise.get_state())
        assert torch.equal(mine.trajectories.get_state(), its.trajectories.get_state())
    again = learner(0, config, *words, device="cuda")
    again.restore({**replayed[0].state(), "step": one.step}, Path("nowhere"))
    lone = learner(0, config, *words, device="cuda")
    lone.restore({**replayed[0].state(), "step": one.step}, Path("nowhere"))
    for _ in range(WARM_UP + 3):
        torch.testing.assert_close(again.learn()[0], lone.descend(False)[0], rtol=1e-4, atol=0)


@pytest.mark.gpu
def test_replays_at_a_new_learning_rate_are_steps() -> None:
    last = 2 * WARM_UP
    one = learner(0, SPATIAL, "trainer.lr_late=0.05", f"trainer.lr_late_from={last}", device="cuda")
    other = learner(0, SPATIAL, device="cuda")
    for step in range(2 * last):
        for group in other.optimizer.param_groups:
            group["lr"] = 1e-3 if step < last else 0.05
        torch.testing.assert_close(one.learn()[0], other.descend(False)[0], rtol=1e-4, atol=0)
