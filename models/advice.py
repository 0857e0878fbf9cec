"""What a photo will do badly as a portrait, told in sentences with the remedy."""

from models.eyes import eye_openings
from models.landmarks import head_turn
from models.media import FloatArray
from models.rig import rest_lips

# Chosen on 41 faces. Shut eyes and those that look down read up to 0.04 of their width,
# narrow ones from 0.09 on; wide laughs are at least 0.09 high and 0.62 wide.
SHUT_EYE = 0.06
TURNED_DEG = 20.0  # from where on the far half of the face is short of pixels
LAUGH = 0.08, 0.60  # inner-lip gap and mouth width, IOD


def advice(landmarks: FloatArray) -> tuple[str, ...]:
    """landmarks: float32 [478, 3], pixels, of a face that is set upright."""
    said = (_of_eyes(landmarks), _of_turn(landmarks), _of_mouth(landmarks))
    return tuple(sentence for sentence in said if sentence)


def _of_eyes(landmarks: FloatArray) -> str:
    shut = eye_openings(landmarks) < SHUT_EYE
    if not shut.any():
        return ""
    eyes = "Both eyes are" if shut.all() else "One eye is"
    return (
        f"{eyes} shut or cast down in the photo and will not open. "
        "A portrait that looks at people needs a photo that looks at the camera."
    )


def _of_turn(landmarks: FloatArray) -> str:
    turn = abs(head_turn(landmarks)[0])
    if turn <= TURNED_DEG:
        return ""
    return (
        f"The head is turned {turn:.0f} degrees sideways, so the far half of the mouth "
        "is drawn from few pixels. A photo taken from the front speaks better."
    )


def _of_mouth(landmarks: FloatArray) -> str:
    gap, width = rest_lips(landmarks)
    if gap <= LAUGH[0] or width <= LAUGH[1]:
        return ""
    return (
        "The face laughs in the photo, and its cheeks go on laughing while it speaks. "
        "A photo with a closed, relaxed mouth speaks more naturally."
    )
