"""Modifiers and inputs as values that are refused, and as keys of command lines."""

from functools import cache
import math
from pathlib import Path
import re

import numpy as np
import pytest
from test_modifiers import ACTING

from reactivation.analysis.measures.kl import Settings
from reactivation.analysis.request import request
from reactivation.analysis.result_files import declared, result_file
from reactivation.machine.errors import BadInput, DamagedData, UserError
from reactivation.network.inputs import Constant, Own, Policy, Query, Replayed
from reactivation.network.modifiers import (
    Adaptation,
    Gain,
    Leak,
    Modifier,
    Momentum,
)
from reactivation.network.phases import rest
from reactivation.settings.describing import describe
from reactivation.settings.layers import resolve_analysis
from reactivation.settings.reading import parse_arguments


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        (Adaptation, {"gain": 10**400, "tau": 1}, r"gain=10+… \(401 characters\) must be a number"),
        (Adaptation, {"gain": math.nan, "tau": 1}, "gain=nan must be finite"),
        (Adaptation, {"gain": 1, "tau": 0}, "tau=0 must be greater than 0"),
        (Adaptation, {"gain": 1, "tau": math.inf}, "tau=inf must be finite"),
        (Adaptation, {"tau": 1}, "tau=1 needs gain"),
        (Adaptation, {"gain": 1}, "gain=1 needs tau"),
        (Momentum, {"friction": 0.2, "tau": 0.1}, "friction and tau are two dynamics"),
        (Momentum, {"friction": 1.5}, "friction=1.5 must be at most 1"),
        (Gain, {"off_diagonal": True}, "off_diagonal=True needs factor"),
        (Leak, {"factor": "x"}, "factor='x' must be a number"),
    ],
)
def test_values_that_make_no_sense_are_refused_in_one_line(
    kind: type[Modifier], values: dict[str, float], reason: str
) -> None:
    with pytest.raises(BadInput, match=rf"^{kind.__name__}.*: {reason}[^\n]*$"):
        kind(**values)


@cache
def asked(words: str = "") -> Settings:
    settings: Settings = resolve_analysis("kl", Settings, parse_arguments([*words.split(), "runs=[noisy_unbiased]"]))
    request("kl", settings)
    return settings


@pytest.mark.parametrize(
    ("words", "name", "modifiers", "policy"),
    [
        ("adaptation.gain=0.4 adaptation.tau=0.5", "adaptation.gain=0.4_adaptation.tau=0.5", (ACTING[5],), None),
        ("leak.factor=0.3 gain.factor=0.7 gain.off_diagonal=true", None, (ACTING[1], ACTING[2]), None),
        (
            "colour.tau=0.1 momentum.friction=0.4 tag=x",
            "momentum.friction=0.4_colour.tau=0.1_x",
            (ACTING[6], ACTING[8]),
            None,
        ),
        ("drive.mean=0.2 drive.sigma=0.1 out=y", "drive.mean=0.2_drive.sigma=0.1_y", (ACTING[4],), None),
        ("momentum.tau=0.1 amplitude.norm=0.8", None, (ACTING[7], ACTING[9]), None),
        ("inputs=query input_scale=0.5", "inputs=query_input_scale=0.5", (), Query(0.5)),
        ("inputs=constant input_velocity=[0.1,0]", "inputs=constant_input_velocity=0.1,0.0", (), Constant((0.1, 0))),
        ("inputs=task", "inputs=task", (), Own()),
        ("adaptation.gain=0 adaptation.tau=0.16 leak.factor=1 momentum.friction=1 drive.mean=0 inputs=none", "", (), None),
    ],
)
def test_rest_is_changed_on_the_command_line(
    words: str, name: str | None, modifiers: tuple[Modifier, ...], policy: Policy | None
) -> None:
    settings = asked(words)
    waking_, resting = declared("kl").phases(settings)
    assert waking_.modify == ()
    assert set(resting.modify) == set(modifiers)
    assert resting.inputs == (policy or rest().inputs)
    assert (settings == asked()) == (name == ""), "what changes nothing is not told apart"
    if name is not None:
        expected = "_".join(["kl", "0.0001", "0", *([name] if name else [])])
        assert result_file("kl", settings).stem == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("momentum.friction=0.2 momentum.tau=0.1", "friction and tau are two dynamics; give one of them"),
        ("adaptation.tau=0.16", "Adaptation: tau=0.16 needs gain"),
        ("adaptation.gain=0.16", "Adaptation: gain=0.16 needs tau"),
        ("gain.off_diagonal=true", "Gain: off_diagonal=True needs factor"),
        ("momentum.friction=2", "command line: momentum.friction=2 must be at most 1"),
        ("momentum.frction=0.2", "unknown key momentum.frction; did you mean momentum.friction?"),
        ("momentm.friction=0.2", "unknown key momentm.friction; did you mean momentum.friction?"),
        ("momentum=0.2", "momentum=0.2 is a group of keys; set one of momentum.friction, momentum.tau"),
        ("input_scale=2", "input_scale=2 needs inputs=task, another, query, not inputs=none"),
        ("inputs=constant", "inputs=constant and input_velocity=[...] need each other"),
        ("input_velocity=[1]", "inputs=constant and input_velocity=[...] need each other"),
        ("inputs=replayed", "inputs=replayed and input_file=... need each other"),
        ("input_file=moves.npz", "inputs=replayed and input_file=... need each other"),
        ("inputs=replayed input_file=nowhere.npz", "nowhere.npz: missing"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_in_one_line(words: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        declared("kl").phases(asked(words))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_inputs_are_replayed_from_a_file_by_what_is_in_it(tmp_path: Path) -> None:
    file, names = tmp_path / "moves.npz", []
    for moves in (np.ones((5, 2)), np.zeros((5, 2))):
        np.savez(file, inputs=moves)
        asked.cache_clear()
        settings = asked(f"inputs=replayed input_file={file}")
        _, resting = declared("kl").phases(settings)
        assert isinstance(resting.inputs, Replayed)
        assert (resting.inputs.inputs == moves).all()
        names.append(result_file("kl", settings).stem)
    assert re.fullmatch(r"kl_0.0001_0_inputs=replayed_input_file=moves-[0-9a-f]{8}", names[0])
    assert names[0] != names[1], "another trajectory is another rest"
    np.savez(file, moves=np.ones((5, 2)))
    with pytest.raises(BadInput, match=r"moves.npz: an array `inputs` .* is wanted; it has moves \(5, 2\)$"):
        declared("kl").phases(asked(f"inputs=replayed input_file={file}"))
    for content in (b"no npz", b""):
        file.write_bytes(content)
        with pytest.raises(DamagedData, match=r"moves.npz: is no whole npz file"):
            declared("kl").phases(asked(f"inputs=replayed input_file={file}"))
    np.savez(file, inputs=np.full((5, 2), np.nan))
    with pytest.raises(DamagedData, match=r"moves.npz: its array inputs holds what is no finite number"):
        declared("kl").phases(asked(f"inputs=replayed input_file={file}"))


def test_help_shows_what_a_modifier_declares() -> None:
    (line,) = [line for line in describe(asked()) if "adaptation.tau" in line]
    assert line.split(maxsplit=5)[1:] == ["float", "or", "null", "null", "time constant τ_a of adaptation [s]"]
