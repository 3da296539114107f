"""What is sent of a conversation's bodies: each once, those that changed again, and not without end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.panels import bodies as bodies_module
from academics_jupyter.notebook.panels.bodies import ConversationBodies
from academics_jupyter.store.history import StoredMessage

FIRST = StoredMessage(
    id="first", conversation="ada", author="ada", text="*a*", sent_at_ms=0, received_at_ms=0, state="received",
    series=1, sequence=1, unread=False,
)  # fmt: skip
SECOND = replace(FIRST, id="second", text="b", sequence=2)


async def test_a_body_is_sent_once_and_again_when_its_text_changes() -> None:
    bodies = ConversationBodies()
    assert await bodies.make("ada", [FIRST]) == {"first": parsed("*a*")}
    assert await bodies.make("ada", [FIRST, SECOND]) == {"second": parsed("b")}
    assert await bodies.make("ada", [FIRST, SECOND]) == {}
    edited = replace(FIRST, text="**c**")
    assert await bodies.make("ada", [edited, SECOND]) == {"first": parsed("**c**")}
    assert (bodies.conversation, bodies.made) == ("ada", {"first": parsed("**c**"), "second": parsed("b")})


async def test_another_conversation_has_its_own_bodies() -> None:
    bodies = ConversationBodies()
    await bodies.make("ada", [FIRST])
    assert await bodies.make("grace", [SECOND]) == {"second": parsed("b")}
    assert bodies.made.keys() == {"second"}
    assert await bodies.make("ada", [FIRST]) == {"first": parsed("*a*")}


async def test_beyond_the_limit_the_newest_have_a_body_and_nothing_old_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies_module, "MAX_WEIGHT", 12)
    bodies = ConversationBodies()
    messages = [replace(FIRST, id=f"{number}", text=f"*{number}*") for number in range(10)]
    assert list(await bodies.make("ada", messages)) == ["9", "8", "7", "6"]
    edited = [*messages[:-1], replace(messages[-1], text="*later*")]
    assert await bodies.make("ada", edited) == {"9": ["*later*"]}
