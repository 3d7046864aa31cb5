import pytest
import torch

from boxsup.contours import network as contour_network
from boxsup.contours.network import KIND, ContourNet, load_network, save_network
from boxsup.errors import StoreError
from boxsup.network.checkpoint import save
from boxsup.network.folding import folded


@pytest.fixture(scope="module")
def used():
    """A network whose batch norms have seen data, and its folded copy."""
    torch.manual_seed(0)
    network = ContourNet()
    with torch.no_grad():
        for _ in range(3):
            network(2 * torch.randn(2, 3, 64, 64) + 1)
    other = ContourNet()
    other.load_state_dict(network.state_dict())
    return network.eval(), folded(other)


def test_logits_have_the_size_of_the_image(used):
    with torch.inference_mode():
        assert used[0](torch.zeros(2, 3, 32, 48)).shape == (2, 1, 32, 48)


def test_folding_changes_no_score(used):
    image = torch.randn(1, 3, 64, 80)
    with torch.inference_mode():
        torch.testing.assert_close(used[1](image), used[0](image), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in used[1].modules())


def test_the_encoder_takes_torchvisions_weights():
    from torchvision.models import mobilenet_v2

    torch.manual_seed(1)
    classifier, network = mobilenet_v2(weights=None), ContourNet()
    network.load_imagenet(classifier.state_dict())
    for name, value in network.encoder.state_dict().items():
        assert torch.equal(value, classifier.features.state_dict()[name])
    with pytest.raises(StoreError, match="mobilenet_v2"):
        network.load_imagenet({"features.0.0.weight": torch.zeros(1)})


def test_a_file_gives_the_network_back_in_half_precision(used, tmp_path):
    save_network(tmp_path / "a.pt", used[1], {"seed": 7})
    save_network(tmp_path / "b.pt", used[1], {"seed": 7})
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    loaded, made = load_network(tmp_path / "a.pt")
    assert made == {"seed": 7}
    assert loaded.training is False
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(image).sigmoid(), used[1](image).sigmoid(), rtol=0, atol=5e-3)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_files_that_are_no_network_are_refused(tmp_path, content):
    path = tmp_path / "network.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"network\.pt: no"):
        load_network(path)


@pytest.mark.parametrize(
    "content", [{"state": {}}, {"format": KIND.format}, {"format": KIND.format, "state": {"x": 1}}]
)
def test_other_contents_are_refused(tmp_path, content):
    save(tmp_path / "network.pt", content)
    with pytest.raises(StoreError, match="boxsup contours train"):
        load_network(tmp_path / "network.pt")


def test_weights_of_another_shape_are_refused(used, tmp_path, monkeypatch):
    save_network(tmp_path / "network.pt", used[1], {})
    monkeypatch.setattr(contour_network, "CHANNELS", (8, 16, 32, 48, 64))
    with pytest.raises(StoreError, match="another network"):
        load_network(tmp_path / "network.pt")
