"""Some 370 statistics of a picture, none of them chosen for what people feel: what a search may choose from.

Every one is the same for a picture and its mirror image. Lengths are pixels of a picture whose longer side has 128.
"""

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np

from recommender.features.picture import picture

SIZE = 128
Named = Iterator[tuple[str, float]]


def statistics(rgb: np.ndarray) -> dict[str, float]:
    """Every statistic of `rgb` (uint8 [h, w, 3]) by name."""
    lab = picture(rgb, SIZE).lab
    light, a, b = (np.ascontiguousarray(lab[..., i]) for i in range(3))
    chroma = np.hypot(a, b)
    planes = {"L": light, "a": a, "b": b, "C": chroma}
    found: dict[str, float] = {}
    for part in (
        bands(planes), lines(light, 0), lines(light, 2), grids(planes | {"G": np.log(edges(light)[2] + 0.2)}),
        tones(light, a, b, chroma), neighbours(light, a, b), patterns(light), subject(lab, light, chroma), layout(lab),
    ):  # fmt: skip
        found.update(part)
    return found


def bands(planes: dict[str, np.ndarray]) -> Named:
    """Detail in octaves: how much, how peaked, where, and how unevenly spread."""
    for name, plane in planes.items():
        before, log_variance = plane, []
        for k in range(6):
            after = cv2.GaussianBlur(plane, (0, 0), 2.0**k)
            detail, before = before - after, after
            log_variance.append(np.log(detail.var() + 0.05))
            yield f"band {name}{k}", log_variance[-1]
            if name == "L":
                yield from spread(detail, k)
        yield f"rest {name}", np.log(before.var() + 0.05)
        if name == "L":
            for k, (fine, coarse) in enumerate(pairwise(log_variance)):
                yield f"slope {k}", fine - coarse


