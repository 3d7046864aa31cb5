"""Videos frame by frame, through OpenCV and the FFmpeg in it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError, StoreError
from boxsup.image.files import check_size

CODEC = "mp4v"  # MPEG-4 part 2: in every build of OpenCV, and played nearly everywhere
RATE = 25.0  # frames a second of a video that does not say
# Containers that hold their own pictures. Playlists, which FFmpeg takes by content whatever their name, lead to other
# files and addresses.
CONTAINERS = "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo"
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"protocol_whitelist;file|format_whitelist;{CONTAINERS}"
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # nothing: what is wrong is said by us. Looked at once, at the first video


class Video:
    """A video file that is read once.

    Attributes:
        rate: Frames a second.
        announced: How many frames the file says it has; 0 if it does not.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            DataError: It is missing, no video, or one of frames larger than MAX_PIXELS or MAX_SIDE.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such video")
        if not is_utf8(path):
            raise DataError(f"{path}: OpenCV reads no video whose path is no UTF-8; rename it")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._path = path
        self._capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise DataError(f"{path}: not a readable video; expected {CONTAINERS.replace(',', ', ')}")
        width, height = (int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        try:
            check_size(width, height)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if math.isfinite(rate) and 0 < rate <= 1000 else RATE
        self.announced = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Each frame as H×W×3 uint8 RGB, turned upright as the file says.

        Raises:
            DataError: There is none.
        """
        count = 0
        while True:
            there, frame = self._capture.read()
            if not there:
                break
            count += 1
            yield np.ascontiguousarray(frame[..., ::-1], np.uint8)  # OpenCV's are blue, green, red
        self._capture.release()
        if not count:
            raise DataError(f"{self._path}: no frame of it can be read")


def is_utf8(path: Path) -> bool:
    """Whether a path, from where we are on, is UTF-8 as OpenCV wants it."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class VideoWriter:
    """An MP4 file of frames of one size, made frame by frame; odd sides lose their last row or column.

    Attributes:
        frames: How many were written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Write to `path`, whose suffix is .mp4, at `rate` frames a second."""
        self.frames = 0
        self._path, self._rate = path, rate
        self._writer: cv2.VideoWriter | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if kind is None:
            self._check()

    def append(self, frame: NDArray[np.uint8]) -> None:
        """Add an H×W×3 uint8 RGB frame.

        Raises:
            StoreError: The file cannot be written.
        """
        if not is_utf8(self._path):
            raise StoreError(f"{self._path.parent}: OpenCV writes no video to a path that is no UTF-8; write elsewhere")
        if self._writer is None:
            size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, codec, self._rate, size)
            if not self._writer.isOpened():
                raise StoreError(f"{self._path.parent}: no video of {size[0]}×{size[1]} can be written there")
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))
        self.frames += 1

    def _check(self) -> None:
        """Raise unless the file has all the frames: OpenCV says nothing where a disk is full."""
        capture = cv2.VideoCapture(os.path.abspath(self._path), cv2.CAP_FFMPEG)
        if int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) != self.frames:
            raise StoreError(f"{self._path.parent}: a video could not be written whole; is the disk full?")
