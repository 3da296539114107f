"""Messages that end in a question mark.

IPython takes any line that ends in `?` for a request for help, so `%chat ada are you there?` would show help on
`there` and send nothing. Such lines are written as the call they mean before IPython looks at them.
"""

from __future__ import annotations

import re

from IPython.core.interactiveshell import InteractiveShell

_QUESTION = re.compile(r"(?P<before>\s*(?:[A-Za-z_]\w*\s*=\s*)?)%?chat[ \t]+(?P<line>[^\s?=(.,].*\?)\s*")


def spell_out_questions(lines: list[str]) -> list[str]:
    """The lines of a cell, those that send a question as calls; a cell magic's body is left alone."""
    if lines and lines[0].lstrip().startswith("%%"):
        return lines
    return [_spelt_out(line) for line in lines]


def _spelt_out(line: str) -> str:
    match = _QUESTION.fullmatch(line)
    if match is None:
        return line
    return f"{match['before']}get_ipython().run_line_magic('chat', {match['line']!r})\n"


def send_questions(shell: InteractiveShell) -> None:
    """Have the shell do so. Safe to repeat."""
    keep_questions_to_ipython(shell)
    shell.input_transformers_cleanup.append(spell_out_questions)


def keep_questions_to_ipython(shell: InteractiveShell) -> None:
    """Undo it."""
    shell.input_transformers_cleanup[:] = [
        each for each in shell.input_transformers_cleanup if each is not spell_out_questions
    ]
