import pytest
import torch

from boxsup.machine.devices import device, take_devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_all_is_on_the_processor():
    assert device() == torch.device("cpu")
    assert take_devices(3) == [torch.device("cpu")] * 3
