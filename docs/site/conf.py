"""The site: README.md is its front page, the other documents its pages, each where it lies, so that links work here as they
do in the repository. The live page is made while the site is built, and every link within the site is followed."""

from collections.abc import Iterator
from html.parser import HTMLParser
import importlib
import inspect
from pathlib import Path
import re
import shutil
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

sys.path.insert(0, str(Path(__file__).parents[2]))  # for `paper`, of the checkout

from paper.documents import committed
from paper.live.page import write_page
import reactivation

PAGES = {
    "Begin": ("docs/tutorial", "docs/howto", "docs/site/live"),
    "Guides": ("docs/python", "docs/extending", "docs/recordings", "docs/replay", "docs/cluster", "docs/live"),
    "The study": ("docs/claims", "docs/differences", "docs/theory", "docs/reliability", "published/README"),
    "Reference": (
        "docs/equations",
        "docs/site/api",
        "docs/site/api_inputs",
        "docs/site/api_plot",
        "docs/site/api_replay",
        "docs/site/api_theory",
    ),
    "More": (),  # and every document that is not named here
}

project = "reactivation"
release = version = reactivation.__version__
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "LICENSE.md", "docs/*.md", "docs/site/*", "published/README.md"]
exclude_patterns = [".venv", ".git", "build", "results"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
default_role = "literal"  # as in the docstrings, which are Markdown in this one thing
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
add_module_names = False
html_theme = "furo"
html_title = "reactivation"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_copyright = html_show_sphinx = html_copy_source = False


class Public(SphinxDirective):
    """The public names of a module: its own overview, then each name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module = importlib.import_module(self.arguments[0])
        names = getattr(module, "__all__", None) or [name for name, thing in vars(module).items() if callable(thing)]
        overview = nodes.literal_block(text=inspect.getdoc(module), language="none", classes=["overview"])
        entries = [entry for name in sorted(names) for entry in _documented(module, name)]
        return [overview, *self.parse_text_to_nodes("\n".join(entries))]


def _documented(module: Any, name: str) -> list[str]:
    thing = getattr(module, name)
    if inspect.ismodule(thing):
        return []
    kind = "class" if inspect.isclass(thing) else "function" if inspect.isroutine(thing) else "data"
    members = ["   :members:"] if kind == "class" else ["   :no-value:"] if kind == "data" else []
    return [f".. auto{kind}:: {module.__name__}.{name}", *members, ""]


class Opened(SphinxPostTransform):
    """A page of HTML that a document links to, such as the report, is opened, not saved."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        here = self.env.app.builder.get_target_uri(self.env.docname)
        for node in list(self.document.findall(addnodes.download_reference)):
            if node.get("filename", "").endswith(".html"):
                address = relative_uri(here, f"_downloads/{node['filename']}")
                node.replace_self(nodes.reference("", "", *node.children, refuri=address, internal=True))


class Links(HTMLParser):
    """Addresses that a page points to, and places in it that can be pointed to."""

    def __init__(self, text: str):
        super().__init__()
        self.addresses: set[str] = set()
        self.places: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("href", "src") and value:
                self.addresses.add(value)
            elif key == "id" and value:
                self.places.add(value)


def as_rst(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Let docstrings be read as they are meant: bars are bars, and a letter may follow a name in backticks."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            words = re.sub(r"`[^`]+`|[|*]", lambda found: found[0] if found[0][0] == "`" else f"\\{found[0]}", line)
            lines[i] = re.sub(r"(`[^`]+`)(?=\w)", r"\1\\ ", words)
        if lines[i - 1].strip() == "Returns:":  # a sentence: what stands before a colon in it is no type
            lines[i] = f"    : {lines[i].lstrip()}"


def contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the tree of pages, which a README in a repository has no place for, under the front page."""
    if docname != root_doc:
        return
    found = app.env.found_docs
    named = {page for pages in PAGES.values() for page in pages}
    others = tuple(sorted(found - named - {root_doc}))
    for caption, pages in PAGES.items():
        listed = "\n".join(page for page in pages or others if page in found)
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def finish(app: Sphinx, error: Exception | None) -> None:
    """Make the live page and the first address; follow every link."""
    if error or app.builder.name != "html":
        return
    write_page(committed(), app.outdir)
    shutil.copy(app.outdir / "README.html", app.outdir / "index.html")
    broken = sorted(_broken({page: Links(page.read_text()) for page in _written(app)}))
    if broken:
        raise ExtensionError("links that lead nowhere:\n" + "\n".join(broken))


def _written(app: Sphinx) -> Iterator[Path]:
    return (app.outdir / app.builder.get_target_uri(page) for page in app.env.found_docs)


def _broken(pages: dict[Path, Links]) -> Iterator[str]:
    for page, links in pages.items():
        for address in links.addresses:
            parts = urlsplit(address)
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            lost = target in pages and unquote(parts.fragment) not in pages[target].places
            if not parts.scheme and (lost or not target.exists()):
                yield f"{page.name}: {address}"


def setup(app: Sphinx) -> None:
    app.add_directive("public", Public)
    app.add_post_transform(Opened)
    app.connect("autodoc-process-docstring", as_rst, priority=400)  # before napoleon, which divides them into sections
    app.connect("source-read", contents)
    app.connect("build-finished", finish)
