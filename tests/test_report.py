"""The report as a page: every claim has an address, every link a place, and a reader finds a claim in real browsers."""

from html.parser import HTMLParser
import json
import math
from pathlib import Path
import re
from typing import Any

from factories import started
import pytest

from paper import tables
from paper.claims import CLAIMS
from paper.claims.verdicts import FAILS, HOLDS, NOT_ASKED, UNDECIDED, Claim, Verdict, judge, judge_all, seeds_to_decide
from paper.documents import committed
from paper.figures import FIGURES
from paper.live.browser import BROWSERS, Browser
from paper.report.page import Report, figures_of, html_of
from paper.report.parts import table_html
from paper.tables import NOT_RUN, Table, released_verdicts
from reactivation.machine.places import PUBLISHED

# A page hears of a new address a little later, on a busy machine seconds later.
REVEALED = """
const found = document.querySelector('{}'), until = performance.now() + 20_000;
for (;;) {{
    const box = found.getBoundingClientRect();
    if (box.height > 0 && box.top < innerHeight) return true;
    if (performance.now() > until) return false;
    await new Promise((done) => setTimeout(done, 50));
}}
"""
NOTHING: dict[str, Verdict | None] = dict.fromkeys((one.key for one in CLAIMS), None)
SHOWN = "return [...document.querySelectorAll('.claims tbody tr')].filter((row) => !row.hidden).map((row) => row.id)"


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict | None]:
    return judge_all(CLAIMS, committed())


@pytest.fixture(scope="module")
def page(verdicts: dict[str, Verdict | None]) -> str:
    return html_of(Report(committed(), "paper", PUBLISHED / "figures", verdicts, released_verdicts(committed())))


