"""Makes the candidates of images in other processes, before a person comes to them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool

from boxsup.errors import BoxSupError
from boxsup.machine.workers import process_pool
from boxsup.review.subject import Look, Looked

KEPT = 24  # images that are kept
NEXT = 4  # images that are made ahead


class Ahead:
    """The candidates of images, made when they are asked for and kept for a while."""

    def __init__(self, look: Look, workers: int) -> None:
        """Start without any process; the first call starts them."""
        self._look, self._lock = look, threading.Lock()
        self._pool = process_pool(workers, module=look.__module__)
        self._made: OrderedDict[str, Future[Looked]] = OrderedDict()

    def want(self, images: Sequence[str]) -> None:
        """Make these images next, if they are not there, and forget those that were used longest ago."""
        with self._lock:
            for image in dict.fromkeys(images):
                self._future(image)
            self._forget(set(images))

    def get(self, image: str, patience: float) -> Looked:
        """What is made of an image; waits for it.

        Args:
            image: Id of the image.
            patience: Seconds to wait at most.

        Raises:
            BoxSupError: It cannot be made.
            TimeoutError: It takes longer.
        """
        with self._lock:
            future = self._future(image)
            self._forget({image})
        try:
            return future.result(patience)
        except BaseException as error:
            with self._lock:
                if future.done():  # it failed, and may be asked for again
                    self._made.pop(image, None)
            if isinstance(error, CancelledError):
                raise BoxSupError("the review is ending") from error
            if isinstance(error, BrokenProcessPool):
                raise BoxSupError("a worker process was ended from outside, most often as memory ran out") from error
            raise

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _future(self, image: str) -> Future[Looked]:
        if image not in self._made:
            self._made[image] = self._pool.submit(self._look, image)
        self._made.move_to_end(image)
        return self._made[image]

    def _forget(self, kept: set[str]) -> None:
        for image in list(self._made):
            if len(self._made) <= KEPT:
                return
            if image not in kept:
                self._made.pop(image).cancel()
