"""Recordings of a network or of an animal: positions in a space, one time step apart.

Axes: B epochs (trajectories), T samples (steps), P dimensions, N units.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reactivation.analysis import epochs as choosing
from reactivation.analysis import exchange, reading, stamps
from reactivation.analysis import recording_files as files
from reactivation.analysis.epochs import Array, Epoch, Moments, Parts, cut, each, lengths_of, range_of, stacked
from reactivation.checks import Limit, Natural, Rng, Seconds, checked, generator, numbers
from reactivation.machine.errors import BadInput
from reactivation.world.spaces import Space

MARGIN = 0.2  # [m, rad] how far outside positions may lie: the tuning width of the paper's place cells


class Recording:
    """Hold epochs of positions in a space, with rates where there are any.

    `run.record(phase)` returns a recording of a network; this constructor makes one of recorded data. All measures take
    both. Brackets choose samples: `recording[100:]` those from step 100 on in every epoch, `recording[mask]` those where a
    mask over time is true. A gap in the mask ends an epoch, and no step, lag or dwell goes across it.

    >>> import numpy as np
    >>> xy = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (1000, 2)), axis=0)
    >>> rat = ra.Recording(positions=xy, dt=0.02, space=ra.Box.around(xy))
    >>> asleep = np.arange(1000) % 500 > 400
    >>> len(rat), len(rat[asleep]), rat[asleep].flat.shape
    (1, 2, (198, 2))
    """

    such_as = "as run.record(ra.rest()) or ra.Recording(positions, dt=..., space=...)"

    dt: float  # time from one sample to the next [s]
    space: Space
    outside: int  # samples beyond the walls of the space, by no more than the margin
    dropped: int  # samples that were not finite
    provenance: Mapping[str, Any]  # of a network: run, step, digest of the weights, phase, seed, version

    @checked
    def __init__(
        self,
        positions: Any,
        dt: Seconds | None = None,
        space: Space | None = None,
        rates: Any = None,
        moments: Moments | None = None,
        *,
        times: Any = None,
        true_positions: Any = None,
        margin: Limit = MARGIN,
        drop_missing: bool = False,
        provenance: Mapping[str, Any] | None = None,
    ):
        """Read positions, and refuse data that would be measured wrongly.

        Args:
            positions: (T, P), (B, T, P), or a list of epochs (T, P) of any length; bearings may lack the last axis. Anything
                that numpy makes an array of: lists, pandas, pynapple, torch. Masked entries of a masked array are missing.
            dt: Δt [s]; may be left out where there are times.
            space: where positions live. Bearings are wrapped.
            rates: (T, N), (K, T, N) or a list, of the first K epochs. An index is compared as that of `true_positions`.
            moments: mean and covariance of the rates of all epochs; None: found from `rates`.
            times: of each sample [s], or dates: (T) for all epochs alike, (B, T), or a list with (T) of each. If left out,
                times in the index of a pandas or pynapple object are taken: dates, time differences, or decimal numbers as
                seconds. Dates count from the earliest of all. Whole numbers in an index are row numbers, and must increase.
                A gap in times or rows begins an epoch. In a list, epochs without times, and frames that are all numbered
                from 0, follow the epoch before.
            true_positions: where the animal was at each of `positions`, in their shape, if these were decoded from its
                activity. Times or row numbers in an index must be those of the positions, but for rows numbered from 0; of
                dates beside seconds, which have no zero in common, only the times since the first sample must be. Samples
                without a true position are missing, too.
            margin: how far outside positions may lie [unit of the space]; math.inf: anywhere.
            drop_missing: cut out samples that are not finite, each gap beginning an epoch; otherwise they are refused.
            provenance: where the data come from, in words and numbers of your own; it is saved with them.

        Raises:
            BadInput: shapes or times that do not fit, missing values, degrees, or positions far outside.
        """
        if space is None:
            raise BadInput("give space=, where positions live: Box(width, height), Box.around(positions) or Circle()")
        series = reading.read_series(positions, space.dimensions)
        lengths = [len(one) for one in series]
        index = stamps.index_of(positions, lengths)
        given = index if times is None else stamps.read_times(times, lengths)
        taken = stamps.in_order(given, dt)
        self.dt, self.space = stamps.time_step(taken, dt), space
        known = (given, index)
        truth = None if true_positions is None else reading.read_truth(true_positions, series, known, self.dt)
        there = reading.finite(series, truth, drop_missing)
        parts = reading.parts_of(series, there, taken, self.dt, reading.read_supports(positions, lengths))
        self._blocks = tuple(reading.in_space(block, space) for block in cut(series, parts))
        self._truth = () if truth is None else tuple(reading.in_space(one, space) for one in cut(truth, parts))
        self._rates = () if rates is None else reading.cut_rates(reading.read_rates(rates, series, known, self.dt), parts)
        self._moments = moments
        begins = [(part.series, part.steps.start) for part in parts] if parts else [(i, 0) for i in range(len(series))]
        self._starts = reading.starts_of(begins, taken, lengths, self.dt)
        self._given = sum(lengths)
        self.dropped = 0 if there is None else sum(int((~one).sum()) for one in there)
        self.outside = reading.count_outside(self.flat, space, margin)
        for block in self._truth:
            reading.count_outside(block.reshape(-1, space.dimensions), space, margin, reading.TRUTH)
        self.provenance = dict(provenance or {})

    @property
    def positions(self) -> Any:
        """(B, T, P) [unit of the space], or a list with (T, P) of each epoch.

        A list where epochs of several lengths were given, and where a mask or gaps made several epochs, whatever their
        lengths; a single epoch is (1, T, P). `epochs` goes through either, `flat` joins all.
        """
        return self._blocks[0] if len(self._blocks) == 1 else list(self.epochs)

    @property
    def true_positions(self) -> Any:
        """Where the animal or the agent was at each of `positions`, in their shape; None where that is not known."""
        if not self._truth:
            return None
        return self._truth[0] if len(self._truth) == 1 else each(self._truth)

    @property
    def rates(self) -> Any:
        """(K, T, N) of the first K epochs, or a list of (T, N) where positions are a list; None where there are none."""
        if not self._rates:
            return None
        return self._rates[0] if len(self._blocks) == 1 else each(self._rates)

    @property
    def epochs(self) -> Iterator[Array]:
        """The positions of each epoch, (T, P), one after the other; `list(...)` of them has a length."""
        return (epoch for block in self._blocks for epoch in block)

    @property
    def true_epochs(self) -> Iterator[Array]:
        """The true positions of each epoch, (T, P), one after the other; nothing where they are not known."""
        return (epoch for block in self._truth for epoch in block)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Samples of each epoch, (B)."""
        return lengths_of(self._blocks)

    @property
    def starts(self) -> Array:
        """When each epoch begins, (B) [s], by the times that were given; without times, as if epochs followed each other."""
        return np.array([start.seconds for start in self._starts])

    @property
    def flat(self) -> Array:
        """All positions, (n, P)."""
        flat = [block.reshape(-1, self.space.dimensions) for block in self._blocks]
        return flat[0] if len(flat) == 1 else np.concatenate(flat)

    @property
    def seconds(self) -> float:
        """How long all epochs are together [s]."""
        return float(self.lengths.sum()) * self.dt

    @property
    def moments(self) -> Moments | None:
        """Mean (N) and covariance (N, N) of the rates; None where there are none, or only one sample."""
        if self._moments is None and self._rates and sum(map(len, each(self._rates))) > 1:
            flat = np.concatenate([block.reshape(-1, block.shape[-1]) for block in self._rates]).astype(np.float64)
            self._moments = Moments(flat.mean(0), np.atleast_2d(np.cov(flat, rowvar=False)))
        return self._moments

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def __repr__(self) -> str:
        epochs = "1 epoch" if len(self) == 1 else f"{len(self)} epochs"
        with_rates = sum(map(len, self._rates))
        rates = f", rates of {with_rates} {'epoch' if with_rates == 1 else 'epochs'}" if self._rates else ""
        return f"Recording of {epochs}, {self.lengths.sum()} samples every {self.dt:g} s in {self.space}{rates}"

    def __getitem__(self, which: Any) -> "Recording":
        """Choose samples, by a slice of steps or a mask over time.

        Args:
            which: a slice of steps, in every epoch (`[::5]` takes every fifth sample, so that samples are 5 Δt apart); or a
                mask: (T) for every epoch, (B, T), a list with one (T) for each epoch, over all samples (n), or over all
                given samples, dropped ones included.

        Raises:
            BadInput: a mask of another length, or over all samples of epochs that were taken in another order; nothing is
                left; or every n-th sample of spike counts, which would be those
                of a n-th of the time between samples.
        """
        choose = choosing.sliced if isinstance(which, slice) else choosing.masked
        return self._some(choose(self._parts(), which))

    @checked
    def take(self, which: int | slice | Iterable[int]) -> "Recording":
        """Choose epochs by their numbers: `take(2)`, `take(slice(0, 5))`, `take([0, 3])`.

        Where only some epochs have rates, those of the first chosen ones are kept, up to one that has none.

        Raises:
            BadInput: no epoch has that number, or no epoch is chosen.
        """
        chosen = [which] if isinstance(which, int) else which
        numbers = range(len(self))[chosen] if isinstance(chosen, slice) else list(chosen)
        if not all(number in range(-len(self), len(self)) for number in numbers):
            raise BadInput(f"take({which}): there are epochs 0 to {len(self) - 1}")
        lengths = self.lengths.tolist()
        parts = [Epoch(number % len(self), slice(0, lengths[number])) for number in numbers]
        return self.stretches(parts, together=len({part.steps.stop for part in parts}) == 1)

    def stretches(self, parts: Sequence[Epoch], together: bool) -> "Recording":
        """Choose stretches of epochs, each as an epoch; rates are kept of the first ones, up to one that has none.

        Args:
            together: hold them in one array (B, T, P), as is possible where all have one length.

        Raises:
            BadInput: no sample is left.
        """
        return self._some(choosing.stretches(self._parts(), parts, together))

    def replaced(
        self, positions: Sequence[Array] | None = None, rates: Sequence[Array] | None = None, space: Space | None = None
    ) -> "Recording":
        """Put other positions or rates in the place of these, at the same times; all else that a recording holds stays.

        True positions in another space than the new positions are left out.

        Args:
            positions: (T, P) of each epoch; None: these.
            rates: (T, N) of each of the first epochs; None: these.
            space: where the new positions live; None: the same.
        """
        where, together = space or self.space, len(self._blocks) == 1
        parts = self._parts()._replace(space=where, truth=self._truth if where == self.space else ())
        if rates is not None:
            read = [numbers("rates", one, np.float32) for one in rates]
            parts = parts._replace(rates=tuple(stacked(read, together)), moments=None)
        if positions is not None:
            blocks = tuple(reading.in_space(block, where) for block in stacked(positions, together))
            parts = parts._replace(blocks=blocks)
        other = self._of(parts)
        other.outside = reading.count_outside(other.flat, where, math.inf)
        return other

    def _some(self, parts: Parts) -> "Recording":
        """Some of these samples, as a recording of their own."""
        other = self._of(parts)
        other.outside = self.outside and reading.count_outside(other.flat, self.space, math.inf)
        return other

    def _parts(self) -> Parts:
        held = self._blocks, self._truth, self._rates, self._moments, self._starts, self._given
        return Parts(self.space, self.dt, *held, self.outside, self.dropped, self.provenance)

    @classmethod
    def _of(cls, parts: Parts) -> "Recording":
        """The recording of parts that have been read and checked before."""
        made = object.__new__(cls)
        made.space, made.dt, made._blocks, made._truth, made._rates, made._moments, made._starts = parts[:7]
        made._given, made.outside, made.dropped, made.provenance = parts[7:]
        return made

    @checked
    def blocks(self, shortest: Natural = 1) -> list[Array]:
        """The epochs of at least `shortest` samples, those of one length together: (B, T, P) each.

        Raises:
            BadInput: all are shorter.
        """
        blocks = [block for block in self._blocks if block.shape[1] >= shortest]
        if not blocks:
            raise BadInput(f"this needs epochs of at least {shortest} samples; these have {range_of(self.lengths)}")
        return blocks

    def per_epoch(self, measure: Callable[[Array], Array], shortest: int = 1) -> tuple[Array, Array]:
        """Measure each epoch of at least `shortest` samples, (B, T, P) → (B); also return how many samples each has.

        Raises:
            BadInput: all are shorter.
        """
        blocks = self.blocks(shortest)
        samples = np.repeat([float(block.shape[1]) for block in blocks], [len(block) for block in blocks])
        return np.concatenate([measure(block) for block in blocks]), samples

    @classmethod
    @checked
    def from_pynapple(
        cls,
        positions: Any,
        space: Space,
        *,
        epochs: Any = None,
        rates: Any = None,
        true_positions: Any = None,
        dt: Seconds | None = None,
        margin: Limit = MARGIN,
        drop_missing: bool = False,
    ) -> "Recording":
        """Take positions from pynapple, with rates or spikes and true positions if wanted; each interval is an epoch.

        It takes objects that pynapple reads from npz and NWB files: `nap.load_file("mouse.nwb")["position"]`.

        Args:
            positions: a Tsd of bearings, or a TsdFrame whose columns are the coordinates.
            space: where they live.
            epochs: an IntervalSet to restrict the data to; None: the whole time support.
            rates: a TsdFrame of rates at the same times; or a TsGroup of spikes, which are counted around each sample.
            true_positions: a Tsd or TsdFrame of where the animal was at the same times, if `positions` were decoded.
            dt, margin, drop_missing: as of `Recording`.

        Raises:
            BadInput: these are no objects of pynapple, rates or true positions have other times; or as `Recording`.
        """
        positions, rates, truth = exchange.from_pynapple(positions, epochs, rates, true_positions)
        return cls(positions, dt, space, rates, true_positions=truth, margin=margin, drop_missing=drop_missing)

    @checked
    def to_pynapple(self, *, rng: Rng = 0) -> exchange.Pynapple:
        """Return pynapple objects of the recording: `.positions`, `.rates`, `.spikes` and `.true_positions`, if it has them.

        Each epoch is an interval of the time support, from its first sample to its last, and begins at `starts`; epochs
        whose times overlap, as those of networks do, are put one after the other. Rates that are spike counts
        (`ra.replay.poisson_spikes` makes them) also give `.spikes`, at times drawn uniformly within their samples.

        Args:
            rng: a seed, or the generator of spike times.

        Raises:
            BadInput: pynapple is not installed.
        """
        return exchange.to_pynapple(self._parts(), generator(rng))

    @checked
    def save(self, file: str | os.PathLike[str]) -> Path:
        """Write the recording to an npz file, with where it comes from; returns its path.

        Raises:
            BadInput: the provenance, or a space of your own, holds more than text, finite numbers, lists and dictionaries.
            StorageError: it cannot be written.

        >>> import numpy as np
        >>> recording = ra.Recording(np.zeros((5, 2)), dt=0.02, space=ra.Box(1, 1))
        >>> ra.Recording.load(recording.save("recording.npz")).positions.shape
        (1, 5, 2)
        """
        return files.save(self._parts(), Path(file))

    @classmethod
    @checked
    def load(cls, file: str | os.PathLike[str], space: Space | None = None) -> "Recording":
        """Read what `save` wrote; nothing is unpickled.

        Args:
            space: needed if the recording's space is a class of your own.

        Raises:
            BadInput: the recording's space is a class of your own, and not given; or it is another than the one given.
            DamagedData: missing, or not such a file.
            StorageError: it cannot be read.
        """
        return cls._of(files.load(Path(file), space))


def as_recording(data: Any, space: Space | None = None) -> Recording:
    """Return the argument of a measure as a recording: it is one, or positions with their space.

    Raises:
        BadInput: several recordings, or a run; a space is given with a recording, which has its own; or as `Recording`.
    """
    if isinstance(data, list | tuple) and any(isinstance(one, Recording) for one in data):
        raise BadInput("one recording is measured at a time; of several seeds: ra.over_seeds(measure, recordings)")
    if callable(getattr(data, "record", None)):
        raise BadInput(f"{data!r} is no recording: give what its record(...) returns, as run.record(ra.rest())")
    if not isinstance(data, Recording):
        return Recording(data, dt=1.0, space=space)
    if space not in (None, data.space):
        raise BadInput(f"the recording lives in {data.space}, not in {space}: leave space out")
    return data


def both_recordings(rest: Any, awake: Any, space: Space | None = None) -> tuple[Recording, Recording]:
    """Return the two recordings that a measure compares.

    Raises:
        BadInput: they have different spaces; or as `as_recording`.
    """
    both = as_recording(rest, space), as_recording(awake, space)
    if both[0].space != both[1].space:
        raise BadInput(f"rest lives in {both[0].space}, waking in {both[1].space}: record both in one space")
    return both
