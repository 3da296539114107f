"""Running a cell within a cell, its output shown as always and kept as nbformat has it."""

from __future__ import annotations

import base64
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.session import Session


class Recording:
    """What a cell has put out so far, in order."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self._clears = False

    def write(self, name: str, text: str) -> None:
        """Text to a stream."""
        last = self._last()
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        elif text:
            self.outputs.append({"output_type": "stream", "name": name, "text": text})

    def result(self, data: dict[str, Any]) -> None:
        """What the cell's last line is."""
        self._last()
        self.outputs.append({"output_type": "execute_result", "data": _encoded(data), "metadata": {}})

    def published(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message that is on its way to the front end."""
        content = message["content"]
        match message["header"]["msg_type"]:
            case "clear_output":
                self._clears = True
                if not content["wait"]:
                    self._last()
            case "display_data" | "update_display_data" as kind:
                display = str(content.get("transient", {}).get("display_id", ""))
                if kind == "display_data":
                    self._last()
                    output = {"output_type": kind, "data": _encoded(content["data"]), "metadata": {}}
                    self.outputs.append(output)
                    self._displays.setdefault(display, []).append(output)
                elif display:
                    for output in self._displays.get(display, ()):
                        output["data"] = _encoded(content["data"])
        return message

    def _last(self) -> dict[str, Any] | None:
        """What stands last, once a clearing that waited for more has been done."""
        if self._clears:
            self._clears = False
            self.outputs.clear()
        return self.outputs[-1] if self.outputs else None


class _Tee:
    """A stream that is recorded as it goes."""

    def __init__(self, stream: Any, name: str, recording: Recording) -> None:
        self._stream, self._name, self._recording = stream, name, recording

    def write(self, text: str) -> Any:
        self._recording.write(self._name, text)
        return self._stream.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run_recorded(shell: InteractiveShell, session: Session, source: str) -> list[dict[str, Any]]:
    """Run a cell as if it had been run by itself; what it has put out. Raises UsageError where it fails."""
    recording = Recording()
    with _recorded(shell, recording):
        succeeded = _run(shell, session, source)
    if not succeeded:
        raise UsageError("The cell failed, so nothing was sent: mend it and run it again.")
    return recording.outputs


def _run(shell: InteractiveShell, session: Session, source: str) -> bool:
    try:
        transformed, error = shell.transform_cell(source), None
    except Exception:
        transformed, error = source, sys.exc_info()
    given = {"transformed_cell": transformed, "preprocessing_exc_tuple": error}
    if not shell.should_run_async(source, **given):
        return bool(shell.run_cell(source).success)
    # What awaits goes on the kernel's own loop, as it does in a cell of its own.
    ran = session.wait(shell.run_cell_async(source, **given))
    shell.events.trigger("post_execute")
    shell.events.trigger("post_run_cell", ran)
    return bool(ran.success)


@contextlib.contextmanager
def _recorded(shell: InteractiveShell, recording: Recording) -> Iterator[None]:
    publisher: Any = shell.display_pub
    hook: Any = shell.displayhook
    write = hook.write_format_data

    def write_and_record(data: dict[str, Any], *metadata: Any, **named: Any) -> None:
        recording.result(data)
        write(data, *metadata, **named)

    out, err = sys.stdout, sys.stderr
    publisher.register_hook(recording.published)
    hook.write_format_data = write_and_record
    sys.stdout, sys.stderr = _Tee(out, "stdout", recording), _Tee(err, "stderr", recording)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        del hook.write_format_data
        publisher.unregister_hook(recording.published)


def _encoded(data: dict[str, Any]) -> dict[str, Any]:
    """Bytes as nbformat has them."""
    return {
        mime: base64.b64encode(value).decode() if isinstance(value, bytes) else value for mime, value in data.items()
    }
