"""What all calls share, packed so that it crosses to each worker once."""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections import deque
from io import BytesIO
from mmap import mmap
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np

try:
    import cloudpickle  # a dependency of joblib since 1.6
except ImportError:
    from joblib.externals import cloudpickle

_LARGE = 2**20  # bytes of an array from which on joblib maps it to memory
_ALIGNMENT = 64
_POLL = 0.1  # seconds between looks whether what was received is still needed


class Broadcast:
    """An object that crosses to each worker process once, however many calls refer to it.

    Its arrays are kept apart from the rest (pickle protocol 5), so that joblib maps the large ones
    to memory, shared by all workers, and a worker unpickles the whole only for its first call. The
    small ones, such as the indices of the splits, are laid end to end, for together they may be
    large; a worker may write to them, and what it writes stays there. What is mapped from a file
    already, workers on this machine map from there. Dask and Ray place all in their own stores,
    once.

    Parameters
    ----------
    content : object
        What all calls share.
    lease : str, default=None
        A path on this machine. A process that receives the broadcast keeps it for as long as the
        path exists, and without one until two others have come or `forget` is called.
    token : str, default=None
        By which a process knows it again, though another one, as in Dask, has packed it anew;
        a new one by default.
    """

    def __init__(self, content: Any, lease: str | None = None, token: str | None = None) -> None:
        self.content = content
        self._lease = lease
        self._token = token or uuid4().hex
        self._packed: tuple[np.ndarray, list[np.ndarray], list[int]] | None = None

    def pack(self) -> None:
        """Pickle the content now, so that what cannot be pickled raises here."""
        buffers: list[pickle.PickleBuffer] = []
        kind = _Pickler if self._lease is None else _LocalPickler
        with BytesIO() as file:
            kind(file, protocol=5, buffer_callback=buffers.append).dump(self.content)
            head = file.getvalue()
        arrays = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
        sizes = [array.nbytes for array in arrays]
        block = np.zeros(sum(_room(size) for size in sizes if size < _LARGE), dtype=np.uint8)
        large, start = [block], 0
        for array, size in zip(arrays, sizes, strict=True):
            if size < _LARGE:
                block[start : start + size] = array
                start += _room(size)
            else:
                large.append(array)
        self._packed = np.frombuffer(head, dtype=np.uint8), large, sizes

    def __reduce__(self) -> tuple:
        if self._packed is None:
            self.pack()
        return _unpack, (self._token, self._lease, *self._packed)  # type: ignore[misc]

    def __sizeof__(self) -> int:
        """Size in bytes; beyond 1,000, Dask and Ray store an argument rather than send it along."""
        head, arrays, _ = self._packed or (np.empty(0), [], [])
        own = object.__sizeof__(self) + 1_000
        return own + sys.getsizeof(head) + head.nbytes + sum(array.nbytes for array in arrays)


_Pickler: Any = cloudpickle.Pickler


class _LocalPickler(_Pickler):
    """Has a process of this machine map the files that are mapped here, rather than copies."""

    def reducer_override(self, obj: Any) -> Any:
        # One of mode "c" may hold changes that the file lacks.
        is_mapped = type(obj) is np.memmap and obj.filename and obj.mode != "c"
        if is_mapped and Path(obj.filename).exists():
            start = obj
            while isinstance(start.base, np.memmap):
                start = start.base
            is_block = obj.flags.c_contiguous or obj.flags.f_contiguous
            if is_block and isinstance(start.base, mmap):
                offset = start.offset + obj.ctypes.data - start.ctypes.data
                order = "C" if obj.flags.c_contiguous else "F"
                return np.memmap, (obj.filename, obj.dtype, "c", offset, obj.shape, order)
        return super().reducer_override(obj)


_received: WeakValueDictionary[str, Broadcast] = WeakValueDictionary()  # by this process
_kept: deque[Broadcast] = deque(maxlen=2)  # those without a lease


def _room(size: int) -> int:
    """Bytes that an array takes in the block, so that the next one is aligned."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _writable(block: np.ndarray) -> np.ndarray:
    """Return an array that may be written to, without a change to what others see."""
    if block.flags.writeable:
        return block
    if isinstance(block, np.memmap) and block.filename:
        return np.memmap(block.filename, block.dtype, "c", block.offset, block.shape)
    return block.copy()


def _unpack(
    token: str, lease: str | None, head: np.ndarray, arrays: list[np.ndarray], sizes: list[int]
) -> Broadcast:
    """Return the broadcast, from the memory of this process where it has been here before."""
    broadcast = _received.get(token)
    if broadcast is None:
        block, *large = arrays
        block = _writable(block)
        buffers, start = [], 0
        for size in sizes:
            if size < _LARGE:
                buffers.append(block[start : start + size].data)
                start += _room(size)
            else:
                buffers.append(large.pop(0).data)
        broadcast = Broadcast(pickle.loads(head.data, buffers=buffers), token=token)
        _received[token] = broadcast
        if lease is None:
            _kept.append(broadcast)
        else:
            threading.Thread(target=_keep, args=(broadcast, lease), daemon=True).start()
    return broadcast


def forget() -> None:
    """Keep nothing that came without a lease."""
    _kept.clear()


def _keep(broadcast: Broadcast, lease: str) -> None:
    """Refer to the broadcast until the lease ends."""
    while Path(lease).exists():
        time.sleep(_POLL)
