"""Every picture becomes RGB, or is refused in one sentence; nothing else ever comes out."""

from __future__ import annotations

import functools
import io
import logging
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from explainers.core.errors import VitrineError
from explainers.inputs import images
from explainers.inputs.images import PIXELS_LIMIT, read_image

AWKWARD = Path(__file__).parents[3] / "shared" / "fixtures" / "awkward"
needs_awkward = pytest.mark.skipif(not AWKWARD.is_dir(), reason=f"no awkward pictures at {AWKWARD}")

REFUSED = {
    "bmp_b_badbitcount.bmp", "bmp_b_badwidth.bmp", "bmp_b_reallybig.bmp", "broken.png",
    "decompression_bomb.gif", "negative_size.ppm", "oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif",
    "png_decompression_dos.png", "truncated_image.png", "truncated_jpeg.jpg", "ultrahdr.jpg",
    "unknown_compression_method.png", "zero_width.gif",
}  # fmt: skip


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def pixels(source: bytes) -> np.ndarray:
    return np.asarray(read_image(source))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"0"), b"IEND"]
    chunks = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))


@pytest.mark.parametrize("form", images.FORMATS)
def test_every_format_is_read_in_its_own_size(photo: Image.Image, form: str) -> None:
    read = read_image(encoded(photo, form))
    assert (read.mode, read.size, type(read)) == ("RGB", (30, 20), Image.Image)
    if form in ("PNG", "BMP", "TIFF", "PPM", "JPEG2000"):
        assert np.array_equal(np.asarray(read), np.asarray(photo))


def test_paths_bytes_and_open_files_give_the_same(photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo))
    with path.open("rb") as file:
        read = [read_image(source) for source in (path, str(path), path.read_bytes(), file)]
    assert all(np.array_equal(np.asarray(picture), np.asarray(photo)) for picture in read)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_exif_orientation_is_applied(orientation: int, form: str) -> None:
    upright = Image.new("RGB", (48, 32), "white")
    upright.paste("red", (0, 0, 16, 16))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose that stores an upright picture so
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_image(encoded(stored, form, exif=exif, **({"quality": 95} if form in ("JPEG", "WEBP", "AVIF") else {})))
    assert read.size == (48, 32)
    assert np.abs(np.asarray(read).astype(int) - np.asarray(upright)).mean() < 6


def test_metadata_is_left_behind(photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    assert read_image(encoded(photo, "JPEG", exif=exif, icc_profile=b"profile")).info == {}


def test_transparency_is_laid_on_white() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 0], rgba[0, :, 3] = 200, (0, 128, 255)
    assert pixels(encoded(Image.fromarray(rgba))).tolist() == [[[255] * 3, [227, 127, 127], [200, 0, 0]]]
    grey = Image.fromarray(np.array([[[10, 0], [10, 255]]], np.uint8), "LA")
    assert pixels(encoded(grey)).tolist() == [[[255] * 3, [10] * 3]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 255, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    assert pixels(encoded(palette, "GIF", transparency=1)).tolist() == [[[0, 0, 255], [255] * 3]]
    for mode, key in (("RGB", (1, 2, 3)), ("L", 7)):
        keyed = Image.new(mode, (1, 1), key)
        assert pixels(encoded(keyed, transparency=key)).tolist() == [[[255] * 3]]


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_full_range(form: str) -> None:
    deep = Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16))
    assert pixels(encoded(deep, form))[0, :, 0].tolist() == [0, 1, 128, 255]


def test_big_endian_16_bit_grey() -> None:
    deep = Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 65535, 257))
    assert pixels(encoded(deep, "TIFF"))[0, :, 0].tolist() == [255, 1]


