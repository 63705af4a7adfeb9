"""Read pictures that anyone may have sent: every one becomes RGB, or is refused in one sentence."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin, UnidentifiedImageError, features

from explainers.core.errors import VitrineError

PIXELS_LIMIT: Final = 50_000_000
"""No picture with more pixels is decoded: 150 MB as RGB."""

BYTES_LIMIT: Final = 50_000_000
"""No larger file is read."""

READ_HERE: Final = tuple(
    (form, name)
    for form, name, feature in (("AVIF", "AVIF", "avif"), ("JPEG2000", "JPEG 2000", "jpg_2000"))
    if features.check(feature)
)
"""Formats that not every Pillow is built with, where this one is: what Pillow calls them, and what people do."""

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", *(form for form, _ in READ_HERE))
"""The only decoders that ever meet a stranger's bytes, though Pillow has dozens. PPM stands for PBM and PGM as well."""

EXPECTED: Final = ", ".join(["PNG", "JPEG", "WebP", "GIF", "TIFF", "BMP", *(name for _, name in READ_HERE)]) + " or PPM"

TEXT_LIMIT: Final = 4_000_000
"""Bytes of a PPM whose numbers are written out, which Pillow reads one by one: these take about two seconds."""

BITS_PER_SAMPLE: Final = 258  # a TIFF tag

# What people upload by mistake, by how it begins: (offset, bytes, name).
REFUSED_FORMATS: Final = (
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML or SVG"),
    (0, b"PK\3\4", "a ZIP archive or a checkpoint"),
)


def read_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """Read one picture, upright and in RGB, in its own size.

    - The rotation that EXIF or XMP asks for is applied; all other metadata (place, camera, colour profile) is
      left behind. Colours are not converted by profile, as the networks' training pictures were not either.
    - Of an animation or a stack the first frame is read.
    - Transparent pixels are laid on white.
    - 16-bit grey is scaled by its full range (65535, or 4095 for a 12-bit TIFF), so that pictures of one camera
      stay comparable; PGM's largest value is white. 32-bit integers and floats have no known range: their finite values are stretched from
      black at the smallest to white at the largest; NaN and infinite pixels are black.
    - L*a*b* and CMYK are converted to sRGB.

    Args:
        source: a path, the bytes of a file, or a file open for reading in binary.

    Raises:
        VitrineError: it is not one of FORMATS, is damaged, empty, or beyond PIXELS_LIMIT or BYTES_LIMIT.

    Example:
        >>> import io
        >>> import explainers as ex
        >>> file = io.BytesIO()
        >>> ex.sample("photo:chelsea").load().save(file, "PNG")
        >>> image = ex.read_image(file.getvalue())
        >>> image.size, image.mode
        ((451, 300), 'RGB')
    """
    name, content = _read_content(source)
    if len(content) == 0:
        raise VitrineError(f"{name} is empty; expected a picture ({EXPECTED}): choose another file.")
    if len(content) > BYTES_LIMIT:
        raise VitrineError(
            f"{name} is larger than the {BYTES_LIMIT // 1_000_000} MB that are read; save it smaller or compressed."
        )
    if len(content) > TEXT_LIMIT and content[:2] in (b"P1", b"P2", b"P3"):
        raise VitrineError(
            f"{name} is a PPM whose numbers are written as text, of which {TEXT_LIMIT // 1_000_000} MB are read; save it in binary."
        )
    try:
        return _decode(content, name)
    except VitrineError:
        raise
    except Image.DecompressionBombError as error:
        raise VitrineError(_too_many_pixels(name, "by far")) from error
    except UnidentifiedImageError as error:
        raise VitrineError(_not_a_picture(name, content)) from error
    except Exception as error:  # damaged bytes make decoders raise anything, struct.error and MemoryError included
        detail = f" ({' '.join(str(error).split())[:120]})" if isinstance(error, OSError) else ""
        raise VitrineError(_damaged(name, detail)) from error


