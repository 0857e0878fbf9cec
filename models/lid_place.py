"""A patch of a picture round an eye, measured by the eye."""

from dataclasses import dataclass

from models.media import FloatArray

BELOW_LINE = 0.32, 0.06  # half eye widths: a shut lid ends there, and skin is seen


@dataclass(frozen=True, eq=False)
class LidPlace:
    """A patch's pixels in half eye widths, [h, w]: outwards along and down across the
    eye, where the lids are there, and the height of the skin above."""

    s: FloatArray
    t: FloatArray
    upper: FloatArray
    lower: FloatArray
    line: FloatArray  # where they meet
    skin: float

    @property
    def below_line(self) -> FloatArray:
        """How far a pixel is below the line where the lids meet."""
        return self.t - self.line