def test_floats_and_integers_are_stretched_between_their_extremes() -> None:
    floats = Image.fromarray(np.array([[-2.0, 0.0, 2.0, np.nan, np.inf]], np.float32))
    assert pixels(encoded(floats, "TIFF"))[0, :, 0].tolist() == [0, 128, 255, 0, 0]
    integers = Image.fromarray(np.array([[-(2**31), 0, 2**31 - 1]], np.int32))
    assert pixels(encoded(integers, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    assert pixels(encoded(Image.fromarray(np.full((2, 2), 7.5, np.float32)), "TIFF")).max() == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"P1 2 1\n0 1", [255, 0]),
        (b"P4 2 1\n\x40", [255, 0]),
        (b"P2 3 1 1000\n0 500 1000", [0, 128, 255]),
        (b"P5 2 1 65535\n\xff\xff\x01\x01", [255, 1]),
        (b"P5 2 1 100\n\x00\x64", [0, 255]),
    ],
)
def test_the_largest_value_that_a_pgm_names_is_white(content: bytes, expected: list[int]) -> None:
    assert pixels(content)[0, :, 0].tolist() == expected


def test_one_bit_cmyk_and_lab() -> None:
    assert pixels(encoded(Image.new("1", (1, 1), 1))).tolist() == [[[255] * 3]]
    assert pixels(encoded(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF")).tolist() == [[[255, 0, 0]]]
    lab = pixels(encoded(Image.frombytes("LAB", (2, 1), bytes([255, 0, 0, 136, 81, 70])), "TIFF"))[0]
    assert lab[0].min() >= 250
    assert lab[1, 0] > 230  # L*a*b* (53, 81, 70) is about pure red
    assert lab[1, 1:].max() < 60


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        exact = {"lossless": True} if form == "WEBP" else {}
        content = encoded(frames[0], form, save_all=True, append_images=frames[1:], **exact)
        assert pixels(content)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"", "is empty"),
        (b"hello, world", "cannot be recognised as a picture"),
        (b"%PDF-1.7 and so on", "is PDF"),
        (b"PK\x03\x04 model", "a checkpoint"),
        (b"\0\0\0\x20ftypheic", "is HEIC"),
        (b"\0\0\0\x20ftypavif and then nothing", "damaged or cut short"),
        (b"\0\0\0\x0cjP  \r\n\x87\n and then nothing", "damaged or cut short"),
        (b"P6 100 100 255\nxxx", "damaged or cut short"),
        (b"P6 9999 9999 255\nxxx", r"too many pixels \(9999 x 9999\)"),
        (b"P3 1000 1000 255\n" + b"12 " * 3_000_000, "numbers are written as text, of which 4 MB are read"),
        (png_header(8000, 7000), r"too many pixels \(8000 x 7000\)"),
        (png_header(11000, 11000), r"too many pixels \(11000 x 11000\)"),  # Pillow only warns
        (png_header(60000, 60000), "too many pixels by far"),  # Pillow refuses by itself
        (png_header(0, 5), "Vitrine|recognised|damaged|at least one pixel"),
        (png_header(50, 50), "damaged or cut short"),
        ("nowhere/at/all.png", "There is no file 'nowhere/at/all.png'"),
        ("nul\0.png", "could not be opened"),
        ("x" * 5000, "could not be opened"),
        (".", "is a folder"),
        (7, "not from int"),
        (io.StringIO("text"), "gave str, not bytes"),
    ],
)
def test_refusals_say_what_came_and_what_to_do(source: object, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(VitrineError, match=words) as caught:
            read_image(source)  # type: ignore[arg-type]
    assert_one_sentence(caught.value)


def assert_one_sentence(error: VitrineError) -> None:
    message = str(error)
    assert message.endswith(".")
    assert "\n" not in message
    assert "0x" not in message  # no address of an object


def test_a_closed_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb+") as file:
        pass
    with pytest.raises(VitrineError, match="could not be read"):
        read_image(file)


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch, photo: Image.Image, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "BYTES_LIMIT", 1000)
    (tmp_path / "x.png").write_bytes(encoded(photo))
    for source in (encoded(photo), tmp_path / "x.png", io.BytesIO(encoded(photo))):
        with pytest.raises(VitrineError, match="larger than"):
            read_image(source)