def _read_content(source: str | Path | bytes | BinaryIO) -> tuple[str, bytes]:
    """What to call the source in a message, and its bytes: at most one more than BYTES_LIMIT of them."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "The picture", bytes(source)
    if isinstance(source, str | Path):
        return _read_file(Path(source))
    if not hasattr(source, "read"):
        raise VitrineError(
            f"A picture is read from a path, bytes or a file open in binary, not from {type(source).__name__}."
        )
    try:
        content = source.read(BYTES_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise VitrineError(
            f"The file with the picture could not be read ({error}); open it in binary and try again."
        ) from error
    if not isinstance(content, bytes):
        raise VitrineError(
            f'The file with the picture gave {type(content).__name__}, not bytes; open it with open(path, "rb").'
        )
    return "The picture", content


def _read_file(path: Path) -> tuple[str, bytes]:
    try:
        if path.is_dir():
            raise VitrineError(f"{path.name!r} is a folder; expected one picture: give the path of a file in it.")
        with path.open("rb") as file:
            return repr(path.name), file.read(BYTES_LIMIT + 1)
    except FileNotFoundError as error:
        raise VitrineError(f"There is no file {str(path)!r}; check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise VitrineError(f"The file {str(path)!r} could not be opened ({reason}); check the path.") from error


def _decode(content: bytes, name: str) -> Image.Image:
    with _without_warnings():
        image = Image.open(BytesIO(content), formats=FORMATS)
    _check_size(image, name)
    if image.format == "TIFF":  # the only decoder that still warns while it decodes
        with _without_warnings():
            image.load()
    else:
        image.load()
    # Pillow stretches a PGM's values to 16 bits and keeps them in 32, whose range nobody would know.
    stored = image.convert("I;16") if image.format == "PPM" and image.mode == "I" else image
    picture = _to_rgb(_upright(stored), _sixteen_bit_white(image))
    picture.info.clear()
    return picture


def _check_size(image: Image.Image, name: str) -> None:
    """Refuse before anything is decoded: only the header has been read."""
    width, height = image.size
    if width < 1 or height < 1:
        raise VitrineError(f"{name} is {width} x {height} pixels; expected at least one pixel: choose another file.")
    if width * height > PIXELS_LIMIT:
        raise VitrineError(_too_many_pixels(name, f"({width} x {height})"))


def _too_many_pixels(name: str, size: str) -> str:
    limit = PIXELS_LIMIT // 1_000_000
    return f"{name} has too many pixels {size}; expected at most {limit} million: scale it down first."


def _damaged(name: str, detail: str = "") -> str:
    return f"{name} is damaged or cut short{detail}; expected an intact picture: save or download it again."


def _not_a_picture(name: str, content: bytes) -> str:
    for offset, start, kind in REFUSED_FORMATS:
        if content[offset : offset + len(start)] == start:
            if kind in (readable for _, readable in READ_HERE):
                return _damaged(name)
            return f"{name} is {kind}, which is not read; expected {EXPECTED}: convert it to one of these."
    return f"{name} cannot be recognised as a picture; expected {EXPECTED}, whole: convert it or save it again."


def _upright(image: Image.Image) -> Image.Image:
    try:
        with _without_warnings():
            image.getexif()
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged metadata, and any exception can come of it; the pixels are good
        return image


def _sixteen_bit_white(image: Image.Image) -> int:
    """The value of white in a 16-bit picture: TIFF may say that fewer bits are in use."""
    bits = image.tag_v2.get(BITS_PER_SAMPLE, (16,)) if isinstance(image, TiffImagePlugin.TiffImageFile) else (16,)
    return int(2 ** min(bits[0], 16)) - 1


def _to_rgb(image: Image.Image, white: int) -> Image.Image:
    if image.mode.startswith("I;16"):
        values: npt.NDArray[np.float32] = np.asarray(image).astype(np.float32)
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            values[values == transparent] = white
        return _grey(values / np.float32(white))
    if image.mode in ("I", "F"):
        return _grey(_stretched(np.asarray(image)))
    if image.mode == "LAB":
        to_srgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        converted = ImageCms.applyTransform(image, to_srgb)
        return converted if converted is not None else image.convert("RGB")
    if image.has_transparency_data:
        white_sheet = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white_sheet, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _stretched(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """(H, W) of any numbers to 0..1, the smallest finite value to 0 and the largest to 1."""
    exact = values.astype(np.float64)
    finite = np.isfinite(exact)
    if not finite.any():
        return np.zeros(exact.shape, np.float32)
    low, high = float(exact[finite].min()), float(exact[finite].max())
    share = (np.where(finite, exact, low) - low) / ((high - low) or 1.0)
    return share.astype(np.float32)


def _grey(share: npt.NDArray[np.float32]) -> Image.Image:
    """(H, W) in 0..1 to a grey RGB picture."""
    return Image.fromarray(np.rint(share.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")


_warnings_lock = threading.Lock()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hold back Pillow's warnings, and what it logs of odd TIFFs, which Python prints where nobody has set up logging.

    catch_warnings swaps one list of the whole process, so threads take turns; only what is quick is done inside,
    and decoding, which is not, runs in parallel.
    """
    logger, silence = logging.getLogger("PIL"), logging.NullHandler()
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.addHandler(silence)
        try:
            yield
        finally:
            logger.removeHandler(silence)
