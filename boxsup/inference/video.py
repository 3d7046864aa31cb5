"""Reads and writes videos frame by frame, by OpenCV and its FFmpeg."""

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

CODEC = "mp4v"  # MPEG-4 part 2, which every build of OpenCV writes and nearly every player reads
DEFAULT_RATE = 25.0  # frames per second of a video that does not tell its rate
# Containers that hold their own frames. FFmpeg recognises playlists by content, whatever their names, and would follow
# them to other files and addresses.
CONTAINERS = "mov,mp4,avi,matroska,webm,mpeg,mpegts,mpegvideo"
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"protocol_whitelist;file|format_whitelist;{CONTAINERS}"
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # silent, since we report errors; FFmpeg reads it at the first video


class Video:
    """A video file, which can be read once.

    Attributes:
        rate: Frames per second.
        announced: Number of frames that the file says it has; 0 if it does not say.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            DataError: The file is missing or not a video, or its frames exceed MAX_PIXELS or MAX_SIDE.
        """
        if not path.is_file():
            raise DataError(f"{path}: no such video")
        if not is_utf8(path):
            raise DataError(f"{path}: OpenCV cannot read a video whose path is not UTF-8; rename it")
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
        self.rate = rate if math.isfinite(rate) and 0 < rate <= 1000 else DEFAULT_RATE
        self.announced = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Each frame as H×W×3 uint8 RGB, rotated as the file says.

        Raises:
            DataError: No frame can be read.
        """
        count = 0
        while True:
            success, frame = self._capture.read()
            if not success:
                break
            count += 1
            yield np.ascontiguousarray(frame[..., ::-1], np.uint8)  # from blue, green, red
        self._capture.release()
        if not count:
            raise DataError(f"{self._path}: no frame can be read")


def is_utf8(path: Path) -> bool:
    """Whether an absolute path is UTF-8, which OpenCV requires."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


class VideoWriter:
    """Writes frames of one size into an MP4 file; frames with odd sides lose their last row or column.

    Attributes:
        frames: Number of frames written.
    """

    def __init__(self, path: Path, rate: float) -> None:
        """Write to `path`, whose suffix is .mp4, at `rate` frames per second."""
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
            raise StoreError(f"{self._path.parent}: OpenCV cannot write to a path that is not UTF-8; write elsewhere")
        if self._writer is None:
            size = (frame.shape[1], frame.shape[0])
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, codec, self._rate, size)
            if not self._writer.isOpened():
                raise StoreError(f"{self._path.parent}: a video of {size[0]}×{size[1]} cannot be written there")
        self._writer.write(np.ascontiguousarray(frame[..., ::-1]))
        self.frames += 1

    def _check(self) -> None:
        """Raise a StoreError unless the file has all frames, since OpenCV does not report a full disk."""
        capture = cv2.VideoCapture(os.path.abspath(self._path), cv2.CAP_FFMPEG)
        if int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) != self.frames:
            raise StoreError(f"{self._path.parent}: a video could not be written whole; is the disk full?")
