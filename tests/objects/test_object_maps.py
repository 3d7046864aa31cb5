import numpy as np
import pytest

from boxsup.errors import StoreError
from boxsup.objects.maps import ObjectMaps, object_maps_writer


def written(path, images, counts, size=3, value=0):
    with object_maps_writer(path, images, size, {"seed": 0}) as writer:
        for row, count in enumerate(counts):
            writer.append(np.full((count, size, size), value + row, np.uint8))
    return path


def test_maps_of_several_stores_are_read_back(tmp_path):
    maps = ObjectMaps(
        [written(tmp_path / "0.zarr", ["a", "b"], [2, 0]), written(tmp_path / "1.zarr", ["c"], [1], 4, 7)]
    )
    assert list(maps) == ["a", "b", "c"]
    assert len(maps) == 3
    np.testing.assert_array_equal(maps["a"], np.zeros((2, 3, 3)))
    assert maps["b"].shape == (0, 3, 3)
    np.testing.assert_array_equal(maps["c"], np.full((1, 4, 4), 7))
    assert maps.attributes[0]["seed"] == 0


def test_equal_maps_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        written(tmp_path / name, ["a", "b"], [1, 2])
    files = [
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("one", "two")
    ]
    assert files[0] == files[1]


def test_another_store_is_refused(tmp_path):
    with pytest.raises(StoreError):
        ObjectMaps([tmp_path])
