"""Folds of cloth as painted light and shade: where sleeves bend, under the arms, at waist and hem."""

import numpy as np

from avatar_assets.builder.geometry.sdf import Array
from avatar_assets.builder.person import Person
from avatar_assets.builder.skeleton import Skeleton

DARK, LIGHT = 0.17, 0.09
"""How much darker a fold's valley is, and how much lighter the ridge beside it, as parts of the cloth's colour."""
RIDGE = 1.7
"""How far the ridge lies from the valley, in widths of the fold."""
Fold = tuple[tuple[float, float], tuple[float, float], tuple[float, float], float, float]
"""Start, middle and end (x, y) in metres of the common trunk, width in metres, strength."""


def folds(person: Person, skeleton: Skeleton) -> list[Fold]:
    """The folds of a person's upper garment, both sides."""
    body, hem = person.body, person.clothes.hem
    shoulder, elbow, hand = skeleton.common(np.stack([skeleton.at(f"Left{bone}") for bone in ("Arm", "ForeArm", "Hand")]))
    down = hand - elbow
    r = body.arms
    left: list[Fold] = []
    for along, lean, strength in ((-0.10, 0.25, 0.7), (0.02, -0.10, 1.0), (0.14, -0.35, 0.8)):  # the bend of the elbow
        x, y = (elbow + down * along)[:2]
        left.append(((x - r * 0.9, y + lean * r), (x - r * 0.1, y - 0.004), (x + r * 0.6, y + lean * r * 0.4), 0.0050, strength))
    for along, strength in ((0.60, 0.55), (0.70, 0.8)):  # pushed together above the cuff
        x, y = (elbow + down * along)[:2]
        left.append(((x - r * 0.7, y + 0.006), (x, y - 0.005), (x + r * 0.7, y + 0.003), 0.0045, strength))
    pit_x, pit_y = shoulder[0] - 0.022, shoulder[1] - 0.085
    left.append(((pit_x, pit_y), (pit_x - 0.022, pit_y + 0.010), (pit_x - 0.055, pit_y + 0.040), 0.0065, 0.9))
    left.append(((pit_x - 0.002, pit_y - 0.020), (pit_x - 0.025, pit_y - 0.026), (pit_x - 0.060, pit_y - 0.018), 0.0060, 0.7))
    side = body.waist
    left.append(((side * 0.98, 1.150), (side * 0.70, 1.128), (side * 0.34, 1.122), 0.0070, 0.9))
    left.append(((side * 1.00, 1.112), (side * 0.76, 1.084), (side * 0.42, 1.066), 0.0065, 0.75))
    left.append(((side * 1.02, 1.070), (side * 0.86, 1.036), (side * 0.62, 1.010), 0.0060, 0.6))
    width = body.hips + 0.015
    for x, tall, strength in ((0.30, 0.050, 0.55), (0.62, 0.072, 0.8), (0.88, 0.060, 0.7)):
        middle = (width * x * 0.98 + 0.003, hem + tall * 0.5)
        left.append(((width * x, hem + 0.004), middle, (width * x * 0.93, hem + tall), 0.0060, strength))
    return left + [_mirrored(fold, 0.85) for fold in left]


def _mirrored(fold: Fold, strength: float) -> Fold:
    """The fold on the other side of the body: a little lower and weaker, for no cloth is symmetrical."""
    start, middle, end = ((-x, y - 0.006) for x, y in fold[:3])
    return start, middle, end, fold[3], fold[4] * strength


def shade(pattern: list[Fold], x: Array, y: Array, strength: float) -> Array:
    """Factors (rows, columns) on the cloth's colour at the points x (columns,), y (rows,), metres of the common trunk."""
    light = np.ones((len(y), len(x)))
    for start, middle, end, width, depth in pattern:
        a, b, c = (np.array(point) for point in (start, middle, end))
        reach = width * 5
        low, high = np.min([a, b, c], 0) - reach, np.max([a, b, c], 0) + reach
        rows, columns = np.nonzero((y > low[1]) & (y < high[1]))[0], np.nonzero((x > low[0]) & (x < high[0]))[0]
        if not len(rows) or not len(columns):
            continue
        window = np.ix_(rows, columns)
        away, along = _from_curve(*np.meshgrid(x[columns], y[rows]), a, b, c)
        taper = np.sin(np.pi * np.clip(along, 0, 1)) ** 0.7 * depth * strength
        valley, ridge = np.exp(-((away / width) ** 2)), np.exp(-(((away - RIDGE * width) / width) ** 2))
        light[window] *= 1 + taper * (LIGHT * ridge - DARK * valley)
    return light


def _from_curve(x: Array, y: Array, a: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """Signed distance (positive above or to the left) of points to the curve through a, b, c, and where along it, 0..1."""
    chord = c - a
    size = float(np.hypot(*chord))
    across = np.array((-chord[1], chord[0])) / size
    if across[1] < 0 or (across[1] == 0 and across[0] > 0):
        across = -across
    along = ((x - a[0]) * chord[0] + (y - a[1]) * chord[1]) / size**2
    sag = float((b - a) @ across)
    bent = 4 * sag * along * (1 - along)
    return (x - a[0]) * across[0] + (y - a[1]) * across[1] - bent, along
