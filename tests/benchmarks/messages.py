"""How long the worst messages we know of take to become trees, each against ordinary prose of the same length.

    python -m tests.benchmarks.messages

A message has at most 32,000 characters. Printed are milliseconds and nodes; 1 node is a text shown as it was written.
"""

from __future__ import annotations

import time

from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.tree import walked
from academics_jupyter.protocol.messages import MAX_TEXT_LENGTH

ROUNDS = 3
PROSE = "The *quick* brown fox jumps over the **lazy** dog, says `fox.py`, see https://example.org.\n\n"


def repeated(text: str) -> str:
    """A text as long as a message can be."""
    return (text * (MAX_TEXT_LENGTH // len(text) + 1))[:MAX_TEXT_LENGTH]


WORST = {
    "prose": repeated(PROSE),
    "[ just below the limit of marks": "[" * 5999,
    "emphasis": repeated("**a _b* ____"),
    "half-open emphasis": "**a " * 2900,
    "links": repeated("[a](http://b.c) padding "),
    "addresses": repeated("https://a.bc "),
    "lists": repeated("- some words\n"),
    "nested quotes and lists": repeated("> - a b c d e f\n"),
    "lazy quotes": repeated("> > > > > a\nbbbb"),
    "table, mostly absent": "|a|b|c\n|-|-|-\n" + "b\n" * 3300,
    "table, full": "|" + "a|" * 20 + "\n|" + "-|" * 20 + "\n" + ("|" + "a|" * 20 + "\n") * 250,
    "small formulas": repeated("$a^b$ and the like "),
    "large formulas": ("$" + "(a_b)" * 300 + "$ ") * 16,
    "formulas too deep": ("$" + "\\left(" * 300 + "$ ") * 17,
    "C of slashes": "```c\n" + "//" * 2490 + "\n```",
    "Java of ends": "```java\n" + "end " * 1240 + "\n```",
    "JavaScript of quotes": "```js\n" + '"\\' * 2490 + "\n```",
}


def main() -> None:
    """Run all and print the table."""
    parsed("$a$\n```c\na\n```\n```java\na\n```\n```js\na\n```")
    prose_ms = 0.0
    for name, text in WORST.items():
        least_ms = min(_taken_ms(text) for _ in range(ROUNDS))
        prose_ms = prose_ms or least_ms
        nodes = sum(1 for _ in walked(parsed(text)))
        print(
            f"{name:32} {len(text):6} characters {least_ms:7.1f} ms {nodes:6} nodes {least_ms / prose_ms:6.1f} x prose"
        )


def _taken_ms(text: str) -> float:
    begun = time.perf_counter()
    parsed(text)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main()
