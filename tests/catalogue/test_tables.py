import pandas as pd

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue


def catalogue():
    images = pd.DataFrame([(name, f"{name}.jpg", 9, 9, "", "") for name in "abc"], columns=list(IMAGE_COLUMNS))
    boxes = pd.DataFrame(
        [("a", 1, 0, 0, 5, 5, 0, 0), ("a", 2, 1, 1, 3, 4, 1, 0), ("c", 1, 2, 2, 9, 9, 0, 1)], columns=list(BOX_COLUMNS)
    )
    return Catalogue(images, boxes, ("background", "cat", "dog"))


def test_boxes_of_an_image_keep_their_order_and_their_place_in_the_table():
    assert list(catalogue().boxes_of("a")["label"]) == [1, 2]
    assert list(catalogue().boxes_of("c").index) == [2]


def test_an_image_without_boxes_has_an_empty_table_of_the_same_columns():
    none = catalogue().boxes_of("b")
    assert none.empty
    assert none.dtypes.equals(catalogue().boxes.dtypes)


def test_a_subset_of_the_boxes_keeps_their_places_in_the_whole_table():
    whole = catalogue()
    part = Catalogue(whole.images, whole.boxes[whole.boxes["label"] == 1], whole.classes)
    assert list(part.boxes_of("a").index) == [0]
    assert list(part.boxes_of("c").index) == [2]
