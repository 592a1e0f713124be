"""Show figures in grey, and as seen without green cones (deuteranopia), at the width of a column.

    python -m paper.eyes FILE.png [FILE.png ...]

Writes FILE_eyes.png into the working folder, grey on the left, to be looked at before a figure is published. A test checks
that the colours of lines differ.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reactivation.machine.errors import BadInput, run_command

Array = NDArray[np.float64]

COLUMN = 825  # pixels: 5.5 inches at 150 dots per inch
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear red, green, blue
# Machado, Oliveira and Fernandes (2009), severity 1: linear red, green and blue as a deuteranope sees them.
_DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
# CIE XYZ of linear red, green, blue, and of white (D65).
_XYZ = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
_WHITE = _XYZ.sum(1)


def linear(colours: Array) -> Array:
    """Return linear red, green, blue of sRGB (..., 3)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def shown(light: Array) -> Array:
    """Return sRGB of linear red, green, blue (..., 3)."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def grey(light: Array) -> Array:
    """Return light (..., 3) in grey, as printed without colour."""
    return np.repeat((light @ _LUMINANCE)[..., None], 3, axis=-1)


def deuteranope(light: Array) -> Array:
    """Return light (..., 3) as it looks without green cones."""
    return np.clip(light @ _DEUTERANOPIA.T, 0, 1)


def lab(light: Array) -> Array:
    """Return lightness L* (0 to 100), a* and b* of light (..., 3), where distances are about perceived differences."""
    parts = light @ _XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(parts > 0.008856, np.cbrt(parts), 7.787 * parts + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def as_seen(image: Array, width: int = COLUMN) -> Array:
    """Return an image (H, W, 3) in grey and for a deuteranope, side by side, each `width` pixels wide."""
    light = linear(image)
    height = round(light.shape[0] * width / light.shape[1])
    small = _averaged(_averaged(light, height).transpose(1, 0, 2), width).transpose(1, 0, 2)
    return shown(np.concatenate([grey(small), deuteranope(small)], axis=1))


def _averaged(rows: Array, count: int) -> Array:
    """Rows (n, m, 3) → `count` rows, each the mean of the rows that it covers."""
    sums = np.concatenate([np.zeros((1, *rows.shape[1:])), np.cumsum(rows, axis=0)])
    edges = np.linspace(0, len(rows), count + 1)
    whole = np.minimum(edges.astype(int), len(rows) - 1)
    upto = sums[whole] + (edges - whole)[:, None, None] * rows[whole]
    return np.diff(upto, axis=0) * (count / len(rows))


def main(words: Sequence[str]) -> None:
    """The command line of this module.

    Raises:
        BadInput: no file, or one that is no PNG.
    """
    from matplotlib.image import imread, imsave

    if not words:
        raise BadInput("name the PNG files of figures")
    for word in words:
        file = Path(word)
        try:
            image = imread(file)[..., :3].astype(np.float64)
        except (OSError, SyntaxError, ValueError) as problem:
            raise BadInput(f"{file}: {problem}") from None
        target = Path(f"{file.stem}_eyes.png")
        imsave(target, as_seen(image))
        print(target)


if __name__ == "__main__":
    run_command(main)
