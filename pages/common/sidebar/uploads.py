"""Files that a visitor uploaded, as values to choose among: readable, and whole in an address.

A widget that is bound to the address writes there what it shows. So what it shows of an upload is its name with the hash of its
content: enough for whoever follows the link, as long as the server keeps the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image

import explainers as ex
from pages.common.app.caches import model_cache, result_cache, upload_store

GONE = "This file is no longer kept on the server; upload it once more."


BETWEEN = " · "


KEY = "upload:"


WRITTEN = re.compile(r"(?:(?P<spec>\w+:[\w\-]+) · )?(?P<name>[\w.\- ]+) · (?P<hash>[0-9a-f]{12})")


LONGEST = 40  # letters of a name


@dataclass(frozen=True)
class Upload:
    """One file on the server.

    Attributes:
        key: of the file among the server's.
        name: of the file, without what a page would take for markup.
        spec: the architecture that it is a checkpoint of, "" for a picture.
    """

    key: str
    name: str
    spec: str = ""

    def __str__(self) -> str:
        hashed = self.key.removeprefix(KEY).split(".")[0]
        return BETWEEN.join([*([self.spec] if self.spec else []), self.name, hashed])

    @classmethod
    def of(cls, file_name: str, content: bytes, spec: str = "") -> Upload:
        """Keep a file on the server."""
        path = Path(file_name)
        name = re.sub(r"[^\w.\- ]", "_", path.stem)[:LONGEST] + path.suffix
        return cls(upload_store().put(file_name, content), name, spec)

    @classmethod
    def read(cls, text: str) -> Upload | None:
        """The upload that a text names, by its name and hash or by its key, if it names one."""
        if text.startswith(KEY):
            return cls(text, text)
        found = WRITTEN.fullmatch(text)
        if found is None:
            return None
        suffix = Path(found["name"]).suffix.lower()
        return cls(f"{KEY}{found['hash']}{suffix}", found["name"], found["spec"] or "")

    @property
    def path(self) -> Path | None:
        """Where the file is, or None if the server no longer keeps it."""
        return upload_store().path(self.key)

    @property
    def file_name(self) -> str:
        """The name as the visitor's computer has it, where it was this visitor who uploaded the file."""
        return str(st.session_state.get(f"_name_of_{self.key}", self.name))

    @property
    def code(self) -> str:
        """The Python call that reads it."""
        if self.spec:
            return f'ex.load_model("{self.spec}", weights={self.file_name!r})'
        return f"ex.read_image({self.file_name!r})"

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """Where the file is, to be read; what is then wrong with it is said of its own name, not of the server's for it.

        Raises:
            VitrineError: the server no longer keeps it.
        """
        path = self.path
        if path is None:
            raise ex.VitrineError(GONE)
        try:
            yield path
        except ex.VitrineError as error:
            raise ex.VitrineError(str(error).replace(path.name, self.name)) from error

    def picture(self) -> Image.Image:
        """The picture in the file, read once."""

        def read() -> Image.Image:
            with self.opened() as path:
                return ex.read_image(path)

        found: Image.Image = result_cache().get(("upload", self.key), read)
        return found

    def model(self, progress: Callable[[int, int | None], None] | None = None) -> ex.Model:
        """The architecture with the weights of the file. One that does not fit is read once, not in every run of a page."""
        refused = ("refused", self.spec, self.key)

        def read() -> ex.Model:
            with self.opened() as path:
                if (words := result_cache().find(refused)) is not None:
                    raise ex.VitrineError(words)
                try:
                    return ex.load_model(self.spec, weights=path, progress=progress)
                except ex.VitrineError as error:
                    words = str(error)
                    result_cache().get(refused, lambda: words)
                    raise

        return model_cache().get((self.spec, self.key), read)


def remember(upload: Upload, file_name: str) -> None:
    """Note an upload of this session.

    Args:
        file_name: as the visitor's computer has it.
    """
    st.session_state[f"_name_of_{upload.key}"] = file_name
    seen = st.session_state.get("_uploads", [])
    st.session_state["_uploads"] = list(dict.fromkeys([*seen, upload]))


def offered(widget: str, specs: Collection[str]) -> list[str]:
    """Uploads that a widget can offer: those of this session, and those that the address or the session holds already.

    Args:
        widget: its key, which is also its name in the address.
        specs: architectures; {""} for pictures.
    """
    held = [*_several(st.session_state.get(widget)), *st.query_params.get_all(widget)]
    known = [*st.session_state.get("_uploads", []), *(one for one in map(Upload.read, held) if one is not None)]
    whole = (one for one in known if one.spec in specs and one.path is not None and Upload.read(str(one)) == one)
    return list(dict.fromkeys(map(str, whole)))


def gone(widget: str, spec: str = "") -> list[str]:
    """What a select box holds if the server no longer keeps it. It stays chosen, lest something else be shown in its place.

    Args:
        spec: as of an upload.
    """
    held = [*_several(st.session_state.get(widget)), *st.query_params.get_all(widget)][:1]
    found = [Upload.read(text) for text in held]
    return [text for text, one in zip(held, found, strict=True) if one and one.spec in (spec, "") and one.path is None]


def _several(held: str | list[str] | None) -> list[str]:
    return [held] if isinstance(held, str) else held or []


def shortened(values: Sequence[str]) -> list[str]:
    """The values without the hashes of uploads, where they can be told apart without."""
    short = [text.rpartition(BETWEEN)[0] if Upload.read(text) else text for text in values]
    count = Counter(short)
    return [brief if count[brief] == 1 else text for brief, text in zip(short, values, strict=True)]
