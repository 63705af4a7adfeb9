"""Files that a visitor uploaded, as values to choose among: readable, and whole in an address.

A widget that is bound to the address writes there what it shows. So what it shows of an upload is its name with the hash of its
content: enough for whoever follows the link, as long as the server keeps the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.common.shelves import uploads

BETWEEN = " · "
WRITTEN = re.compile(r"(?:(?P<spec>\w+:\w+) · )?(?P<name>[\w.\- ]+) · (?P<hash>[0-9a-f]{12})")
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
        hashed = self.key.removeprefix("upload:").split(".")[0]
        return BETWEEN.join([*([self.spec] if self.spec else []), self.name, hashed])

    @classmethod
    def read(cls, text: str) -> Upload | None:
        """The upload that a text names, if it names one."""
        found = WRITTEN.fullmatch(text)
        if found is None:
            return None
        suffix = Path(found["name"]).suffix.lower()
        return cls(f"upload:{found['hash']}{suffix}", found["name"], found["spec"] or "")

    @property
    def path(self) -> Path | None:
        """Where the file is, or None if the server no longer keeps it."""
        return uploads().path(self.key)

    @property
    def file_name(self) -> str:
        """The name as the visitor's computer has it, where it was this visitor who uploaded the file."""
        return str(st.session_state.get(f"_name_of_{self.key}", self.name))


def remember(key: str, file_name: str, spec: str = "") -> None:
    """Note an upload of this session.

    Args:
        spec: the architecture that it is a checkpoint of, "" for a picture.
    """
    st.session_state[f"_name_of_{key}"] = file_name
    path = Path(file_name)
    name = re.sub(r"[^\w.\- ]", "_", path.stem)[:LONGEST] + path.suffix
    seen = st.session_state.get("_uploads", [])
    st.session_state["_uploads"] = list(dict.fromkeys([*seen, Upload(key, name, spec)]))


def offered(widget: str, specs: Collection[str]) -> list[str]:
    """Uploads that a widget can offer: those of this session, and those that the address or the session holds already.

    Args:
        widget: its key, which is also its name in the address.
        specs: architectures; {""} for pictures.
    """
    held = [*st.session_state.get(widget, []), *st.query_params.get_all(widget)]
    known = [*st.session_state.get("_uploads", []), *(one for one in map(Upload.read, held) if one is not None)]
    whole = (one for one in known if one.spec in specs and one.path is not None and Upload.read(str(one)) == one)
    return list(dict.fromkeys(map(str, whole)))


def shortened(values: Sequence[str]) -> list[str]:
    """The values without the hashes of uploads, where they can be told apart without."""
    short = [text.rpartition(BETWEEN)[0] if Upload.read(text) else text for text in values]
    count = Counter(short)
    return [brief if count[brief] == 1 else text for brief, text in zip(short, values, strict=True)]
