"""Makes real PDFs for tests, with reportlab and pypdf: ordinary papers, and those that are out to harm."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from textwrap import wrap

from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, StreamObject
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

TITLE = "On the Sharing of Papers among Peers without a Middleman"
AUTHORS = ("Ada Lovelace", "Alan M. Turing", "Grace Hopper")
ABSTRACT = (
    "We study how academics share papers, data and notebooks when nobody stands between them. A network of three "
    "hundred peers is observed for a year, and we find that availability grows with the number of holders."
)
BODY = "The body of the paper goes on for a while, in lines of a common length, so that it sets the common size."


def make_paper(
    path: Path,
    *,
    title: str = TITLE,
    authors: Sequence[str] = AUTHORS,
    abstract: str = ABSTRACT,
    keywords: Sequence[str] = (),
    extra_lines: Sequence[str] = (),
    metadata: bool = True,
    pages: int = 1,
) -> Path:
    """Write a paper set as a journal would, with or without fields in its information dictionary; return `path`."""
    canvas = Canvas(str(path), pagesize=A4, invariant=True)
    if metadata:
        canvas.setTitle(title)
        canvas.setAuthor("; ".join(authors))
        canvas.setKeywords(", ".join(keywords))
    _front_page(canvas, title, authors, abstract, keywords, extra_lines)
    for number in range(1, pages):
        canvas.showPage()
        canvas.drawString(72, 720, f"{number + 1}. Section")
    canvas.save()
    return path


def _front_page(
    canvas: Canvas,
    title: str,
    authors: Sequence[str],
    abstract: str,
    keywords: Sequence[str],
    extra_lines: Sequence[str],
) -> None:
    lines = [("Times-Roman", 8.0, "Journal of Peer Networks, Vol. 3, No. 1")]
    lines += [("Times-Bold", 20.0, line) for line in wrap(title, 40)]
    lines += [("Times-Roman", 12.0, line) for line in wrap(_listed(authors), 80)]
    lines += [("Times-Italic", 10.0, "University of Somewhere, Department of Networks")]
    lines += [("Times-Bold", 11.0, "Abstract")] if abstract else []
    lines += [("Times-Roman", 10.0, line) for line in wrap(abstract, 90)]
    lines += [("Times-Roman", 10.0, f"Keywords: {', '.join(keywords)}")] if keywords else []
    lines += [("Times-Bold", 11.0, "1. Introduction")]
    lines += [("Times-Roman", 10.0, line) for line in (*extra_lines, *[BODY] * 8)]
    y = 790.0
    for font, size, line in lines:
        canvas.setFont(font, size)
        y -= 1.3 * size
        canvas.drawString(72, y, line)


def _listed(authors: Sequence[str]) -> str:
    return " and ".join([", ".join(authors[:-1]), authors[-1]] if len(authors) > 1 else authors)


def make_scan(path: Path) -> PdfWriter:
    """A writer of a PDF with an empty page and no fields, to be given what a test needs and written to `path`."""
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.metadata = None
    return writer


def make_xmp_paper(path: Path, *, title: str, authors: Sequence[str], description: str = "", doi: str = "") -> Path:
    """Write a PDF that tells of itself in an XMP packet only."""
    people = "".join(f"<rdf:li>{name}</rdf:li>" for name in authors)
    packet = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq>{people}</rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
<dc:subject><rdf:Bag><rdf:li>peers</rdf:li><rdf:li>sharing</rdf:li></rdf:Bag></dc:subject>
<dc:date><rdf:Seq><rdf:li>2021-05-04</rdf:li></rdf:Seq></dc:date>
<prism:doi>{doi}</prism:doi>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
    writer = make_scan(path)
    stream = StreamObject()
    stream.set_data(packet.encode())
    stream.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = writer._add_object(stream)
    writer.write(path)
    return path


def make_encrypted(path: Path, password: str) -> Path:
    """Write a paper that opens with `password` only; with "", by anyone, as many publishers have it."""
    plain = make_paper(path.with_suffix(".plain.pdf"))
    writer = PdfWriter(clone_from=PdfReader(BytesIO(plain.read_bytes())))
    plain.unlink()
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    writer.write(path)
    return path


def make_raw(path: Path, *objects: bytes) -> Path:
    """Write a PDF of the given objects, numbered from 1; the first is the catalogue."""
    data, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    data += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(data)
    return path


_WITH_FONT = b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"


def _page_with(path: Path, content: bytes, filters: bytes) -> Path:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R " + _WITH_FONT
    stream = b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(content), filters, content)
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return make_raw(path, b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, stream)


def make_bomb(path: Path) -> Path:
    """Write a page whose content is 1 GiB of zeros when unpacked, twice deflated to a few kilobytes."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    once = b"".join(packer.compress(block) for _ in range(1024)) + packer.flush()
    return _page_with(path, zlib.compress(once, 9), b"[/FlateDecode /FlateDecode]")


def make_endless_page(path: Path) -> Path:
    """Write a page whose content is valid and takes minutes to go through: some millions of operators."""
    packer = zlib.compressobj(9)
    operators = b"BT /F1 9 Tf (x) Tj ET\n" * 100_000
    content = b"".join(packer.compress(operators) for _ in range(20)) + packer.flush()
    return _page_with(path, content, b"/FlateDecode")


def make_recursive_pages(path: Path) -> Path:
    """Write a page tree whose only branch is itself."""
    return make_raw(
        path, b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 /Parent 2 0 R >>"
    )


def make_deep_arrays(path: Path) -> Path:
    """Write a catalogue with arrays nested a hundred thousand deep."""
    return make_raw(path, b"<< /Type /Catalog /Pages " + b"[" * 100_000 + b"]" * 100_000 + b" >>")
