"""Files that a visitor uploaded, as values to choose among by their names.

A widget that is bound to the address writes there what it shows, which is a name. The hash of the content, by which others find the
file as long as the server keeps it, stands in a field of the address that nobody sees (see hidden_fields.py)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from explainers.models import MisfitError
from pages.common.app import session
from pages.common.app.address import quoted
from pages.common.app.caches import model_cache, result_cache, upload_store
from pages.common.app.upload_store import KEY

LABELS = ["txt", "json", "csv"]
CHECKPOINTS = ["safetensors", "pt", "pth", "ckpt", "th", "bin"]
PICTURES = ["png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp", "avif", "jp2", "j2k", "ppm", "pgm", "pbm"]
LARGEST = BYTES_LIMIT // 1_000_000  # MB of a picture
BETWEEN = " · "
LETTER = r"[\w.\-+=,&@() ]"  # of a name; all others could be markup
NAMED = re.compile(rf"(?:(?P<spec>\w+:[\w\-]+) · )?(?P<name>{LETTER}+)")
WRITTEN = re.compile(rf"{NAMED.pattern} · (?P<hash>[0-9a-f]{{12}})")
LONGEST = 40  # letters of a name


class LostUploadError(ex.VitrineError):
    """An address names a file that the server no longer keeps.

    Attributes:
        name: of the file, as far as the address tells it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} is no longer kept on the server: uploads go when it restarts, and the oldest when room runs out. "
            "Upload it once more."
        )


@dataclass(frozen=True)
class Upload:
    """One file on the server.

    Attributes:
        key: of the file among the server's.
        name: of the file, without what a page would take for markup.
        spec: the architecture whose weights or labels it holds, "" for a picture.
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
        path = Path(re.sub(rf"(?!{LETTER}).", "_", file_name, flags=re.DOTALL))
        name = path.stem[:LONGEST].strip() + path.suffix
        return cls(upload_store().put(name, content), name, spec)

    @classmethod
    def written(cls, text: str) -> Upload | None:
        """The upload that a text names by its name and the hash of its content, if it is such a text."""
        match = WRITTEN.fullmatch(text)
        if match is None:
            return None
        return cls(f"{KEY}{match['hash']}{Path(match['name']).suffix.lower()}", match["name"], match["spec"] or "")

    @classmethod
    def read(cls, text: str) -> Upload | None:
        """The upload that a text names, if it names one: by its name where this session knows it, or, as links of old do, by its
        name and hash or by its key."""
        if text.startswith(KEY):
            return cls(text, f"upload{Path(text).suffix}")
        if (upload := cls.written(text)) is not None:
            return upload
        match = NAMED.fullmatch(text)
        return next((upload for upload in known_uploads() if match and upload.name == match["name"]), None)

    @property
    def kind(self) -> str:
        """One of "labels", "weights" and "picture"."""
        if not self.spec:
            return "picture"
        return "labels" if Path(self.name).suffix.lower()[1:] in LABELS else "weights"

    @property
    def path(self) -> Path | None:
        """Where the file is, or None if the server no longer keeps it."""
        return upload_store().path(self.key)

    @property
    def file_name(self) -> str:
        """The name as the visitor's computer has it, where it was this visitor who uploaded the file."""
        return session.file_name_of(self.key, self.name).get()

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
            raise LostUploadError(self.name)
        try:
            yield path
        except ex.VitrineError as error:
            error.args = (str(error).replace(path.name, self.name),)
            raise

    def labels(self, model: ex.Model) -> tuple[str, ...]:
        """The names in the file, one for each of the model's outputs."""

        def read() -> tuple[str, ...] | None:
            with self.opened() as path:
                return ex.relabelled(model, path).labels

        names: tuple[str, ...] = result_cache().get(("labels", self.key, model.fingerprint), read)
        return names

    def picture(self) -> Image.Image:
        """The picture in the file, read once."""

        def read() -> Image.Image:
            with self.opened() as path:
                return ex.read_image(path)

        image: Image.Image = result_cache().get(("upload", self.key), read)
        return image

    def model(self, progress: Callable[[int, int | None], None] | None = None) -> ex.Model:
        """The architecture with the weights of the file. One that does not fit is read once, not in every run of a page."""
        refused = ("refused", self.spec, self.key)

        def read() -> ex.Model:
            with self.opened() as path:
                if (known := result_cache().find(refused)) is not None:
                    raise copy(known)
                try:
                    return ex.load_model(self.spec, weights=path, progress=progress)
                except ex.VitrineError as error:
                    known = copy(error)  # without the traceback, which would keep the network
                    result_cache().get(refused, lambda: known)
                    raise

        return model_cache().get((self.spec, self.key), read)


