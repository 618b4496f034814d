"""Files of many formats, healthy and damaged, against pixels written by hand."""

import contextlib
import io
import os
import warnings

import numpy as np
import pytest

from skmultigran.images import _files
from skmultigran.images._decoding import ImageFacts, UnreadableImageError
from skmultigran.images._files import probe_file, read_file

Image = pytest.importorskip("PIL.Image")

GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (6, 9), dtype=np.uint8)
RGB = GENERATOR.integers(0, 256, (6, 9, 3), dtype=np.uint8)
DEEP = GENERATOR.integers(0, 2**16, (6, 9), dtype=np.uint16)
FIVE = GENERATOR.integers(0, 256, (6, 9, 5), dtype=np.uint8)
FLOATS = GENERATOR.normal(size=(6, 9, 3)).astype(np.float32)
# Blocks of one colour, which JPEG keeps nearly as they are.
BLOCKS = np.repeat(np.repeat([[[200, 30, 30], [20, 60, 190]]], 8, 0), 8, 1)
BLOCKS = BLOCKS.astype(np.uint8)


def encoded(pixels, kind, mode=None, **options):
    made = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    (made.convert(mode) if mode else made).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(pixels, **options):
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="minisblack", **options)
    return buffer.getvalue()


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def transparent(colours):
    """Return colours, of which the first line is fully transparent, as RGBA."""
    alpha = np.full((*colours.shape[:2], 1), 255, dtype=np.uint8)
    alpha[0] = 0
    return np.concatenate([colours, alpha], axis=2)


def on_white(colours):
    laid = colours.copy()
    laid[0] = 255
    return laid


PALETTE = Image.fromarray(GREY % 4)
PALETTE.putpalette([1, 2, 3, 50, 60, 70, 200, 0, 0, 0, 0, 255])
PALETTED = np.array([(1, 2, 3), (50, 60, 70), (200, 0, 0), (0, 0, 255)], np.uint8)
PALETTED = PALETTED[GREY % 4]

