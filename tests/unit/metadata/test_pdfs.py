"""PDFs as people have them, and PDFs that are out to harm: described, or told by their name only."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from academics_jupyter.metadata import pdf_process
from academics_jupyter.metadata.describing import Metadata, describe
from academics_jupyter.metadata.findings import Findings
from academics_jupyter.metadata.pdf_process import read_pdf
from academics_jupyter.protocol.records import Author
from tests import papers

PEOPLE = (
    Author(family="Lovelace", given="Ada"),
    Author(family="Turing", given="Alan M."),
    Author(family="Hopper", given="Grace"),
)
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="process groups and limits are POSIX")


def nothing_found(title: str) -> Metadata:
    return Metadata(title=title, kind="paper", media_type="application/pdf")


async def test_the_fields_of_a_paper_are_found(tmp_path: Path) -> None:
    path = papers.make_paper(tmp_path / "p.pdf", keywords=["peers", "data sharing"])
    assert await describe(path) == Metadata(
        title=papers.TITLE,
        kind="paper",
        media_type="application/pdf",
        authors=PEOPLE,
        abstract=papers.ABSTRACT,
        keywords=("peers", "data sharing"),
        year=2000,  # reportlab dates its reproducible files so
    )


async def test_a_paper_without_fields_is_read_from_its_first_page(tmp_path: Path) -> None:
    path = papers.make_paper(
        tmp_path / "p.pdf",
        metadata=False,
        keywords=["peers", "data sharing"],
        extra_lines=["https://doi.org/10.5555/12345678", "© 2023 The authors. Licensed under CC BY 4.0."],
    )
    assert await describe(path) == Metadata(
        title=papers.TITLE,
        kind="paper",
        media_type="application/pdf",
        authors=PEOPLE,
        abstract=papers.ABSTRACT,
        keywords=("peers", "data sharing"),
        doi="10.5555/12345678",
        year=2023,
        license="CC-BY-4.0",
    )


async def test_an_arxiv_stamp_gives_year_and_doi(tmp_path: Path) -> None:
    stamp = "arXiv:1706.03762v5 [cs.CL] 6 Dec 2017"
    found = await describe(papers.make_paper(tmp_path / "p.pdf", extra_lines=[stamp, "as in arXiv:2101.00001"]))
    assert (found.doi, found.year) == ("10.48550/arXiv.1706.03762", 2017)


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - final_v3.doc", "p", "main.tex", "1-s2.0_main"])
async def test_a_field_that_is_no_title_gives_way_to_the_page(tmp_path: Path, title: str) -> None:
    path = papers.make_paper(tmp_path / "p.pdf")
    writer = papers.PdfWriter(clone_from=path)
    writer.add_metadata({"/Title": title, "/Author": "jdoe"})
    writer.write(path)
    found = await describe(path)
    assert (found.title, found.authors) == (papers.TITLE, PEOPLE)


async def test_an_xmp_packet_alone_is_enough(tmp_path: Path) -> None:
    path = papers.make_xmp_paper(
        tmp_path / "p.pdf",
        title="A Title of Note",
        authors=["Ada Lovelace", "Ludwig van Beethoven"],
        description=papers.ABSTRACT,
        doi="10.1234/ABC.5",
    )
    assert await describe(path) == Metadata(
        title="A Title of Note",
        kind="paper",
        media_type="application/pdf",
        authors=(Author(family="Lovelace", given="Ada"), Author(family="van Beethoven", given="Ludwig")),
        abstract=papers.ABSTRACT,
        keywords=("peers", "sharing"),
        doi="10.1234/ABC.5",
        year=2021,
    )


async def test_a_scan_is_told_by_its_name(tmp_path: Path) -> None:
    papers.make_scan(tmp_path / "s.pdf").write(tmp_path / "my_paper-v2.pdf")
    assert await describe(tmp_path / "my_paper-v2.pdf") == nothing_found("my paper v2")


async def test_what_anyone_may_open_is_read_and_what_needs_a_password_is_not(tmp_path: Path) -> None:
    assert (await describe(papers.make_encrypted(tmp_path / "open.pdf", ""))).title == papers.TITLE
    assert await describe(papers.make_encrypted(tmp_path / "closed_one.pdf", "secret")) == nothing_found("closed one")


@pytest.mark.parametrize("kept", [9, 200, 1000, 1800])
async def test_a_cut_file_harms_nothing(tmp_path: Path, kept: int) -> None:
    path = papers.make_paper(tmp_path / "cut_off.pdf")
    path.write_bytes(path.read_bytes()[:kept])
    found = await describe(path)
    assert found.kind == "paper"
    assert found.title in ("cut off", papers.TITLE)


async def test_garbage_behind_a_pdf_header_is_told_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "garbage.pdf"
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 200)
    assert await describe(path) == nothing_found("garbage")


async def test_a_file_that_only_claims_to_be_a_pdf_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "not_a.pdf"
    path.write_bytes(b"MZ\x90\x00\x03" * 100)
    assert await describe(path) == Metadata("not a", "other", "application/octet-stream")


@pytest.mark.parametrize(
    "make", [papers.make_bomb, papers.make_endless_page, papers.make_recursive_pages, papers.make_deep_arrays]
)
async def test_a_harmful_pdf_is_told_by_its_name(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "harmful.pdf")  # type: ignore[operator]
    assert await describe(path, timeout_s=2) == nothing_found("harmful")


async def test_fields_are_told_before_a_harmful_page_is_read(tmp_path: Path) -> None:
    writer = papers.PdfWriter(clone_from=papers.make_endless_page(tmp_path / "p.pdf"))
    writer.add_metadata({"/Title": "A Title of Note"})
    writer.write(tmp_path / "p.pdf")
    assert (await describe(tmp_path / "p.pdf", timeout_s=2)).title == "A Title of Note"


async def test_control_characters_in_fields_do_not_come_through(tmp_path: Path) -> None:
    path = papers.make_paper(tmp_path / "p.pdf", metadata=False)
    writer = papers.PdfWriter(clone_from=path)
    writer.add_metadata({"/Title": "Red \x1b[31m and \u202eback\nlines " + "x" * 5000})
    writer.write(path)
    title = (await describe(path)).title
    assert title.startswith("Red [31m and back lines xxx")
    assert len(title) == 1000


def parser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Put a shell script in the place of the parser, as one that was taken over."""
    program = tmp_path / "parser"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(pdf_process.sys, "executable", str(program))