def spread(detail: np.ndarray, k: int) -> Named:
    """How the detail of an octave is distributed."""
    size = np.abs(detail)
    mean, (h, w) = size.mean(), size.shape
    blocks = cv2.resize(size, (8, 8), interpolation=cv2.INTER_AREA)
    yield f"peaked {k}", np.log(((detail - detail.mean()) ** 4).mean() / (detail.var() + 0.01) ** 2 + 0.5)
    yield f"central {k}", np.log((size[h // 4 : -(h // 4), w // 4 : -(w // 4)].mean() + 0.05) / (mean + 0.05))
    yield f"above {k}", np.log((size[: h // 2].mean() + 0.05) / (size[h // 2 :].mean() + 0.05))
    yield f"uneven {k}", blocks.std() / (blocks.mean() + 0.05)
    yield f"empty {k}", (blocks < 0.25 * mean).mean()
    yield f"least {k}", np.log(np.percentile(blocks, 10) + 0.05)
    yield f"most {k}", np.log(np.percentile(blocks, 95) + 0.05)


def edges(light: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizontal and vertical gradients of lightness per pixel, and their size."""
    x, y = (cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))
    return x, y, np.hypot(x, y)


def lines(light: np.ndarray, blur: int) -> Named:
    """Directions of edges: which, how many, how they agree nearby and over the whole picture."""
    x, y, size = edges(cv2.GaussianBlur(light, (0, 0), blur) if blur else light)
    angle = np.degrees(np.arctan2(y, x)) % 180
    folded = np.histogram(np.minimum(angle, 180 - angle), bins=6, range=(0, 90), weights=size)[0]
    for i, share in enumerate(folded / (folded.sum() + 1e-6)):
        yield f"direction {blur} {i}", share
    whole = np.histogram(angle, bins=12, range=(0, 180), weights=size)[0]
    whole = whole / (whole.sum() + 1e-6)
    yield f"directions {blur}", -(whole * np.log(whole + 1e-6)).sum()
    levels = np.log(np.percentile(size, (50, 75, 90, 98)) + 0.1)
    for level, q in zip(levels, (50, 75, 90, 98), strict=True):
        yield f"edges {blur} p{q}", level
    yield f"edges {blur} range", levels[3] - levels[0]
    for width in (5, 9, 17, 0):
        xx, yy, xy = (cv2.blur(v, (width, width)) if width else v.mean() for v in (x * x, y * y, x * y))
        energy, coherent = xx + yy, np.hypot(xx - yy, 2 * xy)
        total = np.sum(energy) + 0.01 * np.size(energy)
        yield f"coherent {blur} {width}", np.sum(coherent) / total
        yield f"slanting {blur} {width}", np.sum(np.abs(2 * xy)) / total
        yield f"upright {blur} {width}", np.sum(np.abs(xx - yy) if width else yy - xx) / total
        if width:
            corners = (energy - coherent) / 2
            yield f"corners {blur} {width}", np.log(corners.mean() + 0.01)
            yield f"corner peaks {blur} {width}", np.log(np.percentile(corners, 95) + 0.01)


def grids(planes: dict[str, np.ndarray]) -> Named:
    """Mean and deviation in four rows and, mirrored halves as one, two columns; top and centre against the rest."""
    for name, plane in planes.items():
        mean = cv2.resize(plane, (4, 4), interpolation=cv2.INTER_AREA)
        variance = cv2.resize(plane * plane, (4, 4), interpolation=cv2.INTER_AREA) - mean**2
        for kind, grid in (("mean", mean), ("sd", np.log(np.maximum(variance, 0) + 0.1))):
            for (row, column), value in np.ndenumerate(((grid + grid[:, ::-1]) / 2)[:, :2]):
                yield f"{kind} {name} {row}{column}", value
        yield f"top {name}", mean[:2].mean() - mean[2:].mean()
        yield f"centre {name}", mean[1:3, 1:3].mean() - mean[[0, 3]].mean()


def tones(light: np.ndarray, a: np.ndarray, b: np.ndarray, chroma: np.ndarray) -> Named:
    """Distributions of lightness, chroma and hue."""
    for name, plane, points in (
        ("L", light, (1, 5, 25, 50, 75, 95, 99)), ("C", chroma, (50, 90, 99)), ("a", a, (5, 95)), ("b", b, (5, 95)),
    ):  # fmt: skip
        for q, value in zip(points, np.percentile(plane, points), strict=True):
            yield f"{name} p{q}", value
    z = (light - light.mean()) / (light.std() + 0.5)
    yield "L skew", (z**3).mean()
    yield "L kurtosis", np.log((z**4).mean() + 0.5)
    hue, coloured = np.degrees(np.arctan2(b, a)) % 360, (chroma >= 12) & (light > 10)
    for kind, weights in (("share", None), ("chroma", chroma[coloured])):
        for i, n in enumerate(np.histogram(hue[coloured], bins=12, range=(0, 360), weights=weights)[0]):
            yield f"hue {i} {kind}", n / light.size
    grey = chroma < 12
    for name, where in (
        ("grey", grey & (light > 10) & (light < 90)), ("white", grey & (light >= 90)), ("black", light < 10),
        ("dark", light < 25), ("light", light > 80), ("fire", (hue > 30) & (hue < 95) & (chroma > 50) & (light > 50)),
        ("skin", (hue > 25) & (hue < 80) & ~grey & (chroma < 40) & (light > 35) & (light < 85)),
        ("vivid red", ((hue < 45) | (hue > 345)) & (chroma > 40)),
    ):  # fmt: skip
        yield name, where.mean()
    yield "dark colour", (chroma * (light < 40)).mean()
    varied = chroma.std() > 0.1 and light.std() > 0.1
    yield "colour with light", np.corrcoef(chroma.ravel(), light.ravel())[0, 1] if varied else 0.0


def neighbours(light: np.ndarray, a: np.ndarray, b: np.ndarray) -> Named:
    """How alike pixels are at some distance."""
    for d in (1, 2, 4, 8, 16):
        across, down = alike(light, d)
        yield f"alike {d}", (across + down) / 2
        yield f"alike across {d}", across - down
        yield f"alike colour {d}", np.mean([alike(plane, d) for plane in (a, b)])
        steps = [np.abs(light[:, d:] - light[:, :-d]), np.abs(light[d:] - light[:-d])]
        yield f"smooth {d}", np.mean([(1 / (1 + step)).mean() for step in steps])
        yield f"steps {d}", np.log(np.mean([step.mean() for step in steps]) + 0.1)


def alike(plane: np.ndarray, d: int) -> tuple[float, float]:
    """Autocorrelation at `d` pixels, horizontally and vertically."""
    z = plane - plane.mean()
    variance = (z * z).mean() + 0.25
    return (z[:, d:] * z[:, :-d]).mean() / variance, (z[d:] * z[:-d]).mean() / variance


def patterns(light: np.ndarray) -> Named:
    """Local binary patterns of eight neighbours: shares of uniform ones by their number of brighter neighbours."""
    h, w = light.shape
    for d in (1, 3):
        padded = cv2.copyMakeBorder(light, d, d, d, d, cv2.BORDER_REFLECT)
        ring = ((0, 0), (0, d), (0, 2 * d), (d, 2 * d), (2 * d, 2 * d), (2 * d, d), (2 * d, 0), (d, 0))
        brighter = np.stack([padded[y : y + h, x : x + w] > light + 1 for y, x in ring])
        uniform, count = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0) <= 2, brighter.sum(axis=0)
        for k in range(9):
            yield f"pattern {d} {k}", ((count == k) & uniform).mean()
        yield f"pattern {d} other", (~uniform).mean()


def subject(lab: np.ndarray, light: np.ndarray, chroma: np.ndarray) -> Named:
    """What stands out: where it is, how far it spreads, how it differs from the rest."""
    h, w = light.shape
    fine, size = cv2.GaussianBlur(lab, (0, 0), 1.5), edges(light)[2]
    y, x = np.mgrid[:h, :w] / np.array([h, w])[:, None, None] - 0.5
    for k in (3, 6, 12):
        salient = np.linalg.norm(fine - cv2.GaussianBlur(lab, (0, 0), max(h, w) / k), axis=-1)
        weight = salient / (salient.sum() + 1e-6)
        row, column = (weight * y).sum(), (weight * x).sum()
        yield f"salient spread {k}", np.sqrt((weight * ((y - row) ** 2 + (x - column) ** 2)).sum())
        yield f"salient off centre {k}", np.hypot(row, column)
        yield f"salient height {k}", row
        yield f"salient entropy {k}", -(weight * np.log(weight + 1e-12)).sum()
        yield f"salient {k}", np.log(salient.mean() + 0.5)
        inside = salient > np.percentile(salient, 80)
        if inside.all() or not inside.any():
            inside = np.indices(inside.shape).sum(axis=0) % 2 == 0  # a flat picture: nothing stands out
        for name, plane in (("L", light), ("C", chroma)):
            yield f"salient {name} sd {k}", plane[inside].std()
            yield f"salient {name} {k}", plane[inside].mean() - plane[~inside].mean()
        yield f"salient edges {k}", np.log((size[inside].mean() + 0.1) / (size[~inside].mean() + 0.1))


def layout(lab: np.ndarray) -> Named:
    """Borders, colours in all, symmetry, open areas, shape."""
    h, w = lab.shape[:2]
    border = np.concatenate([lab[:8], lab[-8:]]).reshape(-1, 3)
    border = np.concatenate([border, lab[:, :8].reshape(-1, 3), lab[:, -8:].reshape(-1, 3)])
    yield "border sd", np.log(border.std(axis=0).sum() + 1)
    distance = np.linalg.norm(lab - np.median(border, axis=0), axis=-1)
    for reach in (10, 25):
        yield f"as the border {reach}", (distance < reach).mean()
    cell = np.clip(lab / (12.5, 16, 16) + (0, 4.5, 4.5), 0, (7, 8, 8)).astype(int) @ (81, 9, 1)
    shares = np.sort(np.bincount(cell.ravel()) / cell.size)[::-1]
    yield "colour entropy", -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
    yield "first colour", shares[0]
    yield "four colours", shares[:4].sum()
    light = lab[..., 0]
    noise = 2 * np.abs(light - light.mean()).mean() + 1e-3
    yield "symmetry across", 1 - np.abs(light - light[:, ::-1]).mean() / noise
    yield "symmetry down", 1 - np.abs(light - light[::-1]).mean() / noise
    smooth = cv2.GaussianBlur(lab, (0, 0), 2)
    change = sum(edges(np.ascontiguousarray(smooth[..., i]))[2] for i in range(3))
    for limit in (1, 3, 10):
        yield f"flat {limit}", (change < limit).mean()
    yield "change", np.log(change.mean() + 0.1)
    open_areas = cv2.distanceTransform((change < np.percentile(change, 85)).astype(np.uint8), cv2.DIST_L2, 3)
    yield "open most", open_areas.max()
    yield "open mean", open_areas.mean()
    yield "aspect", w / h
