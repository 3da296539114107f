"""Of which kind a file is, from the ending of its name and its first bytes. Pure."""

from __future__ import annotations

import codecs
import mimetypes
from pathlib import PurePath

HEAD_BYTES = 4096
BINARY = ("other", "application/octet-stream")
PLAIN = ("text", "text/plain")
FOLDER = ("folder", "inode/directory")
"""The media type is what freedesktop.org's shared MIME database, and so every Linux desktop, calls folders."""

_BY_ENDING = {
    "data": {
        ".csv": "text/csv",
        ".tsv": "text/tab-separated-values",
        ".json": "application/json",
        ".jsonl": "application/jsonl",
        ".parquet": "application/vnd.apache.parquet",
        ".feather": "application/vnd.apache.arrow.file",
        ".arrow": "application/vnd.apache.arrow.file",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".xls": "application/vnd.ms-excel",
        ".ods": "application/vnd.oasis.opendocument.spreadsheet",
        ".h5": "application/x-hdf5",
        ".hdf5": "application/x-hdf5",
        ".nc": "application/x-netcdf",
        ".npy": "application/x-npy",
        ".npz": "application/x-npz",
        ".mat": "application/x-matlab-data",
        ".rds": "application/x-r-data",
        ".dta": "application/x-stata-dta",
        ".sav": "application/x-spss-sav",
        ".sqlite": "application/vnd.sqlite3",
        ".db": "application/vnd.sqlite3",
        ".geojson": "application/geo+json",
        ".fasta": "text/x-fasta",
        ".bib": "application/x-bibtex",
    },
    "notebook": {".ipynb": "application/x-ipynb+json"},
    "figure": {
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".gif": "image/gif",
        ".svg": "image/svg+xml",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
        ".webp": "image/webp",
        ".eps": "application/postscript",
    },
    "code": {
        ".py": "text/x-python",
        ".r": "text/x-r",
        ".jl": "text/x-julia",
        ".c": "text/x-c",
        ".h": "text/x-c",
        ".cpp": "text/x-c++",
        ".java": "text/x-java",
        ".js": "text/javascript",
        ".ts": "text/x-typescript",
        ".rs": "text/x-rust",
        ".go": "text/x-go",
        ".m": "text/x-matlab",
        ".f90": "text/x-fortran",
        ".sh": "text/x-shellscript",
        ".sql": "application/sql",
    },
    "paper": {".pdf": "application/pdf", ".ps": "application/postscript"},
    "text": {
        ".md": "text/markdown",
        ".markdown": "text/markdown",
        ".rst": "text/x-rst",
        ".txt": "text/plain",
        ".tex": "text/x-tex",
        ".html": "text/html",
        ".htm": "text/html",
        ".doc": "application/msword",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".odt": "application/vnd.oasis.opendocument.text",
        ".epub": "application/epub+zip",
    },
}
_ENDINGS = {ending: (kind, media) for kind, endings in _BY_ENDING.items() for ending, media in endings.items()}

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": ("figure", "image/png"),
    b"\xff\xd8\xff": ("figure", "image/jpeg"),
    b"GIF8": ("figure", "image/gif"),
    b"II*\x00": ("figure", "image/tiff"),
    b"MM\x00*": ("figure", "image/tiff"),
    b"\x89HDF\r\n\x1a\n": ("data", "application/x-hdf5"),
    b"PAR1": ("data", "application/vnd.apache.parquet"),
    b"ARROW1": ("data", "application/vnd.apache.arrow.file"),
    b"\x93NUMPY": ("data", "application/x-npy"),
    b"SQLite format 3\x00": ("data", "application/vnd.sqlite3"),
}
# Types that always begin with their magic: without it, the ending of the name is wrong.
_NEED_MAGIC = {media for _, media in _MAGIC.values()} | {"application/pdf", "image/webp"}
_PDF_WITHIN_BYTES = 1024


def kind_and_media_type(name: str, head: bytes) -> tuple[str, str]:
    """The kind (as in a resource's record) and media type of a file by its name and first `HEAD_BYTES`.

    What the bytes say counts over what the name says.
    """
    by_name = _ENDINGS.get(PurePath(name).suffix.lower())
    by_bytes = _by_magic(head)
    if by_bytes is not None:
        # NetCDF 4 and MATLAB 7.3 files are HDF5 inside; their endings say more.
        return by_name if by_name and by_bytes[1] == "application/x-hdf5" and by_name[0] == "data" else by_bytes
    if by_name is not None and by_name[1] not in _NEED_MAGIC:
        return by_name
    return (by_name is None and _guessed(name)) or (PLAIN if _is_text(head) else BINARY)


def _by_magic(head: bytes) -> tuple[str, str] | None:
    if b"%PDF-" in head[:_PDF_WITHIN_BYTES]:
        return ("paper", "application/pdf")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ("figure", "image/webp")
    return next((found for magic, found in _MAGIC.items() if head.startswith(magic)), None)


def _guessed(name: str) -> tuple[str, str] | None:
    """For endings of no table of ours: what Python knows of them."""
    media = mimetypes.guess_type(name)[0]
    if media is None:
        return None
    kind = {"image": "figure", "text": "text"}.get(media.partition("/")[0], "other")
    return kind, media


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters; the last character may be cut in two."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(char >= " " or char in "\t\n\r\f" for char in text)
