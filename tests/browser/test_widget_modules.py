"""What lays the portrait over a page: shapes, sizes, and the cut along its matte."""

from typing import Any

import pytest

from tests.browser.evaluating import Evaluate

# A source of pictures as a video is one: bands of colour, and below them their matte.
BANDS = """
  const bands = (greys) => {
    const picture = new OffscreenCanvas(10 * greys.length, 40);
    const context = picture.getContext("2d");
    greys.forEach((grey, n) => {
      context.fillStyle = `rgb(200, ${20 * n}, 50)`;
      context.fillRect(10 * n, 0, 10, 20);
      context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
      context.fillRect(10 * n, 20, 10, 20);
    });
    return Object.assign(picture, { videoWidth: picture.width, videoHeight: 40 });
  };
  const surface = (width, height) => new OffscreenCanvas(width, height);
  const middles = (canvas, count) => {
    const flat = surface(canvas.width, canvas.height);
    const context = flat.getContext("2d");
    context.drawImage(canvas, 0, 0);
    return Array.from({ length: count }, (_, n) => [
      ...context.getImageData(10 * n + 5, canvas.height / 2, 1, 1).data]);
  };
"""
GREYS = [0, 7, 8, 64, 128, 192, 247, 248, 255]


def framing(evaluate: Evaluate, call: str, *arguments: Any) -> Any:
    return evaluate(
        f"""const framing = await import("/widget/framing.js");
        return framing.{call}(...given);""",
        arguments,
    )


@pytest.mark.parametrize(
    ("portrait", "width", "height", "packed"),
    [
        ((512, 512), 512, 512, False),
        ((512, 512), 512, 1024, True),
        ((512, 512), 384, 768, True),  # quality went down
        ((512, 512), 256, 256, False),
        ((720, 1280), 720, 1280, False),
        ((720, 1280), 720, 2560, True),
        ((720, 1280), 180, 640, True),
        ((1280, 720), 1280, 1440, True),
        ((1280, 720), 1280, 720, False),
        ((1280, 720), 482, 270, False),  # rounded to even pixels
        ((1280, 720), 482, 544, True),
        ((0, 0), 512, 1024, False),  # before its layout was told
        ((512, 512), 0, 0, False),  # before its first picture
    ],
)
def test_the_shape_of_a_picture_tells_whether_its_matte_is_below(
    evaluate: Evaluate, portrait: tuple[int, int], width: int, height: int, packed: bool
) -> None:
    own = {"width": portrait[0], "height": portrait[1]}
    assert framing(evaluate, "isPacked", own, width, height) is packed


@pytest.mark.parametrize(
    ("source", "box", "density", "drawn"),
    [
        ((512, 512), (200, 200), 1, (200, 200)),
        ((512, 512), (200, 200), 2, (400, 400)),
        ((512, 512), (200, 200), 3, (512, 512)),  # no more than there is
        ((512, 512), (900, 900), 1, (512, 512)),
        ((512, 512), (300, 100), 1, (100, 100)),  # all of it is to be seen
        ((720, 1280), (360, 300), 1, (169, 300)),
        ((512, 512), (0, 0), 1, (512, 512)),  # not laid out yet
        ((1280, 720), (1, 1), 0.5, (1, 1)),
    ],
)
def test_no_more_is_drawn_than_there_is_or_can_be_seen(
    evaluate: Evaluate,
    source: tuple[int, int],
    box: tuple[int, int],
    density: float,
    drawn: tuple[int, int],
) -> None:
    sizes = ({"width": width, "height": height} for width, height in (source, box))
    found = framing(evaluate, "drawnSize", *sizes, density)
    assert (found["width"], found["height"]) == drawn


def test_a_matte_becomes_alpha_and_leaves_the_colours(evaluate: Evaluate) -> None:
    found = evaluate(
        """const { masked } = await import("/widget/canvas_painter.js");
        const pixels = (each) => new Uint8ClampedArray(given.flatMap(each));
        const matte = pixels((grey) => [grey, grey, grey, 255]);
        const colours = pixels((_, n) => [n, 100, 200, 255]);
        masked(colours, matte);
        return given.map((_, n) => [...colours.subarray(4 * n, 4 * n + 4)]);""",
        GREYS,
    )
    assert [each[:3] for each in found] == [[n, 100, 200] for n in range(len(GREYS))]
    alphas = [each[3] for each in found]
    assert alphas == sorted(alphas)
    # What a codec leaves of black and of white is cut off at both ends.
    assert alphas[:2] == [0, 0] and alphas[-2:] == [255, 255]
    assert alphas[4] == pytest.approx(128, abs=2)


def test_green_counts_most_in_a_grey(evaluate: Evaluate) -> None:
    alphas = evaluate(
        """const { masked } = await import("/widget/canvas_painter.js");
        const matte = new Uint8ClampedArray(12);
        for (const at of [0, 5, 10]) matte[at] = 255; // red, green, blue
        const colours = new Uint8ClampedArray(12);
        masked(colours, matte);
        return [colours[3], colours[7], colours[11]];"""
    )
    assert alphas[1] > alphas[0] > alphas[2] > 0


def test_without_webgl_the_portrait_is_cut_out_all_the_same(evaluate: Evaluate) -> None:
    packed, plain = evaluate(
        BANDS
        + """const { CanvasPainter } = await import("/widget/canvas_painter.js");
        const video = bands(given);
        const canvas = surface(video.width, 20);
        const painter = new CanvasPainter(canvas.getContext("2d"));
        painter.paint(video, true);
        const packed = middles(canvas, given.length);
        const whole = surface(video.width, 40);
        new CanvasPainter(whole.getContext("2d")).paint(video, false);
        return [packed, middles(whole, given.length)];""",
        [0, 128, 255],
    )
    assert packed[0] == [0, 0, 0, 0], "nobody is there, the page is"
    assert packed[1] == [pytest.approx(each, abs=2) for each in (200, 20, 50, 128)]
    assert packed[2] == [200, 40, 50, 255]
    assert [each[3] for each in plain] == [255, 255, 255], "as it comes"


def test_both_painters_make_the_same_cut(evaluate: Evaluate) -> None:
    with_webgl, without = evaluate(
        BANDS
        + """const { CanvasPainter } = await import("/widget/canvas_painter.js");
        const { WebglPainter } = await import("/widget/webgl_painter.js");
        const video = bands(given);
        const drawn = [];
        const painters = [[WebglPainter, "webgl"], [CanvasPainter, "2d"]];
        for (const [Painter, kind] of painters) {
          const canvas = surface(video.width, 20);
          const kept = { preserveDrawingBuffer: true };
          const painter = new Painter(canvas.getContext(kind, kept));
          painter.paint(video, true);
          drawn.push(middles(canvas, given.length));
        }
        return drawn;""",
        GREYS,
    )
    for one, other in zip(with_webgl, without, strict=True):
        assert one[3] == pytest.approx(other[3], abs=2)
        if other[3] > 60:  # of less the colours are too coarse to be compared
            assert one == pytest.approx(other, abs=4)
