"""What scripts.train_audio2motion asks of the network: a loss over all look-aheads."""

import torch
from torch import Tensor
from torch.nn import functional

from models.audio2motion import AudioToMotion
from models.mel import LOWEST_LEVEL, follow_level, normalise
from models.mouth_motion import LOOK_AHEADS
from models.mouth_net import STEPS_PER_FRAME
from models.visemes import Shape

WARM_UP_STEPS = 10  # of a crop: the network has heard too little to be asked
# What an error in each shape counts; the lips before all else.
SHAPE_WEIGHTS = {
    Shape.APERTURE: 3.0,
    Shape.WIDTH: 1.5,
    Shape.JAW: 1.5,
    Shape.FUNNEL: 1.0,
    Shape.PUCKER: 1.0,
    Shape.UPPER_UP: 0.5,
    Shape.LOWER_DOWN: 0.5,
    Shape.ROLL: 0.7,
    Shape.TONGUE: 0.5,
}
CLOSURE_WEIGHT = 4.0  # a lip closure counts so many times more than an open mouth
VELOCITY_WEIGHT, CLOSE_WEIGHT, SPEECH_WEIGHT, CLASS_WEIGHT = 4.0, 2.0, 0.1, 0.1
LOOK_AHEAD_WEIGHTS = (0.2, 0.3, 1.0)  # of mouth_motion.LOOK_AHEADS


def run_network(network: AudioToMotion, mel: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes [look-aheads, B, T, len(Shape)] and class logits [B, T, classes] for
    log-mel [B, 4 n, 80], from a fresh start."""
    level = mel.new_full((len(mel),), LOWEST_LEVEL)
    _, levels, _ = follow_level(mel, level)
    features = normalise(mel, levels)
    narrow = torch.is_autocast_enabled(mel.device.type)
    like = features.bfloat16() if narrow else features
    hidden, _ = network.net(features, network.net.initial_state(len(mel), like))
    shapes = torch.stack([head(hidden) for head in network.net.heads])
    return shapes, network.net.class_head(hidden)


def loss_of(shapes: Tensor, logits: Tensor, track: Tensor, classes: Tensor) -> Tensor:
    """The training loss, a scalar; track and classes as in training_crops.crops."""
    steps = logits.shape[1]
    keep = slice(WARM_UP_STEPS, None)
    total = functional.cross_entropy(
        logits[:, keep].float().flatten(0, 1), classes[:, :steps][:, keep].flatten()
    )
    total = CLASS_WEIGHT * total
    for frames, weight, said in zip(
        LOOK_AHEADS, LOOK_AHEAD_WEIGHTS, shapes, strict=True
    ):
        later = (max(LOOK_AHEADS) - frames) * STEPS_PER_FRAME
        wanted = track[:, later : later + steps]
        total = total + weight * shape_loss(said[:, keep].float(), wanted[:, keep])
    return total


def shape_loss(said: Tensor, track: Tensor) -> Tensor:
    """Of one look-ahead: said and track [B, T, len(Shape)]."""
    columns = list(SHAPE_WEIGHTS)
    weights = said.new_tensor(list(SHAPE_WEIGHTS.values()))
    weighted = weights.expand(*track.shape[:2], -1).clone()
    weighted[..., 0] *= 1 + CLOSURE_WEIGHT * track[..., Shape.CLOSE]
    off = said[..., columns] - track[..., columns]
    position = (weighted * off.square()).mean()
    velocity = (weights * off.diff(dim=1).square()).mean()
    speech = functional.binary_cross_entropy_with_logits(
        said[..., Shape.SPEECH], track[..., Shape.SPEECH]
    )
    return (
        position
        + VELOCITY_WEIGHT * velocity
        + CLOSE_WEIGHT * close_loss(said[..., Shape.CLOSE], track[..., Shape.CLOSE])
        + SPEECH_WEIGHT * speech
    )


def close_loss(logit: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy that looks most at what is told wrong (Lin et al., "Focal Loss for
    Dense Object Detection", 2017, with gamma 1): [n] against [m] above all."""
    wrong = (torch.sigmoid(logit.detach()) - wanted).abs()
    entropy = functional.binary_cross_entropy_with_logits(
        logit, wanted, reduction="none"
    )
    return (2 * wrong * entropy).mean()
