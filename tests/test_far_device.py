"""The renderer on a device that is not the processor, where there is none."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch

from models.warp import WarpRenderer
from tests.faces import grace, renderer
from tests.test_warp import mixed, transparent


def _draws_far_what_it_draws_here() -> list[int]:
    """The largest difference, levels: several identities, one, transparent ones."""
    from tests.far_device import far_device

    far, largest = WarpRenderer("far"), []
    who, rows = mixed()
    for shown in (who, [grace()] * 4, transparent(who)):
        motion = rows[: len(shown)]
        with torch.inference_mode():
            here = renderer()(shown, motion)
            with far_device():
                there = far(shown, motion)
                assert there.device.type == "far"
                there = there.cpu()
        largest.append(int((there.int() - here.int()).abs().max()))
    return largest


def _mixes_devices() -> str:
    from tests.far_device import far_device

    with far_device():
        one, other = torch.ones(3, device="far"), torch.ones(3)
        assert torch.equal((one + other.to("far") * 2).cpu(), torch.full((3,), 3.0))
        assert torch.equal((one + torch.tensor(1.0)).cpu(), torch.full((3,), 2.0))
        with pytest.raises(RuntimeError, match="two devices"):
            one.add_(other)
        with pytest.raises(RuntimeError, match="two devices"):
            torch.stack([one, other])
        with pytest.raises(RuntimeError, match="numpy"):
            one.numpy()
        one[1:] = 5
        return str(one.cpu().tolist())


def test_on_another_device_the_same_is_drawn_and_nothing_mixes_both() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
        assert child.submit(_mixes_devices).result() == "[1.0, 5.0, 5.0]"
        assert max(child.submit(_draws_far_what_it_draws_here).result()) <= 2
