"""Messages as trees: what Markdown becomes, what stays text, and that no text is lost or takes for ever."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from academics_jupyter.notebook import colouring, markdown, mathematics
from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.tree import ELEMENTS, Node, depth, text_of, walked

URL = re.compile(r"(https?://|mailto:)\S+|academics://[0-9A-Za-z]+", re.IGNORECASE)
PIECES = st.sampled_from(
    [
        "a", "b c", "7", "é", "日本", "\u202e", "\x00", "\ud800", " ", "  ", "    ", "\t", "\n", "\n\n", "\\", "*",
        "**", "_", "~~", "`", "```", "```python\n", "~~~\n", "#", "# ", "> ", "- ", "1. ", "12) ", "|", "|-|-|\n",
        "|a|b|\n", "---\n", "===\n", "$", "$$", "$$\n", "{", "}", "\\frac", "\\def\\a", "\\begin{matrix}",
        "\\end{matrix}", "&", "[", "]", "](", "](http://x.org/a)", "](javascript:x)", "](academics://abcdef12)", "![",
        ")", "(", "<", ">", '"', "'", "<b>", "<!--", "&amp;", "&#x41;", "https://a.org/b", "http://", "mailto:a@b.org",
        "<https://é.org>", "[r]: http://x.org\n", ' "title")',
    ]
)  # fmt: skip
MESSAGES = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))


def letters(text: str) -> Counter[str]:
    return Counter(each for each in text.casefold() if each.isascii() and each.isalnum())


def told(tree: list[Node]) -> str:
    """All that a tree shows or says, with the numbers of its lists."""
    parts = [node if isinstance(node, str) else " ".join(node[1].values()) for node in walked(tree)]
    return " ".join(parts)


def elements(tree: list[Node]) -> list[str]:
    return [node[0] for node in walked(tree) if not isinstance(node, str)]


def attributes(tree: list[Node], element: str) -> list[dict[str, str]]:
    return [node[1] for node in walked(tree) if not isinstance(node, str) and node[0] == element]


@given(MESSAGES)
@example("1. a\n2. b\n3. c")
@example("|a|\n|-|\n|b|what has no column|")
@example("> " * 40 + "deep")
@example("[" * 2000)
@example("HTTP://?")
@example("HTTP://@")
def test_any_text_is_told_whole_within_the_allow_list(text: str) -> None:
    tree = parsed(text)
    json.dumps(tree).encode()
    for node in walked(tree):
        if isinstance(node, str):
            assert not re.search("[\ud800-\udfff]", node)
            continue
        name, properties, _ = node
        assert properties.keys() <= ELEMENTS[name]
        assert URL.fullmatch(properties.get("href", "mailto:nobody"))
    numbers = " ".join(re.findall(r"\d{1,9}(?=[.)])", text))
    assert not letters(text) - letters(told(tree)) - letters(numbers)
    assert sum(1 for _ in walked(tree)) <= markdown.MAX_NODES


def test_the_usual_marks() -> None:
    assert parsed("## A *b*\n\n1. `c`\n2. ~~d~~ **e**\nf\n\n---") == [
        ("h5", {}, ["A ", ("em", {}, ["b"])]),
        (
            "ol",
            {},
            [
                ("li", {}, [("code", {}, ["c"])]),
                ("li", {}, [("s", {}, ["d"]), " ", ("strong", {}, ["e"]), ("br", {}, []), "f"]),
            ],
        ),
        ("hr", {}, []),
    ]
    assert parsed("3. c")[0] == ("ol", {"start": "3"}, [("li", {}, ["c"])])
    assert parsed("> a\n\n- b") == [
        ("blockquote", {}, [("p", {}, ["a"])]),
        ("ul", {}, [("li", {}, ["b"])]),
    ]


def test_a_table_has_its_alignment() -> None:
    tree = parsed("|a|b|\n|:-:|-|\n|1|2|")
    assert attributes(tree, "td") == [{"align": "center"}, {}]
    assert text_of(tree) == "ab12"


def test_a_table_with_more_cells_than_columns_is_shown_as_it_was_written() -> None:
    text = "|a|\n|-|\n|b|unseen|"
    assert parsed(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "<!-- a -->",
        "&lt;b&gt; &#x41;",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](data:text/html,b)",
        "[a](file:///etc/passwd)",
        "[a](//b.org)",
        "[a](b.md)",
        "![a](data:image/png;base64,b)",
        "<javascript:alert(1)>",
        "[a](academics://../b)",
    ],
)
def test_what_is_not_allowed_is_text(text: str) -> None:
    tree = parsed(text)
    assert text_of(tree) == text
    assert elements(tree) in (["p"], [])


def test_a_link_says_where_it_leads() -> None:
    ((_, _, nodes),) = parsed('[a](https://b.org/c "d") <e@f.org> [g](academics://abcdef12)')  # type: ignore[misc]
    assert nodes == [
        ("a", {"href": "https://b.org/c", "title": "https://b.org/c\nd"}, ["a"]),
        " ",
        ("a", {"href": "mailto:e@f.org", "title": "mailto:e@f.org"}, ["e@f.org"]),
        " ",
        ("a", {"href": "academics://abcdef12", "title": "academics://abcdef12"}, ["g"]),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[https://good.org](https://evil.org)", "https://good.org (evil.org)"),
        ("[www.good.org](https://good.org/a)", "www.good.org"),
        ("https://good.org@evil.org", "https://good.org@evil.org (evil.org)"),
        ("https://gооd.org", "https://gооd.org (xn--gd-fmca.org)"),
        ("[a.b@c.org](mailto:a.b@c.org)", "a.b@c.org"),
    ],
)
def test_a_label_that_looks_like_another_address_is_unmasked(text: str, shown: str) -> None:
    assert text_of(parsed(text)) == shown


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("see https://a.org/b_(c), or", "https://a.org/b_(c)"),
        ("(https://a.org/b).", "https://a.org/b"),
        ("*https://a.org/b*", "https://a.org/b"),
        ("https://a.org/ü", "https://a.org/%C3%BC"),
    ],
)
def test_a_web_address_is_a_link(text: str, target: str) -> None:
    tree = parsed(text)
    assert [each["href"] for each in attributes(tree, "a")] == [target]
    assert text_of(tree) == text.strip("*")


def test_an_image_is_a_link_to_it() -> None:
    tree = parsed("![a *plot*](https://b.org/c.png) [![d](https://e.org/f.png)](https://g.org)")
    assert [each["href"] for each in attributes(tree, "a")] == ["https://b.org/c.png", "https://g.org"]
    assert text_of(tree) == "a *plot* d (https://e.org/f.png) (g.org)"
    assert "img" not in ELEMENTS


def test_code_is_coloured_and_not_changed() -> None:
    code = "def f(x):\n\treturn 'a'  # b\n\n"
    ((name, properties, nodes),) = parsed(f"```Python\n{code}```")  # type: ignore[misc]
    assert (name, properties, text_of(nodes)) == ("pre", {"language": "Python"}, code.removesuffix("\n"))
    assert ("span", {"kind": "keyword"}, ["def"]) in nodes
    assert {node[1]["kind"] for node in nodes if not isinstance(node, str)} <= set(colouring.KINDS)
    assert parsed("```no such language\na = 1\n```") == [("pre", {"language": "no such language"}, ["a = 1"])]
    assert parsed("    a = 1") == [("pre", {}, ["a = 1"])]


@pytest.mark.parametrize("code", ["a = 1\n" * 1000, "\n" * 1000, "1+" * 2400])
def test_code_that_would_take_long_is_not_coloured(code: str) -> None:
    assert elements(parsed(f"```python\nb = 1{code}\n```")) == ["pre"]


def test_every_language_is_known_to_pygments() -> None:
    for language in (*colouring._LANGUAGES, *colouring._ALIASES):
        assert text_of(colouring.colours("$ a = '1'\n", language)) == "$ a = '1'\n"


def test_formulas_are_mathml() -> None:
    tree = parsed("$e = \\frac{a}{b}$\n\n$$\n\\begin{aligned}x &< 1\\\\y &= 2\\end{aligned}\n$$")
    inline, block = attributes(tree, "math")
    assert inline == {"display": "inline", "alttext": "e = \\frac{a}{b}"}
    assert block["display"] == "block"
    assert {"mfrac", "mtable", "mtr", "mtd"} <= set(elements(tree))
    assert "<" in text_of(tree)
    assert attributes(parsed("$\\mathrm{d}x$"), "mi") == [{"mathvariant": "normal"}, {}]


def test_a_matrix_keeps_a_row_that_ends_with_an_empty_cell() -> None:
    tree = parsed("$\\begin{pmatrix}1 & 2\\\\ 3 & \\end{pmatrix}$")
    assert elements(tree).count("mtd") == 4
    assert text_of(tree) == "(123)"


def test_money_is_no_formula() -> None:
    assert parsed("It costs $5 or $10, and $ 3 or 4$") == [("p", {}, ["It costs $5 or $10, and $ 3 or 4$"])]


BOMBS = [
    "\\def\\a{\\b\\b}\\def\\b{\\c\\c}\\a",
    "\\newcommand{\\a}{\\a\\a}\\a",
    "\\newenvironment{a}{b}{c}\\begin{a}\\end{a}",
    "\\DeclareMathOperator{\\a}{b}\\a",
    "\\sideset{}{}{" * 70 + "x" + "}" * 70,
    "\\frac{1}{" * 150 + "x" + "}" * 150,
    "{" * 900 + "x" + "}" * 900,
    "\\sqrt" * 300 + "x",
    "\\left(" * 200,
    "\\frac",
    "x^",
    "a" * (mathematics.MAX_LENGTH + 1),
    "\\begin{matrix}" + "a&" * 900 + "\\end{matrix}",
]


@pytest.mark.parametrize("latex", BOMBS, ids=lambda latex: latex[:20])
def test_a_formula_that_is_wrong_or_too_much_is_text(latex: str) -> None:
    assert parsed(f"a ${latex}$ b") == [("p", {}, ["a ", f"${latex}$", " b"])]


@pytest.mark.parametrize(
    "latex",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\style{position:fixed}{x}",
        "\\class{lm-Menu}{x}",
        "\\rule{900em}{900em}x",
        "\\hspace{-90em}x",
        "\\raise90em{x}",
        "\\color{white}x",
        "\\colorbox{red}{x}",
        "\\Huge\\Huge\\Huge x",
        "\\text{<img src=x onerror=alert(1)>}x",
        "\\unicode{x202E}x",
    ],
)
def test_a_formula_reaches_nothing_around_it(latex: str) -> None:
    for node in walked(parsed(f"${latex}$")):
        if not isinstance(node, str):
            shown = {name: value for name, value in node[1].items() if name != "alttext"}
            assert not re.search("90|javascript|fixed|Menu|white|red|em.*em", str(shown))
            assert not shown.keys() & {"href", "style", "class", "mathsize", "mathcolor", "mathbackground"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 32_000,
        "**a " * 8000,
        "- a\n" * 8000,
        "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + "|\n" * 300,
        "x" * 32_001,
    ],
    ids=lambda text: text[:9],
)
def test_a_message_that_would_take_long_is_shown_as_it_was_written(text: str) -> None:
    assert parsed(text) == [text]


def test_the_depth_of_a_tree() -> None:
    assert depth("a") == 0
    assert depth(("p", {}, ["a", ("em", {}, ["b"])])) == 2
