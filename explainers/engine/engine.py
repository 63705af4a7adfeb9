"""The engine: one per device, shared by everybody who works on it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from explainers.engine.chunk_sizes import ChunkSizes
from explainers.engine.device import choose_device, describe_device
from explainers.engine.mixed_precision import half_dtype
from explainers.engine.network_state import NetworkParts, frozen, preserved_rng, without_fast_attention
from explainers.engine.process import give_back_freed_memory
from explainers.engine.turnstile import Turnstile
from explainers.graph.rewrite import copy_network

T = TypeVar("T")
_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


class Engine:
    """A device with its turnstile, the copies of networks that live on it, and its chunk sizes.

    Get one with `engine_for`: two engines on one device would let two users into one network at once.

    Args:
        new_chunks: makes the chunk sizes of a network that comes for the first time.

    Attributes:
        device: where it works.
        half: the 16-bit type that scores may be computed in there.
        turnstile: lets one caller at a time into the networks on it.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> engine = ex.engine_for("cpu")
        >>> engine.device
        device(type='cpu')
        >>> tuple(ex.explain(model, image, engine=engine).values.shape)
        (1, 12, 12)
    """

    def __init__(self, device: torch.device, new_chunks: Callable[[], ChunkSizes] | None = None) -> None:
        self.device = device
        self.half = half_dtype(device)
        self.turnstile = Turnstile()
        self._new_chunks = new_chunks or (lambda: ChunkSizes(device.type))
        self._chunks: weakref.WeakKeyDictionary[nn.Module, ChunkSizes] = weakref.WeakKeyDictionary()
        self._placed: weakref.WeakKeyDictionary[nn.Module, tuple[object, NetworkParts]] = weakref.WeakKeyDictionary()
        self._derived: weakref.WeakKeyDictionary[nn.Module, dict[str, tuple[object, object]]] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    def describe(self) -> str:
        """The device in a few words, such as "CUDA: NVIDIA H100" or "CPU, 8 threads"."""
        return describe_device(self.device)

    def place(self, parts: NetworkParts) -> NetworkParts:
        """The network itself if it lives on this device, else a copy that does, renewed when its weights change.

        Raises:
            VitrineError: the network cannot be copied.
        """
        if {tensor.device for tensor in parts.tensors} <= {self.device}:
            return parts
        with self._lock:
            state = parts.state()
            placed = self._placed.get(parts.network)
            if placed is None or placed[0] != state:
                copy = copy_network(parts.network).eval().requires_grad_(False)
                copy.to(self.device, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
                placed = (state, NetworkParts.of(copy))
                self._placed[parts.network] = placed
            return placed[1]

    def chunks(self, network: nn.Module) -> ChunkSizes:
        """The chunk sizes learnt from passes of this network, as long as it lives."""
        with self._lock:
            if network not in self._chunks:
                self._chunks[network] = self._new_chunks()
            return self._chunks[network]

    def derive(
        self,
        parts: NetworkParts,
        name: str,
        build: Callable[[nn.Module], T],
        *,
        contents: bool = False,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> T:
        """`build(network)`, kept until the network changes: a rewritten copy, a table of its layers.

        It is built in a turn of its own, when nobody's hooks are in the network. What is built must not hold the network
        itself, which would then never die.

        Args:
            contents: whether what is built depends on the weights' values, see `NetworkParts.state`.
            while_waiting: see `Turnstile.turn`.
        """
        with self._lock:
            known = self._derived.setdefault(parts.network, {})

        def is_current() -> bool:
            return name in known and known[name][0] == parts.state(contents)

        if not is_current():
            with self.turnstile.turn(while_waiting):
                if not is_current():  # by now, or without the hooks that somebody else had in it
                    known[name] = (parts.state(contents), build(parts.network))
                    self.tidy()
        return known[name][1]  # type: ignore[return-value]

    def attempt(self, parts: NetworkParts, work: Callable[[], T]) -> T | None:
        """Do one chunk of work on a network whose `parts` are frozen meanwhile; None if it did not fit in memory. Hold the turnstile round it."""
        try:
            with frozen(parts), without_fast_attention(), preserved_rng(self.device):
                result = work()
                self._wait()
                return result
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
                raise
        # Outside the except clause: the traceback in there keeps the failed chunk's tensors alive.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def tidy(self) -> None:
        """Give back the memory that work which is not done again has freed."""
        if self.device.type == "cpu":
            give_back_freed_memory()

    def _wait(self) -> None:
        """Wait for the device, so that a turn ends when its work does and times are true."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


_engines: dict[torch.device, Engine] = {}
_engines_lock = threading.Lock()


def engine_for(device: str | torch.device | None = None) -> Engine:
    """The one engine of a device; see `choose_device` for what None means.

    Example:
        >>> import explainers as ex
        >>> ex.engine_for("cpu") is ex.engine_for("cpu")
        True
    """
    key = choose_device(device)
    with _engines_lock:
        if key not in _engines:
            _engines[key] = Engine(key)
        return _engines[key]
