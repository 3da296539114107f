"""Messages in Markdown between two live peers, as the panel shows them: what is meant to be seen, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from academics_jupyter.notebook.panels.part import read_static
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_notebook, open_tab, run_all
from tests.processes import PeerProcess
from tests.waiting import wait_until

CELLS = ('%load_ext academics\n%register --name "Maria Mitchell"', "%academics panel")
SENDER = "Caroline Herschel"
ELSEWHERE = "elsewhere.invalid"
CODE = "def sweep(nights):\n    return [each for each in nights if each > 3]  # a long line " + "and on " * 12
REPORT = f"""## Sweeps of *this* week
A line with `code`, **bold** and ~~struck~~,
and a second one: https://www.iau.org/comets_(new).

1. first
2. second
   - within

> What they said.

| night | comets |
|:------|-------:|
| 1     |     12 |
| 2     |      3 |

```python
{CODE}
```

Its orbit has $e = \\frac{{c}}{{a}}$, and costs $5 or $10:

$$\\mathbf{{F}} = \\begin{{pmatrix}}1 & 2\\\\3 & 4\\end{{pmatrix}} \\sum_{{i=1}}^n \\sqrt{{x_i}}$$"""
HOSTILE = f"""<img src="https://{ELSEWHERE}/a.png" onerror="window.harmed = 1"> <script>window.harmed = 2</script>
<b data-commandlinker-command="x">b</b> [click](javascript:window.harmed=3) [data](data:text/html,x) [file](file:///etc)
![a plot](https://{ELSEWHERE}/plot.png) [https://good.example](https://{ELSEWHERE}/login) <javascript:alert(1)>
\u202egnp.exe end $\\def\\a{{\\a\\a}}\\a$ $\\href{{javascript:window.harmed=4}}{{x}}$ $\\style{{position:fixed}}{{y}}$
$\\rule{{900em}}{{900em}}$
"""


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[PeerProcess]:
    """Somebody else, online."""
    with PeerProcess(tmp_path / SENDER) as sender:
        sender.open("default", register=False, start=False)
        sender.value(f"await peer.register({SENDER!r})")
        sender.value("await peer.start()")
        yield sender


def test_messages_are_markdown_and_nothing_else(lab: Lab, page: Page, sender: PeerProcess) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel = chat_with_sender(lab, page, sender)
    messages = panel.get_by_test_id("academics-messages")
    reads_a_report(messages, sender)
    copies(page, messages.locator("[data-message]").last)
    is_not_harmed(page, messages, sender)
    runs_in_its_direction(messages, sender)
    writes_with_a_preview(page, panel, sender)
    looks_right(page, panel, messages)
    assert not [url for url in asked if ELSEWHERE in url]


def chat_with_sender(lab: Lab, page: Page, sender: PeerProcess) -> Locator:
    """The panel, with the conversation open."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, lab.folder / "messages.ipynb")
    open_notebook(page, lab, "messages.ipynb")
    run_all(page)
    panel = page.locator(".academics-panel").first
    open_tab(panel, "chat")
    panel.locator("[data-peer]", has_text=SENDER).click()
    sender.sees("[contact.name for contact in await peer.exploring.contacts() if contact.linked]", ["Maria Mitchell"])
    return panel


def tell(sender: PeerProcess, text: str) -> None:
    sender.value(f"(await peer.chat('Maria Mitchell', {text!r})).id")


def reads_a_report(messages: Locator, sender: PeerProcess) -> None:
    tell(sender, REPORT)
    report = messages.locator("[data-message]").last
    expect(report.get_by_role("heading", name="Sweeps of this week")).to_be_visible()
    expect(report.locator("strong")).to_have_text("bold")
    expect(report.locator("s")).to_have_text("struck")
    expect(report.get_by_role("link")).to_have_attribute("href", "https://www.iau.org/comets_(new)")
    expect(report.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")
    expect(report.locator("ol > li")).to_have_text(["first", "secondwithin"])
    expect(report.locator("blockquote")).to_have_text("What they said.")
    expect(report.get_by_role("columnheader")).to_have_text(["night", "comets"])
    expect(report.get_by_role("cell", name="12")).to_have_css("text-align", "right")
    expect(report.locator("pre")).to_have_text(CODE)
    expect(report.locator("pre .academics-code-keyword").first).to_have_text("def")
    expect(report.locator("math")).to_have_count(2)
    expect(report.locator("math").first).to_have_attribute("alttext", "e = \\frac{c}{a}")
    expect(report.locator("mfrac > *")).to_have_count(2)
    expect(report).to_contain_text("costs $5 or $10")
    assert report.locator("mfrac").evaluate("node => node.namespaceURI.endsWith('MathML')")
    assert report.locator("pre").evaluate("node => node.scrollWidth > node.clientWidth")


def copies(page: Page, report: Locator) -> None:
    """By keyboard: the code, and the whole as it was written."""
    report.get_by_role("button", name="Copy this code").press("Enter")
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == CODE, what="the copy of the code")
    report.get_by_role("button", name="Copy this message's Markdown").press("Enter")
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == REPORT, what="the Markdown's copy")


def is_not_harmed(page: Page, messages: Locator, sender: PeerProcess) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a message opened a dialog: {dialog.message}"))
    tell(sender, HOSTILE)
    message = messages.locator("[data-message]").last
    expect(message).to_contain_text(f'<img src="https://{ELSEWHERE}/a.png" onerror="window.harmed = 1">')
    expect(message).to_contain_text("[click](javascript:window.harmed=3) [data](data:text/html,x) [file](file:///etc)")
    expect(message).to_contain_text(f"https://good.example ({ELSEWHERE})")
    expect(message).to_contain_text("$\\def\\a{\\a\\a}\\a$")
    expect(message).to_contain_text("gnp.exe end")
    links = message.get_by_role("link")
    expect(links).to_have_count(3)
    targets = links.evaluate_all("nodes => nodes.map((node) => [node.protocol, node.target, node.title === node.href])")
    assert targets == [["https:", "_blank", True]] * 3
    expect(message.locator("img, script, iframe, object, embed, form, input, [style], [onerror]")).to_have_count(0)
    expect(message.locator("math [href], math [class]")).to_have_count(0)
    assert "\u202e" not in (message.text_content() or "")
    assert message.evaluate("node => node.getBoundingClientRect().height") < 400
    assert page.evaluate("window.harmed") is None


def runs_in_its_direction(messages: Locator, sender: PeerProcess) -> None:
    tell(sender, "שלום **עולם**\n\nand good night\n\n- שלום")
    message = messages.locator("[data-message]").last
    for block, direction in (("p >> nth=0", "rtl"), ("p >> nth=1", "ltr"), ("li", "rtl")):
        expect(message.locator(block)).to_have_css("direction", direction)


def writes_with_a_preview(page: Page, panel: Locator, sender: PeerProcess) -> None:
    composer, preview = panel.get_by_test_id("academics-composer"), panel.get_by_test_id("academics-preview")
    composer.fill("# Plan")
    expect(preview).to_be_hidden()
    composer.press("Tab")
    toggle = panel.get_by_role("button", name="Preview")
    expect(toggle).to_be_focused()
    page.keyboard.press("Enter")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(preview.get_by_role("heading", name="Plan")).to_be_visible()
    composer.fill("It is **$x^2$**")
    expect(preview.locator("strong math msup")).to_be_visible()
    take_picture(page, "message-preview")
    composer.press("Enter")
    expect(preview).to_have_text("Nothing is written yet.")
    expect(panel.locator("[data-mine='true'] strong math msup")).to_be_visible()
    sender.sees("[(await peer.history('Maria Mitchell')).text.iloc[-1]]", ["It is **$x^2$**"])
    toggle.press("Enter")
    expect(preview).to_be_hidden()


def looks_right(page: Page, panel: Locator, messages: Locator) -> None:
    """In both themes, and as narrow as a side bar."""
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        for label in ("Theme", theme):
            page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()
        light = "true" if theme.endswith("Light") else "false"
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", light)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        for part, place in (("top", messages.locator("h5")), ("end", messages.locator("pre"))):
            place.scroll_into_view_if_needed()
            take_picture(page, f"messages-{theme.rpartition(' ')[2].lower()}-{part}")
    panel.evaluate("node => (node.style.width = '250px')")
    messages.locator("math").nth(1).scroll_into_view_if_needed()
    take_picture(page, "messages-narrow")
    for message in messages.locator("[data-message]").all():
        assert message.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_the_page_draws_by_an_allow_list_of_its_own(page: Page) -> None:
    """Whatever a tree holds, were the kernel's own list to fail."""
    page.add_script_tag(content=read_static("dom.js", "markdown.js"))
    drawn = page.evaluate(
        """(tree) => {
          const node = h("div");
          drawBody(node, "", tree);
          document.body.append(node);
          return node.innerHTML;
        }""",
        [
            ["script", {}, ["window.harmed = 1"]],
            ["img", {"src": "x", "onerror": "window.harmed = 2"}, []],
            ["p", {"style": "position: fixed", "onclick": "window.harmed = 3", "kind": "lm-Menu"}, ["<b>"]],
            ["a", {"href": "javascript:window.harmed = 4", "title": "t"}, ["x"]],
            ["a", {"href": "java\nscript:window.harmed = 5"}, ["x"]],
            [
                "mi",
                {"href": "javascript:window.harmed = 6", "mathvariant": "x\"onload='", "style": "color: red"},
                ["y"],
            ],
            ["maction", {"actiontype": "statusline"}, ["z"]],
            ["constructor", {}, []],
            ["span", {"kind": "x y"}, ["\u202e"]],
            ["p", {}, ["a" + "\u0301" * 40]],
        ],
    )
    assert drawn == (
        '<span>window.harmed = 1</span><span></span><p dir="auto">&lt;b&gt;</p><span dir="auto" title="t">x</span>'
        '<span dir="auto" title="java\nscript:window.harmed = 5">x</span><mi>y</mi><span>z</span><span></span>'
        f'<span></span><p dir="auto">a{(chr(0x301) * 16 + "◌") * 2}{chr(0x301) * 8}</p>'
    )
    assert page.evaluate("window.harmed") is None


def test_the_page_says_texts_in_its_language(page: Page) -> None:
    """As somebody on the page translates them; JupyterLab's extension does."""
    page.add_script_tag(content=read_static("dom.js"))
    page.evaluate(
        """() => document.addEventListener("academics:translate", ({ detail }) => {
          const words = { "and %1 more": "und %1 weitere", "%1 byte": ["%1 Byte", "%1 Bytes"] };
          detail.translated = [words[detail.text]].flat().at(detail.count === 1 ? 0 : -1);
        })"""
    )
    said = page.evaluate(
        """() => [
          trans.__("and %1 more", "%1"), trans._n("%1 byte", "%1 bytes", 1), trans._n("%1 byte", "%1 bytes", 12),
          trans.__("only in %1", "English"), trans._n("%1 cell", "%1 cells", 2),
        ]"""
    )
    assert said == ["und %1 weitere", "1 Byte", "12 Bytes", "only in English", "2 cells"]