class Read(HTMLParser):
    """Attributes of the elements of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(dict(attrs))

    def all(self, name: str) -> list[str]:
        return [value for found in self.found if (value := found.get(name))]


def test_every_link_leads_to_a_place_of_the_page(page: str) -> None:
    read = Read(page)
    places = read.all("id")
    assert len(set(places)) == len(places)
    assert {link.removeprefix("#") for link in read.all("href")} <= {*places, "report_theory.html"}
    assert all(source.startswith("data:image/png") for source in read.all("src"))
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)


def test_every_claim_has_an_address_and_figures_that_there_are(page: str) -> None:
    places = set(Read(page).all("id"))
    assert {f"claim-{claim.key}" for claim in CLAIMS} <= places
    assert {key for claim in CLAIMS for key in figures_of(claim)} == {key for key in FIGURES if f"fig-{key}" in places}
    with_figures = {claim.figure: figures_of(claim) for claim in CLAIMS}
    assert with_figures["C.3e, C.4a"] == ("C3", "C4")
    assert with_figures["C.5b, e"] == ("C5",)
    assert with_figures["–"] == ()


def test_claims_that_fail_come_first(page: str, verdicts: dict[str, Verdict | None]) -> None:
    order = [verdicts[key].verdict for key in re.findall(r'<tr id="claim-(\w+)"', page) if verdicts[key]]  # type: ignore[union-attr]
    assert order == sorted(order, key=lambda word: (word != FAILS, word != UNDECIDED))
    assert order[0] == FAILS


def test_the_text_stands_beside_the_code(tmp_path: Path) -> None:
    assert "python reproduce.py profile=released" in html_of(Report(committed(), "paper", tmp_path, NOTHING, NOTHING))
    keys = {FAILS: "biased", HOLDS: "tiling"}  # made up: what fails of the text holds of the code, and the reverse
    text, code = ({**NOTHING, **{key: judged(word) for word, key in pair.items()}} for pair in (keys, swapped(keys)))
    both = html_of(Report(committed(), "paper", tmp_path, text, code))
    rows = re.findall(r'<tr><td data-label="the paper says"><a href="#claim-(\w+)">.*?</tr>', both)
    assert rows[:2] == ["biased", "tiling"], "what fails, then what differs"
    told = re.search(r'#claim-biased">.*?text gives">(.*?)</td>.*?code gives">(.*?)</td>', both)
    assert told
    assert [words.split(":")[0] for words in told.groups()] == [FAILS, HOLDS]
    assert "text and code differ on 2" in both
    assert "text and code differ on 0" in html_of(Report(committed(), "paper", tmp_path, text, text))


def test_every_claim_has_a_column_of_the_released_code_where_it_has_networks(tmp_path: Path) -> None:
    ours = next(one.key for one in CLAIMS if one.ours)
    code = NOTHING | {ours: judged(FAILS)}
    both = html_of(Report(committed(), "paper", tmp_path, NOTHING, code))
    rows = dict(re.findall(r'<tr id="claim-(\w+)".*?data-label="its code gives">(.*?)</td></tr>', both, re.DOTALL))
    assert {key for key, told in rows.items() if told != NOT_RUN} == {ours}
    assert len(rows) == len(CLAIMS)
    assert rows[ours] == f"{FAILS}: 1 [1, 1], 3 seeds"
    assert "its code gives" not in html_of(Report(committed(), "paper", tmp_path, code, NOTHING))


def test_what_cannot_be_asked_of_the_code_says_why_and_is_decided_for_neither(tmp_path: Path) -> None:
    text = NOTHING | {"sensitive_biased": judged(HOLDS), "biased": judged(HOLDS)}
    code = NOTHING | {"sensitive_biased": Verdict((), (), math.nan, None, NOT_ASKED), "biased": judged(HOLDS)}
    both = html_of(Report(committed(), "paper", tmp_path, text, code))
    assert (
        '<td class="unasked" data-label="its code gives">cannot be asked: noise is doubled in both rests of GRUs</td>'
        in both
    )
    assert "Of 1 claims that are decided for both" in both
    assert f"51 claims of the paper: {HOLDS} 1, {NOT_ASKED} 1, {NOT_RUN} 49;" in both


def test_the_document_has_a_column_of_the_released_code_where_it_has_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    of_code = NOTHING | {"biased": judged(HOLDS)}
    trained = [
        ["head_direction", "noisy_unbiased", "seeds 0, 1, 2 (3 of 5)"],
        ["head_direction", "noisy_biased", "none yet"],
    ]
    monkeypatch.setattr(tables, "seeds_table", lambda study: Table([], trained if study.preset else []))
    monkeypatch.setattr(tables, "judge_all", lambda claims, study: of_code if study.preset else NOTHING)
    table, sentence = tables.claims_table(committed()), tables.released(committed())
    (row,) = (row for row in table.rows if row[0] == "Biased rest closely resembles biased waking.")
    assert (table.header[-1], row[-1]) == ("released code", f"{HOLDS}: 1 [1, 1], 3 seeds")
    assert "code trains them: head_direction/noisy_unbiased, seeds 0, 1, 2 (3 of 5). " in sentence
    monkeypatch.setattr(tables, "judge_all", lambda claims, study: NOTHING)
    assert tables.claims_table(committed()).header[-1] == "verdict"
    assert "profile=released" in tables.released(committed())


def judged(word: str) -> Verdict:
    return Verdict((0, 1, 2), (1.0, 1.0, 1.0), 1.0, (1.0, 1.0), word)


def swapped(keys: dict[str, str]) -> dict[str, str]:
    return dict(zip(keys, reversed(keys.values()), strict=True))


def test_tables_escape_what_a_page_would_read_as_markup() -> None:
    assert '<td data-label="x &amp; y">a &lt; b</td>' in table_html(Table(["x & y"], [["a < b"]]))


def test_the_report_of_small_networks_is_short_and_says_what_captions_count(
    verdicts: dict[str, Verdict | None], tmp_path: Path
) -> None:
    short = html_of(Report(committed(), "quick", tmp_path, verdicts, NOTHING))
    assert {"verdicts", "figures", "claims"} <= set(Read(short).all("id"))
    assert 'id="switches"' not in short
    assert short.count("Not drawn yet.") == len(FIGURES)
    assert "configs/preset/quick.yml" in short, "Fig. 2f is of 500 trajectories elsewhere"
    assert "configs/preset/quick.yml" not in html_of(Report(committed(), "released", tmp_path, verdicts, NOTHING))


def claim(low: float, high: float) -> Claim:
    return Claim("key", "Sentence.", "–", "measure", (), lambda _: 0.0, low, high)


@pytest.mark.parametrize(
    ("values", "low", "high", "needed"),
    [
        ((0.0, 1.0, 2.0), -10.0, 3.0, 4),  # mean 1, SD 1, 2 from the end: 2.48 for three seeds, 1.59 for four
        ((0.0, 1.0, 2.0), 0.2, 10.0, 9),  # 0.8 from the end: 0.84 for eight, 0.77 for nine
        ((0.0, 1.0, 2.0), 0.0, 2.0, 7),  # 1 from both ends: 1.05 for six, 0.92 for seven
        ((0.0, 1.0, 2.0), -10.0, 1.0, None),  # at the end itself, no number decides
        ((0.0, float("nan"), 2.0), -10.0, 3.0, None),
        ((1.0,), -10.0, 3.0, None),
    ],
)
def test_seeds_that_would_decide(values: tuple[float, ...], low: float, high: float, needed: int | None) -> None:
    asked = claim(low, high)
    assert seeds_to_decide(asked, judge(asked, dict(enumerate(values)))) == needed


@pytest.fixture(scope="module")
def address(page: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page)
    return file.as_uri()


def shown(browser: Browser) -> list[str]:
    """The claims that the filter lets through."""
    found: list[str] = browser.run(SHOWN)
    return [name.removeprefix("claim-") for name in found]


def keys(verdicts: dict[str, Verdict | None], wanted: str, ours: bool) -> set[str]:
    reached = {key: verdict.verdict for key, verdict in verdicts.items() if verdict}
    return {one.key for one in CLAIMS if one.ours == ours and reached[one.key] == wanted}


def test_a_claim_is_found_in_two_clicks(browser: Browser, verdicts: dict[str, Verdict | None]) -> None:
    browser.click('.counts a[data-verdict="undecided"][data-whose="paper"]')
    assert set(shown(browser)) == keys(verdicts, UNDECIDED, ours=False)
    browser.click('tr[data-verdict="undecided"][data-whose="paper"] a[href^="#fig-"]')
    figure = browser.run("return location.hash")
    assert browser.run(REVEALED.format(figure))
    browser.click(f"{figure} summary")
    failing = next(one for one in CLAIMS if one.key == "biased")
    browser.click(f'#fig-2 a[href="#claim-{failing.key}"]' if figure == "#fig-2" else f'{figure} a[href^="#claim-"]')
    row = browser.run("return location.hash")
    assert browser.run(REVEALED.format(row)), "the filter still hides it"


def test_the_filter_takes_words(browser: Browser) -> None:
    browser.run(
        "const words = document.querySelector('[name=words]'); words.value = 'mouse elephant';"
        "words.dispatchEvent(new Event('input', { bubbles: true }))"
    )
    assert shown(browser) == []
    browser.click(".filter button")
    assert len(shown(browser)) == len(CLAIMS)


def test_an_address_opens_what_is_folded_or_filtered(browser: Browser, address: str) -> None:
    browser.click('.counts a[data-verdict="holds"][data-whose="ours"]')
    browser.run("location.hash = '#claim-biased'")
    assert browser.run(REVEALED.format("#claim-biased"))
    browser.open("about:blank")
    browser.open(f"{address}#claim-ring_hole")
    assert browser.run(REVEALED.format("#claim-ring_hole"))


def test_the_keyboard_is_enough(browser: Browser) -> None:
    browser.type("Tab")
    assert browser.run("return document.activeElement.className") == "skip"
    browser.type("Tab")
    assert browser.run("return document.activeElement.getAttribute('href')") == "#verdicts"
    browser.run("document.querySelector('#verdicts summary').focus()")
    browser.type(" ")
    assert browser.run("return document.querySelector('#verdicts details').open")


def test_no_request_leaves_the_page(browser: Browser) -> None:
    asked = browser.run("return performance.getEntriesByType('resource').map(({ name }) => name.slice(0, 40))")
    assert [name for name in asked if not name.startswith("data:")] == []


@pytest.mark.parametrize("kind", BROWSERS)
def test_a_narrow_screen_needs_no_sideways_scrolling(kind: Any, address: str) -> None:
    with started(kind, width=400, height=800) as browser:
        browser.open(address)
        browser.run("for (const fold of document.querySelectorAll('details')) fold.open = true")
        width = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], json.dumps(width)
