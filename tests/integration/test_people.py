"""The main job, between people in real kernels: share, find, download, talk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import Person
from tests.papers import make_paper

SitDown = Callable[..., Person]


def test_two_people_share_a_paper_and_talk(sit_down: SitDown, tmp_path: Path) -> None:
    paper = make_paper(tmp_path / "fair.pdf", title="Fair Data for Everyone", authors=["Ada Lovelace", "Grace Hopper"])
    ada, grace = sit_down("ada"), sit_down("grace")
    shown = ada.run(f"resource = %share {paper} --keywords 'fair, data'\nresource").text
    assert "Fair Data for Everyone" in shown
    assert "Ada Lovelace, Grace Hopper" in shown

    grace.run("def rows(line):\n    return get_ipython().run_line_magic('explore', line)")
    grace.sees("rows('fair').available.tolist()", [True])
    assert grace.value("list(rows('fair').columns)") == [
        "id", "title", "authors", "year", "kind", "size_bytes", "keywords", "holders", "available", "sharer",
        "shared_at",
    ]  # fmt: skip
    row = grace.value("rows('fair').drop(columns=['shared_at', 'year']).iloc[0].to_dict()")
    assert isinstance(row, dict)
    assert row["authors"] == "Ada Lovelace, Grace Hopper"
    assert row["keywords"] == "fair, data"
    assert (row["kind"], row["holders"], row["sharer"]) == ("paper", 1, "ada")

    grace.run("path = %download 0")
    path = Path(str(grace.value("str(path)")))
    assert path.read_bytes() == paper.read_bytes()
    assert path.parent == grace.repository
    ada.run("def rows(line):\n    return get_ipython().run_line_magic('explore', line)")
    ada.sees("rows('fair').holders.tolist()", [2])

    ada.run("%chat grace What did *you* think?")
    grace.sees("get_ipython().run_line_magic('inbox', '').unread.tolist()", [1])
    grace.run("%%chat ada\nIt was $good$ {really}.\nThank you.")
    ada.sees("get_ipython().run_line_magic('history', 'grace').text.tolist()[1:]", [
        "It was $good$ {really}.\nThank you."
    ])  # fmt: skip
    ada.sees("get_ipython().run_line_magic('history', 'grace').state.tolist()", ["delivered", "received"])
    assert grace.value("len(get_ipython().run_line_magic('inbox', ''))") == 1
    assert grace.value("get_ipython().run_line_magic('history', 'ada').sender.tolist()") == ["ada", "grace"]
    assert grace.value("len(get_ipython().run_line_magic('inbox', ''))") == 0


def test_a_downloader_serves_when_the_sharer_has_left(sit_down: SitDown, tmp_path: Path) -> None:
    file = tmp_path / "orbits.csv"
    file.write_text("planet,period\nearth,1\n")
    mary, joan, ruth = sit_down("mary"), sit_down("joan"), sit_down("ruth")
    resource = str(mary.value(f"get_ipython().run_line_magic('share', '{file} --title Orbits').id"))
    look = f"get_ipython().run_line_magic('explore', 'orbits').query('id == \"{resource}\"')"
    joan.sees(f"{look}.available.tolist()", [True])
    joan.run(f"import pandas as pd\ntable = pd.read_csv('academics://{resource}')")
    assert joan.value("table.planet.tolist()") == ["earth"]
    assert "cannot be written" in joan.error(f"__import__('fsspec').open('academics://{resource}', 'wb').open()")
    ruth.sees(f"{look}.holders.tolist()", [2])
    mary.run("%academics stop")
    ruth.sees("get_ipython().run_line_magic('people', 'mary').online.tolist()", [False])
    assert ruth.value(f"{look}.available.tolist()") == [True]
    assert ruth.value(f"get_ipython().run_line_magic('fetch', '{resource[:8]}').period.tolist()") == [1]
    joan.run("%academics stop")
    ruth.run("%academics stop")
    mary.run("%academics start")
    mary.run(f"%unshare {resource[:8]}")
    mary.run("await academics.current().flushed()")
    assert mary.value(f"len({look})") == 0


def test_large_empty_and_awkward_files(sit_down: SitDown, tmp_path: Path) -> None:
    lise, emmy = sit_down("lise"), sit_down("emmy")
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom((48 << 20) + 5))
    empty = tmp_path / "empty.txt"
    empty.touch()
    awkward = tmp_path / "x:stream $é\u202efdp.txt"
    awkward.write_text("awkward\n")
    lise.run(f"shared = %share '{tmp_path}/*'")
    ids = lise.value("{each.file_name: each.id for each in shared}")
    assert isinstance(ids, dict)
    assert len(ids) == 3
    for name, resource in ids.items():
        emmy.sees(
            f"get_ipython().run_line_magic('explore', '').query('id == \"{resource}\"').available.tolist()", [True]
        )
        path = Path(str(emmy.value(f"str(get_ipython().run_line_magic('download', '{resource}'))")))
        assert path.name == name
        source = {large.name: large, empty.name: empty}.get(name, awkward)
        assert _digest(path) == _digest(source)
        assert "\u202e" not in path.name
    assert ids["empty.txt"] == "0" * 64
    copies = tmp_path / "copies"
    copies.mkdir()
    to = Path(str(emmy.value(f"str(get_ipython().run_line_magic('download', '{ids['large.bin']} --to {copies}'))")))
    assert to == copies / "large.bin"
    assert _digest(to) == _digest(large)


def test_a_changed_file_is_found_out_and_corrected(sit_down: SitDown, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("as it was shared\n")
    rosa, vera = sit_down("rosa"), sit_down("vera")
    resource = str(rosa.value(f"get_ipython().run_line_magic('share', '{file}').id"))
    look = f"get_ipython().run_line_magic('explore', '').query('id == \"{resource}\"')"
    vera.sees(f"{look}.available.tolist()", [True])
    (rosa.repository / "notes.txt").write_text("changed since\n")
    assert "no longer" in vera.error(f"%download {resource}")
    vera.sees(f"{look}.holders.tolist()", [0])
    assert (rosa.repository / "notes.txt").read_text() == "changed since\n"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
