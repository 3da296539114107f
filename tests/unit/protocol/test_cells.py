from __future__ import annotations

import base64
import json
import struct
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError, UsageError
from academics_jupyter.protocol.cells import MAX_PIXELS, Shown, opened, packed
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import MAX_CELL_LENGTH, Message, sign_message

KEY = SigningKey(b"a" * 32)


def png(width: int = 2, height: int = 2, size_bytes: int = 100) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height)
    return base64.b64encode(head + bytes(size_bytes)).decode()


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {each.replace("_", "/"): data[each] for each in data},
    }


def test_what_is_packed_is_a_cell_of_a_notebook() -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "42"}}
    made = packed("6 * 7", [stream("one\n"), display(image_png=png(), text_plain="<Figure>"), result])
    assert made.left_out == ()
    notebook = nbformat.v4.new_notebook(cells=[json.loads(made.json) | {"id": "a"}])
    nbformat.validate(notebook)
    assert opened(made.json) == (
        "6 * 7",
        (Shown("one\n"), Shown("<Figure>", base64.b64decode(png())), Shown("42")),
    )


def test_progress_bars_are_as_they_ended() -> None:
    assert opened(packed("", [stream("10 %\r50 %\r100 %\ndone\r\n")]).json).outputs == (Shown("100 %\ndone\n"),)


def test_only_text_and_pictures_are_sent() -> None:
    table = display(text_html="<table>", text_plain="a  b")
    widget = {
        "output_type": "display_data",
        "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "<IntSlider>"},
    }
    made = packed("x", [table, display(text_html="<b>"), widget])
    assert opened(made.json).outputs == (Shown("a  b"),)
    assert "html" not in made.json
    assert made.left_out == (
        "Output 2 was left out: only text and pictures are sent.",
        "Output 3 was left out: only text and pictures are sent.",
    )


def test_the_largest_pictures_are_left_out_first() -> None:
    small, large = png(size_bytes=30_000), png(size_bytes=120_000)
    made = packed("x", [display(image_png=large, text_plain="<Figure>"), display(image_png=small)])
    assert len(made.json) <= MAX_CELL_LENGTH
    assert made.left_out == ("A picture of 120.0 kB was left out: it is too large to send.",)
    assert [bool(output.png) for output in opened(made.json).outputs] == [False, True]


def test_long_texts_are_cut_and_said_so() -> None:
    made = packed("x", [stream("a" * 400_000), stream("b" * 10, "stderr")])
    assert made.left_out == ("A text of 400,000 characters was cut: it is too long to send.",)
    first, second = opened(made.json).outputs
    assert first.text.startswith("aaa")
    assert first.text.endswith("too long to send)")
    assert second.text == "b" * 10
    many = packed("x", [stream("c" * 1_000, str(number)) for number in range(300)])
    assert len(many.left_out) == 2
    with pytest.raises(UsageError, match="share it as a notebook"):
        packed("a" * 100_000, [])


@given(
    st.text(max_size=60_000),
    st.lists(st.text(max_size=300).map(lambda text: stream(text * 1_000)), max_size=4),
)
def test_whatever_is_packed_fits_into_a_message(source: str, outputs: list[dict[str, Any]]) -> None:
    made = packed(source, outputs)
    message = Message(
        id="ab" * 16,
        author=peer_id(KEY),
        recipient="0c" * 32,
        series=1,
        sequence=1,
        sent_at_ms=1,
        text='"' * 32_000,
        cell=made.json,
    )
    assert sign_message(KEY, message)
    assert opened(made.json).source == source


@pytest.mark.parametrize(
    "cell",
    ["", "x", "[]", "{}", "[" * 100_000, '{"source": 1}', '{"cell_type": "markdown", "source": ""}',
     '{"source": "", "outputs": [1]}', '{"source": "a", "source": "b"}', '{"source": "", "outputs": [{}]}'],
)  # fmt: skip
def test_what_is_no_cell(cell: str) -> None:
    with pytest.raises(RemoteProtocolError):
        opened(cell)


@pytest.mark.parametrize(
    "picture",
    ["", "x", "a" * 100, png(0, 5), png(1 << 31, 1 << 31), png(MAX_PIXELS, 2), png()[:20], 7, ["a"],
     base64.b64encode(b"<svg onload=alert(1)>").decode()],
)  # fmt: skip
def test_what_is_no_picture_is_not_shown(picture: Any) -> None:
    cell = json.dumps({"source": "", "outputs": [display(image_png=picture, text_plain="p")]})
    assert opened(cell).outputs == (Shown("p\n(a picture that is not shown)"),)


def test_html_and_vector_pictures_are_not_shown() -> None:
    outputs = [
        display(text_html="<script>"),
        display(image_svg="<svg/>") | {"data": {"image/svg+xml": "<svg/>"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mred"]},
    ]
    assert opened(json.dumps({"source": ["a\n", "b"], "outputs": outputs})) == (
        "a\nb",
        (Shown("(an output that is not shown)"), Shown("(a picture that is not shown)"), Shown("E: v")),
    )
