"""How an element looks: the same through what no person would see, another as soon as its contrast may be another."""

from __future__ import annotations

import re

import pytest
from PIL import Image, ImageDraw

from tasks.accessibility.looks import LOOK_PATTERN, are_alike, distinct, look_of, new_among

SIZE = (320, 40)
Colour = tuple[int, int, int]


def hero(
    left: Colour = (0, 0, 60), right: Colour = (0, 0, 120), text: Colour = (255, 255, 255), **moved: int
) -> Image.Image:
    """A line of text on a gradient."""
    ground = Image.linear_gradient("L").rotate(90).resize(SIZE)
    picture = Image.composite(Image.new("RGB", SIZE, right), Image.new("RGB", SIZE, left), ground)
    draw = ImageDraw.Draw(picture)
    for letter in range(20):
        at = 10 + 15 * letter + moved.get("across", 0)
        draw.rectangle((at, 12, at + moved.get("stroke", 2), 28), fill=text)
        draw.rectangle((at, 12, at + 8, 13), fill=text)
    return picture


def lighter(picture: Image.Image, by: int) -> Image.Image:
    return picture.point(lambda value: min(255, value + by))


def spotted(picture: Image.Image) -> Image.Image:
    ImageDraw.Draw(picture).rectangle((80, 0, 119, 19), fill=(250, 250, 250))
    return picture


SAME = {
    "nothing": hero(),
    "rounding of colours": lighter(hero(), 3),
    "letters a pixel elsewhere": hero(across=1),
    "a gradient that ends a little darker": hero(right=(0, 0, 116)),
    "letters a little less white": hero(text=(250, 250, 250)),
}
OTHER = {
    "a pale gradient": hero((220, 220, 240), (240, 240, 255)),
    "the gradient turned": hero((0, 0, 120), (0, 0, 60)),
    "one end that is lighter": hero(right=(90, 90, 200)),
    "grey text": hero(text=(150, 150, 150)),
    "dark text": hero(text=(20, 20, 40)),
    "a light spot in the picture behind": spotted(hero()),
    "nothing but the ground": hero(text=(0, 0, 80)),
}


@pytest.mark.parametrize("name", SAME)
def test_what_nobody_would_look_at_again_is_alike(name: str) -> None:
    assert are_alike(look_of(SAME[name]), look_of(hero()))


@pytest.mark.parametrize("name", OTHER)
def test_what_may_have_another_contrast_is_not_alike(name: str) -> None:
    assert not are_alike(look_of(OTHER[name]), look_of(hero()))


def test_thin_text_counts_as_much_as_what_lies_behind_it() -> None:
    """No field of the picture has another colour for it: only its lightest shade differs."""

    def thin(text: Colour) -> Image.Image:
        picture = Image.new("RGB", SIZE, (0, 0, 60))
        for across in range(4, SIZE[0], 12):
            ImageDraw.Draw(picture).line((across, 12, across, 28), fill=text)
        return picture

    assert are_alike(look_of(thin((255, 255, 255))), look_of(thin((245, 245, 245))))
    assert not are_alike(look_of(thin((255, 255, 255))), look_of(thin((170, 170, 170))))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (2_000, 2), SIZE])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_whatever_its_size_and_kind_a_picture_has_a_look(size: tuple[int, int], mode: str) -> None:
    assert re.fullmatch(LOOK_PATTERN, look_of(Image.new(mode, size)))


def test_looks_that_are_alike_are_kept_once_and_new_ones_are_counted() -> None:
    dark, nearly, pale = (look_of(picture) for picture in (hero(), lighter(hero(), 3), OTHER["a pale gradient"]))
    assert distinct([dark, nearly, pale, dark]) == (dark, pale)
    assert new_among([nearly], [dark, pale]) == 0
    assert new_among([dark, pale], [nearly]) == 1
    assert new_among([dark], []) == 1
    assert new_among([], [dark]) == 0
