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

from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from pages.common.app import session
from pages.common.app.caches import model_cache, result_cache, upload_store
from pages.common.app.upload_store import KEY

CHECKPOINTS = ["safetensors", "pt", "pth", "ckpt", "th", "bin"]
PICTURES = ["png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp", "avif", "jp2", "j2k", "ppm", "pgm", "pbm"]
LARGEST = BYTES_LIMIT // 1_000_000  # MB of a picture
GONE = "This file is no longer kept on the server; upload it once more."
BETWEEN = " · "
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
        written = WRITTEN.fullmatch(text)
        if written is None:
            return None
        suffix = Path(written["name"]).suffix.lower()
        return cls(f"{KEY}{written['hash']}{suffix}", written["name"], written["spec"] or "")

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

        image: Image.Image = result_cache().get(("upload", self.key), read)
        return image

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


def keep_upload(widget: str, choice: str, spec: str = "") -> None:
    """Callback of an uploader: keep the file, then choose it; a picture that cannot be read is refused at once.

    Args:
        widget: the key of the uploader.
        choice: the key of the box that then shows the upload.
        spec: the architecture that the file is a checkpoint of, "" for a picture.
    """
    forget_refusal()
    file = session.widget_value(widget)
    if file is None:
        return
    content = file.getvalue()
    if choice == "input":
        try:
            ex.read_image(content)
        except ex.VitrineError as error:
            session.REFUSED.set(f"{file.name}: {error}")
            return
    upload = Upload.of(file.name, content, spec)
    session.file_name_of(upload.key, upload.name).set(file.name)
    session.UPLOADS.set(tuple(dict.fromkeys([*session.UPLOADS.get(), str(upload)])))
    session.set_widget(choice, str(upload))


def forget_refusal() -> None:
    """What was said of a bad upload ends with the next choice."""
    session.REFUSED.set("")


def offered(widget: str, specs: Collection[str]) -> list[str]:
    """Uploads that a widget can offer: those of this session, and those that the address or the session holds already.

    Args:
        widget: its key, which is also its name in the address.
        specs: architectures; {""} for pictures.
    """
    texts = [*session.UPLOADS.get(), *session.held_or_linked(widget)]
    known = [upload for upload in map(Upload.read, texts) if upload is not None]
    # One that only its key names has no name to be shown by.
    whole = (u for u in known if u.spec in specs and u.path is not None and Upload.read(str(u)) == u)
    return list(dict.fromkeys(map(str, whole)))


def gone(widget: str, spec: str = "") -> list[str]:
    """What a select box holds if the server no longer keeps it. It stays chosen, lest something else be shown in its place.

    Args:
        spec: as of an upload.
    """
    texts = session.held_or_linked(widget)[:1]
    uploads = [Upload.read(text) for text in texts]
    return [text for text, u in zip(texts, uploads, strict=True) if u and u.spec in (spec, "") and u.path is None]


def shortened(values: Sequence[str]) -> list[str]:
    """The values without the hashes of uploads, where they can be told apart without."""
    short = [text.rpartition(BETWEEN)[0] if Upload.read(text) else text for text in values]
    count = Counter(short)
    return [brief if count[brief] == 1 else text for brief, text in zip(short, values, strict=True)]
