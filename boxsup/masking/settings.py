"""Which settings and networks `boxsup masks` and `boxsup.Masker` use, by what a user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.proposals import ProposalSettings
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError
from boxsup.inference.arguments import checked_scales
from boxsup.inference.labelling import Labelling
from boxsup.inference.trained import Trained
from boxsup.masking.box_masks import check_update
from boxsup.masking.recipe import Recipe
from boxsup.near import did_you_mean, nearest
from boxsup.proposals.methods import build_settings


def mask_settings(proposals: str, config: Path | None) -> tuple[UpdateSettings, ProposalSettings]:
    """The settings of the update and of the proposals, by the configuration.

    Args:
        proposals: Name of the proposals.
        config: A file whose keys are laid over config.yaml; None for config.yaml as it is.

    Raises:
        ConfigError: The file cannot be read, a setting is wrong, or there are no proposals of this name.
    """
    content = project_config(config)
    keys, methods = ("defaults", "update"), block(content, "proposals")
    update = build(UpdateSettings, generation_settings(block(content, *keys)), ".".join(keys))
    check_update(update)
    if proposals not in methods:
        hint = did_you_mean(nearest(proposals, methods))
        raise ConfigError(f"proposals {proposals}: expected one of {', '.join(methods)}{hint}")
    return update, build_settings(methods[proposals], f"proposals.{proposals}")


def mask_recipe(
    trained: Trained | None,
    objects: Sequence[Path] | None,
    scales: Sequence[float] | None,
    settings: tuple[UpdateSettings, ProposalSettings],
    disjoint: bool,
) -> Recipe:
    """How to make masks by these arguments; those that are not given are as in the run of the model.

    Args:
        trained: A trained model; None for none.
        objects: Object networks; None for those of the model's run together with the one that ships with the package.
        scales: Scales of the image for the trained model.
        settings: See `mask_settings`.
        disjoint: Whether a pixel belongs to one box only.

    Raises:
        ConfigError: Scales are out of range, or given without a trained model.
    """
    if scales is not None and trained is None:
        raise ConfigError("scales: only a trained model looks at several, and none is given; name one, or no scales")
    labelling = Labelling() if trained is None else trained.labelling
    model = None if trained is None else trained.checkpoint
    own = [] if trained is None else trained.object_networks()
    networks, shipped = (own, True) if objects is None else (objects, False)
    scales = tuple(labelling.update_scales if scales is None else checked_scales(scales))
    return Recipe(model, tuple(networks), scales, *settings, disjoint, labelling.megapixels, shipped)
