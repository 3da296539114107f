"""`python -m tests.e2e.pictures`: the pictures that README.md and the notebooks show, from what the browser tests took.

Run the browser tests first, and look at `tests/e2e/screenshots`; this takes no picture itself. In 256 colours each is
half as large, and nobody sees the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

SCREENSHOTS = Path(__file__).parent / "screenshots"
SHOWN = Path(__file__).parents[2] / "docs" / "pictures"
PICTURES = {
    "panel-light": "explore-greyed",
    "panel-dark": "messages-dark-top",
    "side-panel": "side-panel-light",
    "share": "share",
    "downloads": "download-from-two",
    "conversation": "messages-light-top",
    "rooms": "rooms-light",
}
"""What each is called in `docs/pictures`, and what the test that took it calls it."""


def main() -> None:
    missing = []
    for name, taken in PICTURES.items():
        screenshot = SCREENSHOTS / f"{taken}.png"
        if screenshot.exists():
            with Image.open(screenshot) as picture:
                fewer = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
                fewer.save(SHOWN / f"{name}.png", optimize=True)
        else:
            missing.append(f"{taken}.png was not taken, so {name}.png is as it was: run tests/e2e first.")
    if missing:
        sys.exit("\n".join(missing))


if __name__ == "__main__":
    main()
