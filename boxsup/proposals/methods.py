"""The proposal methods by name. Each is imported only when it is used: some need torch, which takes seconds to load."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.config.build import build, mapping
from boxsup.config.fields import variants
from boxsup.config.proposals import AnyProposals, ComputedSettings, ProposalSettings
from boxsup.errors import ConfigError
from boxsup.proposals.pool import Pool
from boxsup.proposals.selection import BoxProposer, Proposer
from boxsup.proposals.views import with_views
from boxsup.proposals.working_size import at_working_size

# The settings of each method. The method itself is the module of this package with its name, which has
# `proposer(settings)`, which makes its `Proposer`, and PACKAGES, what its results depend on besides NumPy.
METHODS: dict[str, type[ProposalSettings]] = variants(AnyProposals, "method")


def parse_settings(text: str) -> ProposalSettings:
    """Parse a method's settings from the JSON that a rule passes.

    Raises:
        ConfigError: The text is not a JSON object, the method is unknown, or a key is missing, unknown or of a wrong
            type.
    """
    return build_settings(mapping(text, "settings"), "settings")


def build_settings(values: Any, where: str) -> ProposalSettings:  # noqa: ANN401 - JSON
    """Build a method's settings from parsed JSON; see `parse_settings`."""
    method = values.get("method") if isinstance(values, dict) else None
    if method not in METHODS:
        raise ConfigError(f"{where}.method: expected one of {', '.join(METHODS)}, got {method!r}")
    return build(METHODS[method], values, where)


def make_proposer(settings: ProposalSettings) -> Proposer:
    """Make the method that the settings name, ready for images; it knows no boxes, so it has no views of them."""
    proposer: Proposer = _module(settings.method).proposer(settings)
    return at_working_size(proposer, settings.megapixels) if isinstance(settings, ComputedSettings) else proposer


def make_box_proposer(settings: ProposalSettings) -> BoxProposer:
    """Make the method that the settings name, ready for images with boxes."""
    propose = make_proposer(settings)
    planned = settings.views if isinstance(settings, ComputedSettings) else None

    def propose_with_views(
        image: NDArray[np.uint8], image_id: str, boxes: NDArray[np.integer], own: Pool | None = None
    ) -> Pool:
        pool = propose(image, image_id) if own is None else own
        if planned is None:
            return pool
        assert isinstance(settings, ComputedSettings)
        return with_views(pool, propose, image, image_id, boxes, settings.megapixels, planned)

    return propose_with_views


def packages(method: str) -> tuple[str, ...]:
    """Return the names of the distributions, besides NumPy, that a method's results depend on.

    >>> packages("imported")
    ('scipy',)
    """
    names: tuple[str, ...] = _module(method).PACKAGES
    return names


def _module(method: str) -> ModuleType:
    return importlib.import_module(f"boxsup.proposals.{method}")
