"""The comparison: it sees what a person sees, wherever it stands on the page, and reads any broken file as broken."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tasks.visual.compare import PictureError, Pixels, Region, compare, decode

from .pictures import BLUE, CLOSE_BLUE, page, photograph, pixels, png

WHITE = (255, 255, 255)


def test_equal_pictures_have_no_difference_and_no_picture_of_it() -> None:
    result = compare(pixels(page()), pixels(page()))
    assert (result.raw, result.seen, result.regions, result.strips, result.canvas) == (0, 0, (), (), None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BLUE, CLOSE_BLUE),
        (CLOSE_BLUE, BLUE),
        ((255, 255, 255), (250, 250, 250)),
        ((0, 0, 0), (2, 2, 2)),
        ((200, 0, 0), (200, 0, 3)),
    ],
    ids=["blue", "blue-back", "white-to-grey", "nearly-black", "one-channel"],
)
def test_a_flat_area_of_a_close_colour_is_seen(before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    result = compare(pixels(page(before)), pixels(page(after)))
    assert [(region.left, region.top, region.width, region.height) for region in result.regions] == [(20, 80, 100, 32)]


def test_a_rounding_difference_of_a_flat_area_is_noise() -> None:
    result = compare(pixels(page((100, 100, 100))), pixels(page((101, 100, 100))))
    assert (result.raw, result.seen) == (3200, 0)


def test_noise_in_a_photograph_is_noise_and_a_stranger_in_it_is_seen() -> None:
    stranger = photograph(0).copy()
    ImageDraw.Draw(stranger).rectangle((100, 100, 139, 139), fill=(255, 0, 0))
    assert compare(pixels(photograph(0)), pixels(photograph(2))).seen == 0
    assert compare(pixels(photograph(0)), pixels(stranger)).seen > 1200


def test_changes_far_apart_are_regions_of_their_own_and_near_ones_are_one() -> None:
    after = page()
    draw = ImageDraw.Draw(after)
    draw.rectangle((200, 200, 209, 209), fill=(0, 0, 0))
    draw.rectangle((212, 200, 213, 201), fill=(0, 0, 0))
    draw.rectangle((20, 150, 21, 151), fill=(0, 0, 0))
    result = compare(pixels(page()), pixels(after))
    assert result.regions == (Region(200, 200, 14, 10, 104), Region(20, 150, 2, 2, 4))


@pytest.mark.parametrize(
    ("size", "regions"),
    [((330, 240), [(320, 0, 10, 240)]), ((310, 240), [(310, 0, 10, 240)])],
    ids=["wider", "narrower"],
)
def test_what_lies_beside_the_narrower_picture_is_changed(size: tuple[int, int], regions: list[object]) -> None:
    result = compare(pixels(page()), pixels(page(size=size)))
    assert [(r.left, r.top, r.width, r.height) for r in result.regions] == regions
    assert (result.size_before, result.size_after) == ((320, 240), size)


@given(
    left=st.integers(0, 118),
    top=st.integers(0, 88),
    side=st.integers(3, 40),
    colour=st.tuples(*[st.integers(0, 252)] * 3),
)
def test_a_rectangle_that_appears_anywhere_is_seen_where_it_is(
    left: int, top: int, side: int, colour: tuple[int, int, int]
) -> None:
    before = Image.new("RGB", (121, 91), WHITE)
    after = before.copy()
    ImageDraw.Draw(after).rectangle((left, top, left + side - 1, top + side - 1), fill=colour)
    result = compare(pixels(before), pixels(after))
    width, height = min(side, 121 - left), min(side, 91 - top)
    assert result.raw >= width * height
    for region in result.regions:
        assert left <= region.left
        assert region.left + region.width <= left + width
        assert top <= region.top
        assert region.top + region.height <= top + height
    assert sum(region.pixels for region in result.regions) == result.seen


@given(seed=st.integers(0, 10_000), changed=st.integers(0, 40))
def test_regions_hold_every_seen_pixel(seed: int, changed: int) -> None:
    random = np.random.default_rng(seed)
    before = np.full((60, 80, 4), 255, dtype=np.uint8)
    after = before.copy()
    for _ in range(changed):
        top, left = int(random.integers(0, 57)), int(random.integers(0, 77))
        after[top : top + 3, left : left + 3, :3] = random.integers(0, 90, 3)
    result = compare(before, after)
    assert sum(region.pixels for region in result.regions) == result.seen
    assert (result.canvas is None) == (not result.regions)
    assert result.seen <= result.raw


@pytest.mark.parametrize("kept", [0, 1, 8, 20, 33, 41, 60, 200, -60, -30], ids=lambda kept: f"{kept} bytes")
def test_a_picture_that_ends_early_cannot_be_read(kept: int) -> None:
    encoded = png(page())
    with pytest.raises(PictureError, match="not a readable PNG"):
        decode(encoded[:kept] if kept else b"")


@given(st.data())
def test_a_damaged_picture_is_read_or_refused_and_never_a_crash(data: st.DataObject) -> None:
    encoded = bytearray(png(page(size=(40, 30))))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(8, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        shape = decode(bytes(encoded)).shape
    except PictureError:
        shape = (30, 40, 4)
    assert shape[2] == 4


def test_another_format_is_not_a_picture_even_if_it_is_one() -> None:
    encoded = io.BytesIO()
    page().save(encoded, format="BMP")
    with pytest.raises(PictureError):
        decode(encoded.getvalue())


@pytest.mark.parametrize(
    "size",
    [(9_000, 9_000), pytest.param((60_000, 60_000), id="a bomb")],
)
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    encoded = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    with pytest.raises(PictureError):
        decode(encoded)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def encoded_as(mode: str, **options: object) -> bytes:
    """A picture of 40 x 30 with a white left half and a black right one, in this mode of PNG."""
    picture = Image.new("L", (40, 30), 255)
    picture.paste(0, (20, 0, 40, 30))
    if mode == "I;16":
        deep = np.asarray(picture).astype(np.uint16) * 257
        picture = Image.fromarray(deep)
    elif mode == "P":
        picture = picture.convert("RGB").quantize(2)
    else:
        picture = picture.convert(mode)
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG", **options)
    return encoded.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_read_as_the_same_pixels(mode: str) -> None:
    assert np.array_equal(decode(encoded_as(mode)), decode(encoded_as("RGB")))


def test_an_interlaced_png_is_read_as_the_same_pixels() -> None:
    # Adam7 of a picture of one colour: seven passes of lines without a filter (PNG, third edition, 8.1).
    passes = [(2, 1), (2, 1), (4, 1), (4, 2), (8, 2), (8, 4), (16, 4)]
    raw = b"".join((b"\0" + b"\x30\x60\x90" * width) * height for width, height in passes)
    header = struct.pack(">IIBBBBB", 16, 8, 8, 2, 0, 0, 1)
    encoded = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    assert np.array_equal(decode(encoded), pixels(Image.new("RGB", (16, 8), (48, 96, 144))))


def test_transparent_pixels_are_seen_on_white() -> None:
    glass = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert np.array_equal(decode(png(glass)), pixels(Image.new("RGB", (4, 4), "white")))


def test_an_animated_png_is_refused() -> None:
    encoded = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    frames[0].save(encoded, format="PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match="animated"):
        decode(encoded.getvalue())


@pytest.mark.parametrize("size", [(0, 0), (0, 9), (9, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    encoded = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(PictureError, match="has no pixels"):
        decode(encoded)


BORDERS = {"a border": (CLOSE_BLUE, 1), "a border of two pixels": (CLOSE_BLUE, 2)}


@pytest.mark.parametrize("label", BORDERS)
def test_a_thin_border_of_a_close_colour_is_seen(label: str) -> None:
    colour, width = BORDERS[label]
    before, after = page(), page()
    for picture, ink in ((before, BLUE), (after, colour)):
        ImageDraw.Draw(picture).rectangle((150, 60, 280, 140), outline=ink, width=width)
    (region,) = compare(pixels(before), pixels(after)).regions
    assert (region.left, region.top, region.width, region.height) == (150, 60, 131, 81)


def test_letters_of_a_close_colour_are_seen() -> None:
    before, after = page(), page()
    for picture, ink in ((before, BLUE), (after, CLOSE_BLUE)):
        ImageDraw.Draw(picture).text((20, 150), "All approvals of this quarter", fill=ink)
    (region,) = compare(pixels(before), pixels(after)).regions
    assert region.top >= 150
    assert region.pixels > 100


def test_one_thin_letter_on_a_photograph_is_seen() -> None:
    after = photograph(0).copy()
    ImageDraw.Draw(after).text((150, 100), "x", fill="black")
    assert compare(pixels(photograph(0)), pixels(after)).regions


def jittered(levels: int) -> Pixels:
    """The page with the pixels at the edges of its letters off by some levels, each by its own."""
    before = pixels(page())
    stray = np.random.default_rng(3).integers(-levels, levels + 1, before.shape[:2])[:, :, np.newaxis]
    edge = ((before[:, :, :3] > 30) & (before[:, :, :3] < 225)).all(axis=2, keepdims=True)
    after = before.copy()
    after[:, :, :3] = np.where(edge, np.clip(before[:, :, :3].astype(int) + stray, 0, 255), before[:, :, :3])
    return after


def resampled(kernel: Image.Resampling) -> Pixels:
    """A page with a photograph that was made smaller in one way or another."""
    random = np.random.default_rng(5)
    texture = Image.fromarray(random.integers(60, 200, (60, 80, 3), dtype=np.uint8)).resize((640, 480), 3)
    sheet = Image.new("RGB", (360, 260), "white")
    sheet.paste(texture.resize((320, 220), kernel), (20, 20))
    return pixels(sheet)


def reencoded(quality: int) -> Pixels:
    """The photograph after another encoder had it."""
    encoded = io.BytesIO()
    photo = Image.fromarray(resampled(Image.Resampling.BILINEAR)[:, :, :3])
    photo.save(encoded, format="JPEG", quality=quality, subsampling=0)
    again = photo.copy()
    again.paste(Image.open(encoded).crop((20, 20, 340, 240)), (20, 20))
    return pixels(again)


def grainy(levels: int) -> Pixels:
    """The page under a grain that scatters every colour, white too, over its neighbours."""
    before = pixels(page())
    grain = np.random.default_rng(6).integers(-levels, levels + 1, before.shape[:2])[:, :, np.newaxis]
    after = before.copy()
    after[:, :, :3] = np.clip(before[:, :, :3].astype(int) + grain, 0, 255)
    return after


NOISE = {
    "grain over a white ground": lambda: (pixels(page()), grainy(9)),
    "another photograph encoder": lambda: (pixels(photograph(0)), pixels(photograph(2))),
    "anti-aliasing that strays": lambda: (pixels(page()), jittered(16)),
    "another resampling filter": lambda: (resampled(Image.Resampling.BILINEAR), resampled(Image.Resampling.HAMMING)),
    "a sharper resampling filter": lambda: (resampled(Image.Resampling.BILINEAR), resampled(Image.Resampling.BICUBIC)),
    "compression of a photograph": lambda: (resampled(Image.Resampling.BILINEAR), reencoded(92)),
    "rounding of a flat colour": lambda: (pixels(page((100, 100, 100))), pixels(page((101, 100, 100)))),
}


@pytest.mark.parametrize("label", NOISE)
def test_harmless_noise_is_counted_and_not_seen(label: str) -> None:
    result = compare(*NOISE[label]())
    assert (result.seen, result.regions, result.strips) == (0, (), ())
    assert result.raw > 0


def test_a_change_far_down_a_tall_page_is_seen_and_told_by_place() -> None:
    before = np.full((15_000, 320, 4), 255, dtype=np.uint8)
    after = before.copy()
    after[14_321:14_323, 17:20, :3] = 0
    assert compare(before, after).regions == (Region(17, 14_321, 3, 2, 6),)


def test_a_page_that_is_another_one_is_one_region() -> None:
    before = pixels(page(size=(320, 2_000)))
    after = before.copy()
    after[:, :, :3] = 255 - after[:, :, :3]
    (region,) = compare(before, after).regions
    assert (region.width, region.height) == (320, 2_000)


def test_a_flat_picture_narrower_than_the_detector_is_still_compared() -> None:
    result = compare(pixels(Image.new("RGB", (2, 2), "white")), pixels(Image.new("RGB", (2, 2), "black")))
    assert result.raw == 4
