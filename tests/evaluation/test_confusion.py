import hypothesis.extra.numpy as numpy_strategies
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from boxsup.evaluation.confusion import confusion_matrix, iou_per_class, mean_iou

CLASSES = 4


@st.composite
def pairs(draw: st.DrawFn, prediction_void: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A truth with void and a prediction of the same shape."""
    shape = draw(numpy_strategies.array_shapes(min_dims=2, max_dims=2, max_side=8))
    labels = st.integers(0, CLASSES - 1)
    truth = draw(numpy_strategies.arrays(np.uint8, shape, elements=labels | st.just(255)))
    predicted = labels | st.just(255) if prediction_void else labels
    return truth, draw(numpy_strategies.arrays(np.uint8, shape, elements=predicted))


def test_a_matrix_worked_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1], [2, 2, 255, 0]], np.uint8)
    prediction = np.array([[0, 1, 1, 1], [2, 0, 2, 255]], np.uint8)
    confusion = confusion_matrix(truth, prediction, 3)
    assert confusion.tolist() == [[1, 1, 0, 1], [0, 2, 0, 0], [1, 0, 1, 0]]
    assert confusion.dtype == np.int64
    # 0: 1 right of 3 true and 2 predicted; 1: 2 of 2 and 3; 2: 1 of 2 and 1 (void of the truth is not counted)
    np.testing.assert_allclose(iou_per_class(confusion), [1 / 4, 2 / 3, 1 / 2])
    assert mean_iou(confusion) == pytest.approx((1 / 4 + 2 / 3 + 1 / 2) / 3)


def test_absent_classes_have_no_iou_and_a_class_predicted_in_vain_has_zero() -> None:
    truth, prediction = np.zeros((2, 2), np.uint8), np.array([[0, 0], [0, 1]], np.uint8)
    iou = iou_per_class(confusion_matrix(truth, prediction, 3))
    assert iou[:2].tolist() == [0.75, 0.0]
    assert np.isnan(iou[2])
    assert mean_iou(confusion_matrix(truth, prediction, 3)) == 0.375


def test_a_truth_of_nothing_but_void_has_no_mean() -> None:
    void = np.full((2, 3), 255, np.uint8)
    confusion = confusion_matrix(void, np.ones((2, 3), np.uint8), 2)
    assert not confusion.any()
    assert np.isnan(mean_iou(confusion))


def test_255_classes_leave_void_apart() -> None:
    labels = np.array([[254, 255, 0]], np.uint8)
    confusion = confusion_matrix(labels, np.array([[255, 254, 0]], np.uint8), 255)
    assert confusion.sum() == 2
    assert confusion[254, 255] == 1
    assert confusion[0, 0] == 1


@given(pairs())
def test_torchmetrics_counts_and_scores_the_same(pair: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    truth, prediction = pair
    confusion = confusion_matrix(truth, prediction, CLASSES)
    tensors = (torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
    theirs = multiclass_confusion_matrix(*tensors, num_classes=CLASSES, ignore_index=255)
    np.testing.assert_array_equal(confusion[:, :CLASSES], theirs.numpy())
    assert not confusion[:, CLASSES].any()
    # torchmetrics gives an absent class 0 (and leaves it out of its macro mean, as we do)
    per_class = multiclass_jaccard_index(*tensors, num_classes=CLASSES, ignore_index=255, average="none")
    np.testing.assert_allclose(np.nan_to_num(iou_per_class(confusion)), per_class.numpy(), atol=1e-6)
    if (truth != 255).any():
        macro = multiclass_jaccard_index(*tensors, num_classes=CLASSES, ignore_index=255, average="macro")
        assert mean_iou(confusion) == pytest.approx(float(macro), abs=1e-6)


@given(pairs(prediction_void=True))
def test_void_in_a_prediction_is_never_better_than_any_answer(
    pair: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    truth, prediction = pair
    confusion = confusion_matrix(truth, prediction, CLASSES)
    assert confusion.sum() == (truth != 255).sum()
    right = prediction.copy()
    right[prediction == 255] = np.where(truth == 255, 0, truth)[prediction == 255]
    better = iou_per_class(confusion_matrix(truth, right, CLASSES))
    assert (np.nan_to_num(iou_per_class(confusion)) <= np.nan_to_num(better)).all()


@given(pairs(prediction_void=True))
def test_matrices_of_parts_add_up(pair: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    truth, prediction = pair
    parts = [confusion_matrix(truth[row : row + 1], prediction[row : row + 1], CLASSES) for row in range(len(truth))]
    np.testing.assert_array_equal(sum(parts), confusion_matrix(truth, prediction, CLASSES))


def test_what_does_not_fit_is_refused() -> None:
    labels = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match=r"truth's shape \(2, 2\), got \(2, 3\)"):
        confusion_matrix(labels, np.zeros((2, 3), np.uint8), 2)
    with pytest.raises(ValueError, match="labels 0…1 or 255 in the truth, got 7"):
        confusion_matrix(labels + 7, labels, 2)
    with pytest.raises(ValueError, match="in the prediction, got 2"):
        confusion_matrix(labels, labels + 2, 2)
