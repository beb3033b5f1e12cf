"""Which predicted boxes match a true one, at each of COCO's ten thresholds, by pycocotools."""

import contextlib
import io
from typing import Any

import numpy as np

from kdui.core.errors import StageFailed
from kdui.problems.detection.decode import MOST

THRESHOLDS = np.linspace(0.5, 0.95, 10)


def matches(boxes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of boxes [n, MOST, 6] (class, score, left, top, right, bottom) beside true ones [n, most, 5]: integers [n, MOST] whose bit
    t says that the box matches a true one at ``THRESHOLDS[t]``.

    The best box of a class goes first, and a true box is matched once (Lin et al. 2014, COCO, arXiv:1405.0312, and the reference
    implementation). Raises StageFailed where pycocotools is not installed.
    """
    try:
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise StageFailed("The package pycocotools is not installed. Run 'pip install -r requirements.txt'.") from error
    images, numbers = np.nonzero(boxes[..., 0])
    predicted = [
        {"score": float(row[1]), **_annotation(image, row[0], row[2:])}
        for image, row in zip(images, boxes[images, numbers].astype(np.float64), strict=True)
    ]
    true = [
        _annotation(image, row[0], row[1:]) for image, rows in enumerate(targets.astype(np.float64)) for row in rows if row[0] > 0
    ]
    found = np.zeros(boxes.shape[:2], np.int64)
    if not predicted or not true:
        return found
    with contextlib.redirect_stdout(io.StringIO()):  # it tells how long each step took
        judge: Any = COCOeval(_data(true, len(boxes)), _data(predicted, len(boxes)), "bbox")
        judge.params.areaRng, judge.params.areaRngLbl = judge.params.areaRng[:1], ["all"]
        judge.params.maxDets = [MOST]
        judge.evaluate()
    for of_image in judge.evalImgs:
        if of_image is not None:
            place = np.array(of_image["dtIds"], dtype=np.int64) - 1
            bits = ((of_image["dtMatches"] > 0) << np.arange(len(THRESHOLDS))[:, None]).sum(0)
            found[images[place], numbers[place]] = bits
    return found


def _annotation(image: Any, label: float, sides: np.ndarray) -> dict[str, Any]:
    left, top, right, bottom = (float(side) for side in sides)
    width, height = right - left, bottom - top
    return {
        "image_id": int(image),
        "category_id": int(label),
        "bbox": [left, top, width, height],
        "area": width * height,
        "iscrowd": 0,
        "ignore": 0,
    }


def _data(annotations: list[dict[str, Any]], images: int) -> Any:
    from pycocotools.coco import COCO

    data = COCO()
    labels = sorted({annotation["category_id"] for annotation in annotations})
    data.dataset = {
        "images": [{"id": image} for image in range(images)],
        "categories": [{"id": label} for label in labels],
        "annotations": [{"id": number, **annotation} for number, annotation in enumerate(annotations, start=1)],
    }
    data.createIndex()
    return data