async def read_nothing(timeout_s: float) -> Findings:
    file = os.open(os.devnull, os.O_RDONLY)
    try:
        return await read_pdf(file, "p.pdf", timeout_s)
    finally:
        os.close(file)


def is_running(process: int) -> bool:
    """Whether a process has not ended; one that ended may still wait for its parent to notice."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


@posix_only
async def test_a_parser_that_does_not_end_is_killed_with_its_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = '{"title": "What it said"}'
    parser(monkeypatch, tmp_path, f"tail -f /dev/null & echo $! > {tmp_path}/child\necho '{told}'\nwait")
    assert await read_nothing(5.0) == Findings(title="What it said")
    assert not is_running(int((tmp_path / "child").read_text()))


@posix_only
async def test_a_cancelled_reader_leaves_no_parser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    parser(monkeypatch, tmp_path, f"echo $$ > {ready}\nexec tail -f /dev/null")
    task = asyncio.create_task(read_nothing(60))
    process = int(await asyncio.to_thread(ready.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(process)


@posix_only
@pytest.mark.parametrize(
    "script",
    [
        "yes",
        "printf 'no line'",
        "echo '{\"title\": 5}'",
        "echo '{\"year\": 99999999999999999999999999}'",
        "echo '[[['",
        "exit 1",
        "kill -SEGV $$",
    ],
)
async def test_what_a_parser_may_not_say_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    parser(monkeypatch, tmp_path, script)
    assert await read_nothing(20) == Findings()


@posix_only
async def test_a_parser_that_exceeds_its_limits_is_cut_to_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parser(monkeypatch, tmp_path, """printf '{"title": "a\\\\nb%02000d", "year": 77777}\\n' 0""")
    found = await read_nothing(20)
    assert (len(found.title), found.title[:3], found.year) == (1000, "a b", None)


async def test_a_parser_that_cannot_start_finds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf_process.sys, "executable", str(tmp_path / "missing"))
    assert await read_nothing(20) == Findings()


@posix_only
async def test_secrets_are_not_in_the_parsers_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACADEMICS_PASSPHRASE", "a secret")
    monkeypatch.setenv("ACADEMICS_REGISTRY", "mongodb://user:secret@host")
    parser(monkeypatch, tmp_path, f"env > {tmp_path}/environment")
    await read_nothing(20)
    assert "secret" not in (tmp_path / "environment").read_text()


@posix_only
@pytest.mark.parametrize(
    "harm",
    ["bytearray(2 << 30)", "from pathlib import Path; Path('written').write_text('x')", "[0 for _ in iter(int, 1)]"],
)
def test_the_limits_hold(tmp_path: Path, harm: str) -> None:
    program = f"from academics_jupyter.metadata.pdf_reader import limit; limit(1); {harm}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, cwd=tmp_path)
    assert ended.returncode != 0
    assert not any(path.stat().st_size for path in tmp_path.iterdir())
