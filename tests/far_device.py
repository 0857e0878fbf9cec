"""A second device for machines that have no graphics card: "far".

What is computed there is computed by the processor, but by the code's branches for any
other device, and an operation that mixes the two is refused as CUDA refuses it. So it
shows tensors made on the wrong device and branches that draw something else; it does
not show how a card rounds, nor what it lacks, nor its speed.

Importing this tells the whole process of the device, so a test does it in another one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("far")
FAR = torch.device("far", 0)
aten = torch.ops.aten
# These take tensors of both devices: copies, and places as indices.
BOTH = {
    aten._to_copy.default,
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}


class FarTensor(torch.Tensor):
    """One whose numbers are `here`, on the processor."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> "FarTensor":
        made: FarTensor = torch.Tensor._make_subclass(
            cls, here.to("meta"), dispatch_device=True, device_for_backend_keys=FAR
        )
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # as torch calls it
        cls,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return _computed(func, args, kwargs or {})


class _Made(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Takes what is made on FAR there."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return _computed(func, args, kwargs or {})


class _Told(TorchFunctionMode):
    """tensor and new_tensor ask no other mode: what they make goes there afterwards."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.Tensor.new_tensor and isinstance(args[0], FarTensor):
            like, numbers = args
            return torch.tensor(numbers, dtype=like.dtype).to(FAR)
        if func is torch.tensor and "device" in kwargs:
            device = kwargs.pop("device")
            return torch.tensor(*args, **kwargs).to(device)
        return func(*args, **kwargs)


@contextmanager
def far_device() -> Iterator[None]:
    """Within it "far" may be named as a device."""
    with _Made(), _Told():  # type: ignore[no-untyped-call]
        yield


def _computed(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if func is torch.ops.prim.device.default:
        return FAR
    tensors = [each for each in tree_flatten((args, kwargs))[0] if _is_tensor(each)]
    is_far = [isinstance(each, FarTensor) for each in tensors]
    beside = [each for each, far in zip(tensors, is_far, strict=True) if not far]
    # (CUDA takes a single number from the processor.)
    if any(is_far) and func not in BOTH and any(each.dim() for each in beside):
        raise RuntimeError(f"{func}: tensors on two devices, far and cpu")
    device = kwargs.get("device")
    goes_far = any(is_far) if device is None else torch.device(device).type == FAR.type
    if device is not None:
        kwargs = {**kwargs, "device": "cpu"}
    elif func in BOTH:  # what is copied into, or looked up in
        goes_far = is_far[0]
    made = func(*tree_map(_here, args), **tree_map(_here, kwargs))
    if not goes_far:
        return made
    return tree_map(lambda each: _far(each, tensors), made)


def _is_tensor(each: object) -> bool:
    return isinstance(each, torch.Tensor)


def _here(each: Any) -> Any:
    return each.here if isinstance(each, FarTensor) else each


def _far(each: Any, tensors: list[Tensor]) -> Any:
    # What works in place gives back the tensor that it was given.
    if not isinstance(each, torch.Tensor):
        return each
    same = [t for t in tensors if isinstance(t, FarTensor) and t.here is each]
    return same[0] if same else FarTensor(each)