def keep_upload(widget: str, choice: str, spec: str = "", check: Callable[[Upload], object] | None = None) -> None:
    """Callback of an uploader: keep the file, then choose it; one that does not pass the check is refused at once.

    Args:
        widget: the key of the uploader.
        choice: the key of the field that then holds the upload.
        spec: the architecture that the file belongs to, "" for a picture.
        check: raises a VitrineError for a file that is of no use.
    """
    forget_refusal()
    file = session.widget_value(widget)
    if file is None:
        return
    upload = Upload.of(file.name, file.getvalue(), spec)
    try:
        if check is not None:
            check(upload)
    except ex.VitrineError as error:
        session.REFUSED.set(str(error))
        session.FITTING.set(fitting(error, upload))
        return
    upload = register(str(upload)) or upload
    session.file_name_of(upload.key, upload.name).set(file.name)
    session.set_widget(choice, upload.name)
    session.TAKEN.set(True)


def fitting(error: ex.VitrineError, upload: Upload | None) -> str:
    """Weights that do not fit their architecture, written out whole as those of the one that they look like; "" if that is unknown."""
    known = upload is not None and isinstance(error, MisfitError) and error.looks_like
    return str(replace(upload, spec=error.looks_like)) if known else ""


def known_uploads() -> list[Upload]:
    """The uploads that the visitor made or followed a link to; no two have the same name."""
    return [upload for upload in map(Upload.written, session.UPLOADS.get()) if upload is not None]


def register(text: str) -> Upload | None:
    """Let an upload that is written out whole be found by its name from now on; another of that name gets a number."""
    upload, known = Upload.written(text), known_uploads()
    if upload is None:
        return None
    for other in known:
        if (other.key, other.spec) == (upload.key, upload.spec):
            return other
    names, path, count = {other.name for other in known}, Path(upload.name), 2
    while upload.name in names:
        upload, count = replace(upload, name=f"{path.stem} ({count}){path.suffix}"), count + 1
    session.UPLOADS.set((*session.UPLOADS.get(), str(upload)))
    return upload


def named(texts: Collection[str]) -> list[str]:
    """The uploads, written out whole, that some of the texts name."""
    names = {match["name"] for match in map(NAMED.fullmatch, texts) if match}
    return [str(upload) for upload in known_uploads() if upload.name in names]


def forget_refusal() -> None:
    """What was said of a bad upload ends with the next choice."""
    session.REFUSED.set("")
    session.FITTING.set("")


def offered(widget: str, specs: Collection[str]) -> list[str]:
    """Uploads that a widget can offer: those that this session knows, and those that the address or the session holds already.

    Args:
        widget: its key, which is also its name in the address.
        specs: architectures; {""} for pictures.
    """
    fitting = [u for u in known_uploads() if u.spec in specs and u.kind != "labels" and u.path is not None]
    names = [f"{u.spec}{BETWEEN}{u.name}" if len(specs) > 1 else u.name for u in fitting]
    linked = [
        text for text in session.held_or_linked(widget) if (u := Upload.written(text)) and u.spec in specs and u.path
    ]
    return list(dict.fromkeys([*names, *linked]))


def gone(widget: str, spec: str = "") -> list[str]:
    """What a select box holds if the server no longer keeps it. It stays chosen, lest something else be shown in its place.

    Args:
        spec: as of an upload.
    """
    texts = session.held_or_linked(widget)[:1]
    uploads = [Upload.read(text) for text in texts]
    return [text for text, u in zip(texts, uploads, strict=True) if u and u.spec in (spec, "") and u.path is None]


def lost(text: str) -> str | None:
    """Says of a value that an address asks for that it is an upload which the server no longer keeps, if it is one."""
    upload = Upload.read(text)
    return (
        f"{quoted(upload.name)}, an upload that the server no longer keeps" if upload and upload.path is None else None
    )


def shortened(values: Sequence[str]) -> list[str]:
    """The values without the hashes that links of old have, where they can be told apart without."""
    short = [text.rpartition(BETWEEN)[0] if Upload.written(text) else text for text in values]
    count = Counter(short)
    return [brief if count[brief] == 1 else text for brief, text in zip(short, values, strict=True)]
