"""A browser, a made-up folder of masks, and a review of it that is served in a thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from boxsup.review.ahead import Ahead
from boxsup.review.app import make_server
from boxsup.review.of_masks import subject_of_masks
from boxsup.review.session import PATIENCE, Session
from boxsup.review.subject import Subject
from helpers.masks_folder import write_masks_folder


@pytest.fixture(scope="session")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `boxsup masks` that no test changes."""
    return write_masks_folder(tmp_path_factory.mktemp("masks"), side=120)


@pytest.fixture(scope="session")
def ahead(masks: Path) -> Iterator[Ahead]:
    """The process that makes candidates, started once for all tests."""
    made = Ahead(subject_of_masks(masks).look, 1)
    yield made
    made.close()


@dataclass(frozen=True)
class Served:
    """A review that is served.

    Attributes:
        subject: What is reviewed.
        session: The review.
        address: Where its page is.
    """

    subject: Subject
    session: Session
    address: str

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the journal."""
        if not self.subject.journal.exists():
            return []
        return [json.loads(line) for line in self.subject.journal.read_text().splitlines()]


@pytest.fixture
def serve(tmp_path: Path):
    """Serve a subject, with its journal in the test's own folder."""
    servers = []

    def start(subject: Subject, ahead: Ahead, target: float = 0.9, patience: float = PATIENCE) -> Served:
        own = replace(subject, journal=tmp_path / "reviewed.jsonl")
        session = Session(own, ahead, target, patience)
        server, address = make_server(session, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Served(own, session, address)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def served(serve, masks: Path, ahead: Ahead) -> Served:
    """The folder, served."""
    return serve(subject_of_masks(masks), ahead)
