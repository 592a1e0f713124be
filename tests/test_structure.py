"""Rules for the code as a whole, checked in its source."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
import re

from factories import ROOT

SOURCES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
    for package in ("reactivation", "paper")
    for file in (ROOT / package).rglob("*.py")
}


def imported(node: ast.AST) -> Iterator[str]:
    """The modules of the project that code imports, also within functions and for type checking only."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names if name.name in SOURCES)
    elif isinstance(node, ast.ImportFrom):
        modules = {f"{node.module}.{name.name}" for name in node.names} & set(SOURCES)
        yield from modules or {f"{node.module}"} & set(SOURCES)
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


IMPORTS = {name: {*imported(tree)} - {name} for name, tree in SOURCES.items()}


def test_text_files_are_in_utf8_whatever_the_locale_says() -> None:
    def unsaid(tree: ast.AST) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name, words = ast.unparse(node.func).split(".")[-1], ast.unparse(node)
                is_text = name in ("read_text", "write_text") or (ast.unparse(node.func) == "open" and "b'" not in words)
                if is_text and "encoding=" not in words:
                    yield words

    assert {name: found for name, tree in SOURCES.items() if (found := list(unsaid(tree)))} == {}


def test_imports_go_in_no_circle() -> None:
    TopologicalSorter(IMPORTS).prepare()


def test_the_library_knows_nothing_of_the_paper() -> None:
    known = {name: {one for one in others if one.startswith("paper")} for name, others in IMPORTS.items()}
    assert {name for name, of_paper in known.items() if of_paper and name.startswith("reactivation")} == set()
    assert known["paper.study"]


def test_nobody_outside_the_world_asks_which_space_it_has() -> None:
    """Other code uses the methods of a space instead: `bearing`, `kernel`, `spacing`, ..."""

    def asks(node: ast.AST) -> bool:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass", "type"):
            return any(isinstance(one, ast.Name) and one.id in ("Box", "Circle") for one in ast.walk(node))
        return isinstance(node, ast.Attribute) and node.attr in ("circular", "noun")

    outside = {name: tree for name, tree in SOURCES.items() if not name.startswith("reactivation.world")}
    assert [f"{name}: {ast.unparse(node)}" for name, tree in outside.items() for node in ast.walk(tree) if asks(node)] == []


def test_the_page_of_equations_names_files_and_what_they_define() -> None:
    rows = [
        line.split("|")[3]
        for line in (ROOT / "docs/equations.md").read_text().split("## Symbols")[0].splitlines()[6:]
        if "|" in line
    ]
    for code in rows:
        named = re.findall(r"`([^`=]+)`", code)
        files = [name for name in named if name.endswith(".py")]
        modules = [SOURCES[f"reactivation.{name.removesuffix('.py').replace('/', '.')}"] for name in files]
        defined = {
            getattr(node, "name", None) or ast.unparse(getattr(node, "target", node))
            for tree in modules
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AnnAssign)
        }
        assert files, code
        assert {name for name in named if not name.endswith(".py") and "." not in name} <= defined, code
    assert len(rows) > 15


def test_docstrings_name_what_there_is() -> None:
    """Words in backticks occur in the code; functions of several words exist in the module or class named before them."""
    words = {"fg", "unzip", "draw_kind"}  # two commands, and a pattern of names
    homes: dict[str, set[str]] = {}  # function → where it is defined
    for module, tree in SOURCES.items():
        words |= set(module.split("."))
        for node in ast.walk(tree):
            words |= {value for _, value in ast.iter_fields(node) if isinstance(value, str)}
            if isinstance(node, ast.Module | ast.ClassDef):
                place = {"ra", *module.split("."), getattr(node, "name", "")}
                for one in (one for one in node.body if isinstance(one, ast.FunctionDef) and "_" in one.name):
                    homes[one.name] = homes.get(one.name, set()) | place
    unknown = []
    for module, tree in SOURCES.items():
        for node in ast.walk(tree):
            text = ast.get_docstring(node) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else None
            for owner, name in re.findall(r"`(?:[\w.]*?(\w+)\.)?([A-Za-z_]\w*)`", text or ""):
                if name not in words if not owner else owner not in homes.get(name, {owner}):
                    unknown.append(f"{module}: {owner}.{name}")
    assert unknown == []


def test_private_names_stay_in_their_module() -> None:
    public = {"_asdict", "_replace", "_make", "_fields", "_C", "_functorch"}  # of named tuples, and of torch
    for module, tree in SOURCES.items():
        nodes = [*ast.walk(tree)]
        own = {node.id for node in nodes if isinstance(node, ast.Name)} | {getattr(node, "name", "") for node in nodes}
        attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
        own |= {one.attr for one in attributes if isinstance(one.value, ast.Name) and one.value.id == "self"}
        asked = {one.attr for one in attributes}
        asked |= {name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
        private = {name for name in asked if name.startswith("_") and not name.startswith("__")}
        assert private - own - public == set(), module


def test_the_readme_names_every_room_and_all_of_a_room_or_none() -> None:
    tree = re.split(r"\n(?=\S)", (ROOT / "README.md").read_text().split("\nreactivation/  ")[1].split("\npaper/  ")[0])[0]
    told = dict(re.findall(r"\n  (\w+)/ (.*?)(?=\n  \S|$)", tree, re.DOTALL))
    modules = [name.split(".")[1:] for name in SOURCES if name.startswith("reactivation.")]
    rooms = {room: {rest[0] for first, *rest in modules if first == room and len(rest) == 1} for room, *_ in modules}
    assert told.keys() == {room for room, inside in rooms.items() if inside}
    for room, inside in rooms.items():
        named = set(re.findall(r"(\w+)(?:\.py|/)", told.get(room, ""))) & inside
        assert named in (inside, set()), (room, inside - named)