# The content of a file, and the pixels it must give, exactly.
EXACT = {
    "grey PNG": (encoded(GREY, "PNG"), GREY),
    "RGB PNG": (encoded(RGB, "PNG"), RGB),
    "RGBA PNG": (encoded(transparent(RGB), "PNG"), on_white(RGB)),
    "palette PNG": (encoded(PALETTE, "PNG"), PALETTED),
    "16-bit PNG": (encoded(DEEP, "PNG"), DEEP),
    "1-bit PNG": (encoded(GREY > 99, "PNG"), np.uint8(255) * (GREY > 99)),
    "colour GIF": (encoded(PALETTE, "GIF"), PALETTED),
    # Pillow writes a palette, and palettes are colour.
    "grey GIF": (encoded(GREY, "GIF"), GREY[:, :, None].repeat(3, axis=2)),
    "BMP": (encoded(RGB, "BMP"), RGB),
    "grey BMP": (encoded(GREY, "BMP"), GREY),
    "WebP": (encoded(RGB, "WEBP", lossless=True), RGB),
    "PPM": (encoded(RGB, "PPM"), RGB),
    "TIFF": (encoded(RGB, "TIFF"), RGB),
    "grey TIFF": (encoded(GREY, "TIFF"), GREY),
    "compressed TIFF": (encoded(RGB, "TIFF", compression="tiff_lzw"), RGB),
    "16-bit TIFF": (encoded(DEEP, "TIFF"), DEEP),
    "big-endian TIFF": (tiff(DEEP.astype(">u2"), byteorder=">"), DEEP),
    "float TIFF": (encoded(FLOATS[:, :, 0], "TIFF"), FLOATS[:, :, 0]),
    "TIFF of three floats": (tiff(FLOATS, planarconfig="contig"), FLOATS),
    "TIFF of five channels, last": (tiff(FIVE, planarconfig="contig"), FIVE),
    "TIFF of five channels, first": (
        tiff(np.moveaxis(FIVE, -1, 0).copy(), planarconfig="separate"),
        FIVE,
    ),
    "float64 TIFF": (
        tiff(FLOATS[:, :, 0].astype(float)),
        FLOATS[:, :, 0].astype(float),
    ),
    "TIFF of pages, the first": (
        encoded(RGB, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
        RGB,
    ),
    "moving GIF, the first": (
        encoded(PALETTE, "GIF", save_all=True, append_images=[Image.fromarray(GREY)]),
        PALETTED,
    ),
}


@pytest.mark.parametrize(("content", "pixels"), EXACT.values(), ids=EXACT)
def test_files_without_loss_give_their_pixels(file, content, pixels):
    path = file(content)
    expected = pixels.reshape(*pixels.shape[:2], -1)
    np.testing.assert_array_equal(read_file(path), expected, strict=True)
    assert probe_file(path) == ImageFacts.of(expected)
    assert read_file(path).flags.writeable


LOSSY = {
    "RGB JPEG": (encoded(BLOCKS, "JPEG", quality=95, subsampling=0), BLOCKS),
    "grey JPEG": (encoded(BLOCKS[:, :, 0], "JPEG", quality=95), BLOCKS[:, :, :1]),
    "CMYK JPEG": (encoded(BLOCKS, "JPEG", mode="CMYK", quality=95), BLOCKS),
    "WebP": (encoded(BLOCKS, "WEBP", quality=95), BLOCKS),
}


@pytest.mark.parametrize(("content", "pixels"), LOSSY.values(), ids=LOSSY)
def test_files_with_loss_give_nearly_their_pixels(file, content, pixels):
    found = read_file(file(content))
    assert found.shape == pixels.shape
    # The borders between blocks are blurred.
    inner = (slice(None), [1, 2, 3, 12, 13, 14])
    difference = found.astype(int)[inner] - pixels[inner]
    assert np.abs(difference).max() <= 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_files_are_turned_as_their_exif_data_say(file, kind, orientation):
    upright = BLOCKS[:, :, :1].repeat(3, axis=2).copy()
    upright[:4] //= 2
    # How a camera held that way stores it, written for each by hand.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: upright.swapaxes(0, 1)[::-1],
        7: upright.swapaxes(0, 1)[::-1, ::-1],
        8: upright.swapaxes(0, 1)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    path = file(encoded(np.ascontiguousarray(stored), kind, exif=exif, **options))
    assert probe_file(path)[:3] == upright.shape
    difference = read_file(path).astype(int) - upright
    assert np.abs(difference).mean() <= (6 if kind == "JPEG" else 0)


@pytest.mark.parametrize("name", ["IMAGE.PNG", "image.jpg", "image", "bild äöü.png"])
def test_names_do_not_matter(file, name):
    path = file(encoded(RGB, "PNG"), name)
    np.testing.assert_array_equal(read_file(path), RGB)


def damaged_png():
    """Return a PNG whose pixels are wrong while its header and its end are whole."""
    content = bytearray(encoded(RGB, "PNG"))
    content[content.index(b"IDAT") + 40] ^= 0xFF
    return bytes(content)


NOISE = GENERATOR.integers(0, 256, (40, 40, 3), dtype=np.uint8)
NOISE_GIF = encoded(Image.fromarray(NOISE).convert("P"), "GIF")

# What is found by looking at the header and the end.
BAD = {
    "empty": (b"", "^the file is empty$"),
    "text": (b"no image at all", "^it is no image of a format that Pillow knows"),
    "JPEG cut off": (encoded(NOISE, "JPEG")[:-500], "cannot decode it.*truncated"),
    "PNG cut off": (encoded(NOISE, "PNG")[:-500], "cannot decode it.*truncated"),
    "PNG cut off in its header": (encoded(NOISE, "PNG")[:20], "its header is damaged"),
    "GIF cut off": (NOISE_GIF[: len(NOISE_GIF) // 2], "cannot decode it.*truncated"),
    "TIFF cut off": (
        encoded(NOISE, "TIFF", compression="tiff_lzw")[:50],
        "no image|damaged|decode",
    ),
    "TIFF of five channels cut off": (
        tiff(FIVE, planarconfig="contig")[:-100],
        "tifffile cannot decode it",
    ),
    "TIFF of five channels, compressed, damaged": (
        tiff(FIVE, compression="zlib", planarconfig="contig")[:-20],
        "tifffile cannot decode it",
    ),
    "TIFF of a volume": (
        tiff(np.zeros((2, 3, 6, 9, 5), np.uint8), planarconfig="contig"),
        "it is a TIFF of axes .* not one image",
    ),
    "TIFF of complex numbers": (
        tiff(FLOATS[:, :, 0].astype(np.complex64)),
        "complex64, not one image of real numbers",
    ),
}


@pytest.mark.parametrize(("content", "match"), BAD.values(), ids=BAD)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_bad_files_are_found_without_decoding_healthy_ones(file, content, match):
    path = file(content)
    for function in (probe_file, read_file):
        with pytest.raises(UnreadableImageError, match=match):
            function(path)


# Nothing but decoding finds these.
HIDDEN = {
    "PNG of wrong pixels": damaged_png(),
    "BMP cut off": encoded(NOISE, "BMP")[:-500],
    "WebP cut off": encoded(NOISE, "WEBP")[:-500],
}


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_hidden_damage_is_found_in_decoding(file, content):
    with pytest.raises(UnreadableImageError):
        read_file(file(content))


def test_no_file_and_a_folder(tmp_path):
    for path, match in [
        (tmp_path / "none.png", "^No such file or directory$"),
        (tmp_path, "^it is a folder$"),
        ("a\0b", "it is no path.*null"),
        ("", "^No such file or directory$"),
    ]:
        for function in (probe_file, read_file):
            with pytest.raises(UnreadableImageError, match=match):
                function(str(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_refused_permission(file):
    path = file(encoded(RGB, "PNG"))
    os.chmod(path, 0)
    with pytest.raises(UnreadableImageError, match="^Permission denied$"):
        probe_file(path)


@pytest.mark.parametrize("more", [b"\0", b"\0" * 5000, b"ftypmp42" + bytes(60000)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_what_stands_behind_the_end_does_no_harm(file, kind, more):
    content = encoded(Image.fromarray(NOISE).convert("L"), kind)
    whole, longer = file(content), file(content + more, "longer")
    assert probe_file(longer) == probe_file(whole)
    np.testing.assert_array_equal(read_file(longer), read_file(whole))


def test_healthy_files_are_not_decoded_to_be_probed(file, monkeypatch):
    paths = [
        file(encoded(NOISE, kind), kind)
        for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
    ]

    def refused(*arguments):
        raise AssertionError("a healthy file was decoded")

    monkeypatch.setattr("skmultigran.images._files.read_file", refused)
    assert {probe_file(path)[:2] for path in paths} == {(40, 40)}


@pytest.fixture
def settled(monkeypatch):
    """Take all files for written long ago."""
    monkeypatch.setattr(_files, "_CLOCK_TICK", 0)


def test_a_file_that_stays_is_opened_once(file, monkeypatch, settled):
    path = file(encoded(RGB, "PNG"))
    original, opened = _files._opened, []
    monkeypatch.setattr(
        _files, "_opened", lambda path: opened.append(path) or original(path)
    )
    facts = [probe_file(path) for _ in range(3)]
    assert facts == [ImageFacts.of(RGB)] * 3
    assert opened == [path]


# Two pictures of the same number of bytes.
WIDE, HIGH = (encoded(np.zeros(shape, np.uint8), "BMP") for shape in [(4, 8), (8, 4)])


def test_a_relative_path_is_another_file_in_another_folder(
    tmp_path, monkeypatch, settled
):
    assert len(WIDE) == len(HIGH)
    for name, content in (("a", WIDE), ("b", HIGH)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.bmp").write_bytes(content)
        os.utime(tmp_path / name / "image.bmp", (1, 1))
    sizes = []
    for name in "aba":
        monkeypatch.chdir(tmp_path / name)
        sizes.append(probe_file("image.bmp")[:2])
    assert sizes == [(4, 8), (8, 4), (4, 8)]


def test_a_file_written_once_more_is_looked_at_anew(file):
    sizes = []
    for content in (WIDE, HIGH):
        path = file(content)
        os.utime(path, (1, 1))
        sizes.append(probe_file(path)[:2])
    assert sizes == [(4, 8), (8, 4)]


@pytest.mark.parametrize("limit", [53, 20])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_suspiciously_large_files_are_refused(file, monkeypatch, limit):
    path = file(encoded(RGB, "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    for function in (probe_file, read_file):
        with pytest.raises(UnreadableImageError, match="54 pixels.*MAX_IMAGE_PIXELS"):
            function(path)
    for enough in (54, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", enough)
        assert read_file(path).shape == RGB.shape


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "five"])
def test_random_damage_is_no_image_or_an_error_of_ours(file, kind, seed):
    content = tiff(FIVE, compression="zlib") if kind == "five" else encoded(RGB, kind)
    generator = np.random.default_rng(seed)
    for _ in range(60):
        bad = bytearray(content)
        for place in generator.integers(0, len(bad), size=3):
            bad[place] = generator.integers(256)
        path = file(bytes(bad))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for function in (probe_file, read_file):
                # Any other error, and any other result, fails.
                with contextlib.suppress(UnreadableImageError):
                    function(path)