def test_the_limit_itself_is_read(monkeypatch: pytest.MonkeyPatch, photo: Image.Image) -> None:
    monkeypatch.setattr(images, "PIXELS_LIMIT", 600)
    assert read_image(encoded(photo)).size == (30, 20)
    monkeypatch.setattr(images, "PIXELS_LIMIT", 599)
    with pytest.raises(VitrineError, match="too many pixels"):
        read_image(encoded(photo))
    assert PIXELS_LIMIT <= Image.MAX_IMAGE_PIXELS


def test_threads_leave_the_warning_filters_and_the_log_as_they_were(photo: Image.Image) -> None:
    assert not logging.getLogger("PIL").handlers, "importing explainers changes nothing"
    before, content = list(warnings.filters), encoded(photo)
    with ThreadPoolExecutor(8) as pool:
        assert {read.size for read in pool.map(read_image, [content] * 64)} == {(30, 20)}
    assert list(warnings.filters) == before
    assert not logging.getLogger("PIL").handlers


@needs_awkward
@pytest.mark.parametrize("name", sorted(p.name for p in AWKWARD.glob("*") if p.suffix != ".csv"))
def test_awkward_files(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name in REFUSED:
            with pytest.raises(VitrineError) as caught:
                read_image(AWKWARD / name)
            assert_one_sentence(caught.value)
            assert name in str(caught.value)
        else:
            assert read_image(AWKWARD / name).mode == "RGB"


@needs_awkward
def test_awkward_orientations_are_upright() -> None:
    portrait = np.asarray(read_image(AWKWARD / "hopper_orientation_3.jpg")).astype(int)
    for name in ("hopper_orientation_6.jpg", "hopper_orientation_6.webp", "hopper.Lab.tif"):
        assert np.abs(np.asarray(read_image(AWKWARD / name)).astype(int) - portrait).mean() < 10, name


@functools.cache
def samples_to_damage() -> list[bytes]:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    forms: list[tuple[str, Callable[[], Image.Image], dict[str, object]]] = [
        ("PNG", lambda: photo.convert("RGBA"), {"exif": exif}),
        ("PNG", lambda: photo.convert("P"), {"transparency": 3}),
        ("JPEG", lambda: photo, {"exif": exif}),
        ("JPEG", lambda: photo.convert("CMYK"), {}),
        ("GIF", lambda: photo.convert("P"), {"save_all": True, "append_images": [photo.rotate(90)]}),
        ("WEBP", lambda: photo, {"exif": exif}),
        ("TIFF", lambda: photo, {"exif": exif, "compression": "tiff_lzw"}),
        ("TIFF", lambda: photo.convert("F"), {}),
        ("BMP", lambda: photo, {}),
        ("PPM", lambda: photo, {}),
        ("AVIF", lambda: photo, {"exif": exif}),
        ("JPEG2000", lambda: photo, {}),
    ]
    return [encoded(make(), form, **options) for form, make, options in forms if form in images.FORMATS]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(samples_to_damage())))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(["change", "cut", "insert", "remove"])):
            case "change":
                content[place] = draw(st.integers(0, 255))
            case "cut":
                content = content[: place + 1]
            case "insert":
                content[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "remove":
                del content[place : min(place + 4, len(content) - 1)]
    return bytes(content)


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_damaged_pictures_are_read_or_refused(content: bytes) -> None:
    assert_read_or_refused(content)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"BM"]), st.binary(max_size=200)
)
def test_random_bytes_are_refused(start: bytes, rest: bytes) -> None:
    assert_read_or_refused(start + rest)


def assert_read_or_refused(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert read_image(content).mode == "RGB"
        except VitrineError as error:
            assert_one_sentence(error)
