import zlib

import numpy as np
import pytest
import torch

from boxsup.network.checkpoint import load, save
from boxsup.network.packing import MANTISSA, main, packed, rounded, unpacked
from boxsup.objects.network import ObjectNet, load_network, save_network


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file of an object network with random weights."""
    path = tmp_path_factory.mktemp("network") / "made.pt"
    torch.manual_seed(0)
    save_network(path, ObjectNet(), {"seed": 0})
    return path


def states_of(*paths):
    return [load_network(path)[0].state_dict() for path in paths]


def test_a_packed_network_is_the_same_and_an_archive_compresses_it(file, tmp_path):
    main([str(file), str(tmp_path / "packed.pt")])
    plain, small = states_of(file, tmp_path / "packed.pt")
    assert list(plain) == list(small)
    assert all(torch.equal(plain[name], small[name]) for name in plain)
    assert load_network(tmp_path / "packed.pt")[1] == {"seed": 0}
    plain_bytes, packed_bytes = (len(zlib.compress(path.read_bytes())) for path in (file, tmp_path / "packed.pt"))
    assert packed_bytes < 0.95 * plain_bytes


def test_kernels_that_keep_8_bits_differ_by_half_a_bit_and_norms_not_at_all(file, tmp_path):
    main([str(file), str(tmp_path / "packed.pt"), "--bits", "8"])
    plain, small = states_of(file, tmp_path / "packed.pt")
    for name, value in plain.items():
        if value.ndim > 1:
            assert (small[name] - value).abs().max() <= 2**-9 * value.abs().max()
        else:
            assert torch.equal(small[name], value)


def test_rounding_finds_the_nearest_of_all_values():
    values = np.arange(0x7800, dtype=np.uint16).view(np.float16)  # every one from 0 to 32768
    for bits in (1, 7, 9):
        kept = np.unique(rounded(torch.from_numpy(values.copy()), bits).numpy().astype(float))
        got = rounded(torch.from_numpy(values.copy()), bits).numpy().astype(float)
        at = np.searchsorted(kept, values).clip(1, len(kept) - 1)
        nearest = np.minimum(np.abs(kept[at] - values), np.abs(kept[at - 1] - values))
        np.testing.assert_array_equal(np.abs(got - values), nearest)
        assert not (got[np.isfinite(got)].astype(np.float16).view(np.uint16) & ((1 << MANTISSA - bits) - 1)).any()
    assert torch.equal(rounded(torch.from_numpy(values), MANTISSA), torch.from_numpy(values))


def test_states_of_any_kind_come_back():
    states = [
        {},
        {"count": torch.tensor(3)},
        {"a": torch.zeros(0, 3).half(), "b": torch.tensor(-0.0).half(), "c": torch.arange(6.0).half().view(1, 2, 3)},
    ]
    for state in states:
        again = unpacked(packed(state))
        assert list(again) == list(state)
        assert all(
            again[name].dtype == value.dtype and torch.equal(again[name], value) for name, value in state.items()
        )


def test_a_packed_file_that_lacks_weights_says_so(file, tmp_path):
    main([str(file), str(tmp_path / "packed.pt")])
    content = load(tmp_path / "packed.pt")
    content["packed"]["low"] = content["packed"]["low"][:-1]
    save(tmp_path / "short.pt", content)
    with pytest.raises(Exception, match=r"short\.pt: its weights are another network's"):
        load_network(tmp_path / "short.pt")


def test_what_cannot_be_packed_is_one_line(file, tmp_path, capsys):
    main([str(file), str(tmp_path / "packed.pt")])
    for source in (tmp_path / "packed.pt", tmp_path / "none.pt"):
        with pytest.raises(SystemExit, match=rf"^packing: error: {source}: "):
            main([str(source), str(tmp_path / "again.pt")])
    with pytest.raises(SystemExit, match="2"):
        main([str(file), str(tmp_path / "again.pt"), "--bits", "0"])
    assert "invalid choice: 0" in capsys.readouterr().err
    assert not (tmp_path / "again.pt").exists()
