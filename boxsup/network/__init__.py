"""Networks: ImageNet backbones with heads that score every pixel, and the files that hold them."""

from __future__ import annotations

from collections.abc import Callable

from boxsup.errors import ConfigError
from boxsup.network.segmenter import Segmenter


def build_network(name: str, classes: int) -> Segmenter:
    """Make a network, with random weights from torch's global generator.

    Args:
        name: Its name in the configuration: fcn32s, fcn16s, fcn8s, deeplab_4x4, deeplab_largefov,
            deeplab_v2_resnet101, mobilenet_v2 or mobilenet_v2_8s; or one of `boxsup.config.training.network_name` for
            a network of segmentation-models-pytorch.
        classes: C, the number of classes with the background.

    Raises:
        ConfigError: No network has this name, or the package that has it is missing.
    """
    from boxsup.network.mobilenet import MobileNet
    from boxsup.network.resnet import DeepLabV2
    from boxsup.network.smp import SmpNetwork, parse_name
    from boxsup.network.vgg import FCN, DeepLab

    smp = parse_name(name)
    if smp is not None:
        return SmpNetwork(smp, classes)

    builders: dict[str, Callable[[int], Segmenter]] = {
        "fcn32s": lambda count: FCN(count, skips=0),
        "fcn16s": lambda count: FCN(count, skips=1),
        "fcn8s": lambda count: FCN(count, skips=2),
        "deeplab_4x4": lambda count: DeepLab(count, kernel=4, dilation=4, channels=4096),
        "deeplab_largefov": lambda count: DeepLab(count, kernel=3, dilation=12, channels=1024),
        "deeplab_v2_resnet101": DeepLabV2,
        "mobilenet_v2": lambda count: MobileNet(count, stride=16),
        "mobilenet_v2_8s": lambda count: MobileNet(count, stride=8),
    }
    if name not in builders:
        raise ConfigError(
            f"network.name: expected one of {', '.join(builders)} or smp:DECODER:ENCODER:STRIDE, got '{name}'"
        )
    return builders[name](classes)


__all__ = ["Segmenter", "build_network"]
