"""Box files: geometry against turned pixels, and files in every state of damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from reground.tasks.images.boxes import (
    MAX_BYTES,
    Box,
    BoxError,
    BoxFile,
    is_unclear,
    orient_box,
    parse_boxes,
    place_boxes,
)
from reground.tasks.images.decode import DecodedImage
from reground.tasks.schema import DropReason
from tests.support.indexing import BILLION
from tests.support.needs import need_shared


@st.composite
def sized_boxes(draw: st.DrawFn) -> tuple[tuple[int, int], Box]:
    width, height = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    xmin, ymin = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return (width, height), Box(xmin, ymin, draw(st.integers(xmin + 1, width)), draw(st.integers(ymin + 1, height)))


def xml(size: tuple[int, int], boxes: list[Box], extra: str = "") -> bytes:
    objects = "".join(
        "<object><name>n0</name><bndbox>"
        + "".join(f"<{edge}>{value}</{edge}>" for edge, value in box._asdict().items())
        + "</bndbox></object>"
        for box in boxes
    )
    size_xml = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation>{size_xml}{objects}{extra}</annotation>".encode()


def as_shown(stored: np.ndarray, orientation: int) -> np.ndarray:
    """What EXIF says about orientation 1 to 8, written with NumPy only."""
    turned = {2: "LR", 3: "180", 4: "TB", 5: "T", 6: "CW", 7: "AT", 8: "CCW"}.get(orientation)
    match turned:
        case "LR":
            return stored[:, ::-1]
        case "180":
            return stored[::-1, ::-1]
        case "TB":
            return stored[::-1]
        case "T":
            return stored.T
        case "CW":
            return np.rot90(stored, -1)
        case "AT":
            return stored[::-1, ::-1].T
        case "CCW":
            return np.rot90(stored, 1)
        case _:
            return stored


def reason(content: bytes) -> DropReason:
    with pytest.raises(BoxError) as caught:
        parse_boxes(content)
    assert caught.value.detail
    return caught.value.reason


@given(sized_boxes(), st.integers(1, 8))
def test_a_box_turns_as_its_pixels_do(sized: tuple[tuple[int, int], Box], orientation: int):
    (width, height), box = sized
    stored = np.zeros((height, width), bool)
    stored[box.ymin : box.ymax, box.xmin : box.xmax] = True
    shown = as_shown(stored, orientation)
    turned = orient_box(box, orientation, (width, height))
    again = np.zeros_like(shown)
    again[turned.ymin : turned.ymax, turned.xmin : turned.xmax] = True
    assert np.array_equal(shown, again)
    picture = DecodedImage(Image.fromarray(np.zeros((*shown.shape, 3), np.uint8)), "RGB", orientation)
    assert picture.stored_size == (width, height)
    placed = place_boxes(BoxFile((width, height), (box,)), orientation, picture.stored_size, picture.size)
    assert placed == [turned]


@given(sized_boxes())
def test_xml_comes_back(sized: tuple[tuple[int, int], Box]):
    size, box = sized
    assert parse_boxes(xml(size, [box, box])) == BoxFile(size, (box, box), ("n0", "n0"))


def test_boxes_drawn_on_the_image_as_shown_stay():
    box = Box(1, 2, 3, 4)
    assert place_boxes(BoxFile((20, 40), (box,)), 6, (40, 20), (20, 40)) == [box]
    assert place_boxes(BoxFile((40, 20), (box,)), 6, (40, 20), (20, 40)) == [Box(16, 1, 18, 3)]


def test_equal_sizes_are_taken_as_stored_unless_set():
    half_turn = BoxFile((40, 20), (Box(1, 2, 3, 4),)), 3, (40, 20), (40, 20)
    assert place_boxes(*half_turn) == place_boxes(*half_turn, "stored") == [Box(37, 16, 39, 18)]
    assert place_boxes(*half_turn, "shown") == [Box(1, 2, 3, 4)]


def test_the_size_must_be_that_of_the_pixels_that_are_set():
    box = Box(1, 2, 3, 4)
    quarter_turn = 6, (40, 20), (20, 40)
    assert place_boxes(BoxFile((20, 40), (box,)), *quarter_turn, "shown") == [box]
    assert place_boxes(BoxFile((40, 20), (box,)), *quarter_turn, "stored") == [Box(16, 1, 18, 3)]
    for size, refer_to in (((40, 20), "shown"), ((20, 40), "stored")):
        with pytest.raises(BoxError) as caught:
            place_boxes(BoxFile(size, (box,)), *quarter_turn, refer_to)
        assert caught.value.reason == DropReason.BOX_SIZE_MISMATCH


@given(sized_boxes(), st.integers(1, 8))
def test_boxes_are_unclear_exactly_where_the_two_readings_differ(sized: tuple[tuple[int, int], Box], orientation: int):
    stored, box = sized
    shown = (stored[1], stored[0]) if orientation >= 5 else stored
    for size in {stored, shown}:
        box_file = BoxFile(size, (box,))
        readings = []
        for refer_to in ("stored", "shown"):
            try:
                readings.append(place_boxes(box_file, orientation, stored, shown, refer_to))
            except BoxError:
                continue
        assert is_unclear(box_file, orientation, stored, shown) == (len(readings) == 2 and readings[0] != readings[1])


@given(sized_boxes(), st.sampled_from(Box._fields), st.integers(-3, 34))
@example(((10, 10), Box(0, 0, 10, 10)), "xmax", 11)
@example(((10, 10), Box(3, 3, 5, 5)), "xmax", 3)
def test_only_boxes_inside_the_image_are_placed(sized: tuple[tuple[int, int], Box], edge: str, value: int):
    size, box = sized
    moved = box._replace(**{edge: value})
    inside = 0 <= moved.xmin < moved.xmax <= size[0] and 0 <= moved.ymin < moved.ymax <= size[1]
    if inside:
        assert place_boxes(BoxFile(size, (box, moved)), 1, size, size) == [box, moved]
        return
    with pytest.raises(BoxError) as caught:
        place_boxes(BoxFile(size, (box, moved)), 1, size, size)
    assert caught.value.reason == DropReason.BOX_OUTSIDE_IMAGE


def test_another_size_is_another_image():
    with pytest.raises(BoxError, match="500 x 375, the image is 375 x 500") as caught:
        place_boxes(BoxFile((500, 375), ()), 1, (375, 500), (375, 500))
    assert caught.value.reason == DropReason.BOX_SIZE_MISMATCH


def test_parts_are_no_objects():
    part = "<part><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>1</xmax><ymax>1</ymax></bndbox></part>"
    whole = xml((9, 9), [Box(1, 1, 5, 5)]).decode().replace("</bndbox></object>", f"</bndbox>{part}</object>")
    assert parse_boxes(whole.encode()).boxes == (Box(1, 1, 5, 5),)
    assert parse_boxes(xml((9, 9), [], part)).boxes == ()


NUMBERS = {
    "16.2798442840576": 16,
    "1.62798442840576e1": 16,
    "1.6E+01": 16,
    "160e-1": 16,
    "+16": 16,
    "16.": 16,
    ".9": 1,
    "0.00000000000000000000000000000001": 0,
    "-0.2": 0,
    "1e-400": 0,
    "15.99999999999999999999999999999999999999": 16,
    "00016": 16,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_every_way_to_write_a_number(text: str):
    content = xml((99, 99), [Box(1, 1, 50, 50)]).replace(b"<xmin>1<", f"<xmin>{text}<".encode())
    assert parse_boxes(content).boxes[0].xmin == NUMBERS[text]


@given(st.floats(-1e8, 1e8), st.sampled_from(["{!r}", "{:.17e}", "{:.30f}", "{:g}", " {!r} "]))
def test_any_number_of_decimals_and_exponents(value: float, form: str):
    text = form.format(value)
    content = xml((99, 99), [Box(1, 1, 50, 50)]).replace(b"<xmin>1<", f"<xmin>{text}<".encode())
    assert parse_boxes(content).boxes[0].xmin == round(float(text))


@given(st.text(st.characters(exclude_characters="<&", exclude_categories=["Cs", "Cc"]), max_size=12))
def test_any_text_is_a_number_or_malformed(text: str):
    content = xml((99, 99), [Box(1, 1, 50, 50)]).replace(b"<xmin>1<", f"<xmin>{text}<".encode())
    try:
        (box,) = parse_boxes(content).boxes
    except BoxError as error:
        assert error.reason in (DropReason.BOX_FILE_INVALID,)
    else:
        assert box.xmin == round(float(text))


def test_a_size_with_decimals():
    content = xml((9, 9), []).replace(b"<width>9<", b"<width>9.0<")
    assert parse_boxes(content).size == (9, 9)


def test_fractions_of_a_pixel_are_rounded():
    content = xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmin>1<", b"<xmin> 1.75 <")
    assert parse_boxes(content).boxes == (Box(2, 1, 5, 5),)


OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><annotation>&a;</annotation>'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"<annotation>",
        b"<boxes/>",
        b"<annotation/>",
        xml((9, 9), [], "<object><name>x</name></object>"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5</xmax>", b""),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>nan"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>1e9"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>1e400"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>inf"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>1_0"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>."),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>1e"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", "<xmax>\u0665".encode()),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<xmax>5", b"<xmax>99999999999"),
        xml((9, 9), [Box(1, 1, 5, 5)]).replace(b"<width>9", b"<width>"),
        b'<?xml version="1.0" encoding="klingon"?><annotation/>',
        b"\xff\xfe<\x00",
        BILLION,
        OUTSIDE,
        xml((9, 9), [], " " * MAX_BYTES),
    ],
)
def test_damaged_files_are_named_so(content: bytes):
    assert reason(content) == DropReason.BOX_FILE_INVALID


def test_entities_are_refused_not_merely_unparsed():
    for content in (BILLION, OUTSIDE):
        with pytest.raises(BoxError, match="entities"):
            parse_boxes(content)


@given(st.binary(max_size=200))
def test_rubbish_never_crashes(content: bytes):
    assert reason(content) == DropReason.BOX_FILE_INVALID


def test_real_box_files_are_read_whole():
    files = sorted((need_shared("imagenet-sample") / "Annotations").glob("*/*.xml"))
    parsed = [parse_boxes(path.read_bytes()) for path in files]
    assert len(parsed) == 176
    assert all(len(found.boxes) == 1 for found in parsed)
