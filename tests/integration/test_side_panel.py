"""What JupyterLab's extension asks of kernels, and what a notebook asks of it, in real kernels of one profile."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.conftest import Person

SitDown = Callable[..., Person]

ROLE = "academics.current().status().role"
DRIVEN_BY = "academics.current().status().driven_by"
ENTRY = "__import__('academics_jupyter.notebook.side_panel_entry', fromlist=['answer'])"
OPEN = f"{ENTRY}.answer('show', '{{\"own\": true}}').data['model']"
ASKING_TYPE = "application/vnd.academics.side-panel+json"


def test_the_side_panel_takes_the_peer_over_from_a_notebook(sit_down: SitDown) -> None:
    notebook = sit_down("Ada Lovelace")
    assert notebook.value(ROLE) == "driver"
    side = sit_down("Ada Lovelace", register=False)
    panel = side.value(OPEN)
    side.sees(ROLE, "driver")
    notebook.sees(DRIVEN_BY, "JupyterLab's side panel")
    notebook.run("%academics attach")
    # Opened again, as after a reload, it leaves the peer where the person has put it since.
    assert side.value(OPEN) == panel
    assert (notebook.value(ROLE), side.value(ROLE)) == ("driver", "passenger")


def test_who_registers_in_a_notebook_is_driven_at_the_side(sit_down: SitDown) -> None:
    side = sit_down("Grace Hopper", register=False)
    side.run(OPEN)
    notebook = sit_down("Grace Hopper")
    side.sees(ROLE, "driver")
    assert notebook.value(ROLE) == "passenger"


def test_a_front_end_without_a_side_says_what_to_do(sit_down: SitDown) -> None:
    (shown,) = sit_down("Mary Somerville", register=False).run("%academics sidebar").data
    assert set(shown) == {"text/plain", ASKING_TYPE}
    assert "%academics panel shows the panel in a cell" in shown["text/plain"]
