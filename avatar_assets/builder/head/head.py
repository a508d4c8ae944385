"""The head as a distance function: skull, face, nose and the bulge of the eyeballs, in head space (metres, +z forward)."""

import numpy as np

from avatar_assets.builder.geometry.sdf import Array, Ints, capsule, ellipsoid, intersection, mirrored, shifted, sphere, union
from avatar_assets.builder.person import Face
from avatar_assets.builder.skeleton import EYE_CENTRE, turn_x, turn_y

MM = 0.001
EYE_RADIUS = 0.0268
MOUTH_HEIGHT = -0.0720
SKULL_CENTRE = np.array([0.0, 0.034, -0.014])
SKULL_RADII = np.array([0.0945, 0.102, 0.108])
EAR_RADII = np.array([0.0090, 0.0280, 0.0178])
LID = 0.0016
"""Thickness of a resting eyelid over the eyeball, metres."""


class HeadShape:
    """One person's head; every method takes and gives points (n, 3) or arrays of that leading shape, in head space."""

    def __init__(self, face: Face):
        self.face = face
        self.skull_radii = SKULL_RADII * (face.width, 1.0, 1.0)

    def distance(self, p: Array, lid: float = LID) -> Array:
        """Distance to the skin; `lid` is how far the eyelids stand off the eyeballs, metres."""
        f, q = self.face, mirrored(p)
        muzzle, chin_out, forehead, ridge = np.array((f.muzzle, f.chin_out, f.forehead, f.brow_ridge)) * MM
        d = ellipsoid(p, SKULL_CENTRE, self.skull_radii)
        d = union(d, ellipsoid(p, (0, -0.030, 0.020), (0.0735 * f.width, 0.083, 0.075)), 0.045)
        d = union(d, ellipsoid(p, (0, -0.091 * f.chin, 0.056 + chin_out), (0.029 * f.chin_width, 0.026, 0.028)), 0.050)
        d = union(d, ellipsoid(q, (0.048 * f.width, -0.030, 0.047), np.array((0.031, 0.029, 0.031)) * f.cheeks), 0.030)
        d = union(d, ellipsoid(p, (0, -0.071, 0.064 + muzzle), (0.034, 0.025, 0.025)), 0.030)
        d = union(d, ellipsoid(p, (0, 0.072, 0.042 + forehead), (0.062, 0.052, 0.042)), 0.030)
        d = union(d, capsule(q, (0.010, 0.037, 0.076 + ridge), (0.042, 0.039, 0.064 + ridge), 0.010), 0.018)
        d = union(d, ellipsoid(q, (0.052 * f.jaw, -0.060, 0.012), (0.026, 0.030, 0.036)), 0.040)
        d = intersection(d, -ellipsoid(q, shifted(EYE_CENTRE, 0.001, 0.003, 0.043), (0.031, 0.024, 0.022)), 0.022)
        d = union(d, sphere(q, EYE_CENTRE, EYE_RADIUS + lid), 0.006)
        return self._with_nose(d, p, q)

    def _with_nose(self, d: Array, p: Array, q: Array) -> Array:
        """The rest of the head, at distance `d` from the points p (q: mirrored), with a nose on it: back, tip, wings, partition."""
        f = self.face
        out, up, hump = f.nose_out * MM, f.nose_up * MM, f.hump * MM
        root, end = np.array((0, 0.010, 0.0865 + 0.25 * out)), np.array((0, -0.026 + 0.8 * up, 0.0985 + 0.9 * out))
        middle = root + 0.45 * (end - root) + (0, 0, hump)
        wide, narrow = 0.0080 * f.nose, 0.0052 * f.bridge
        back = union(capsule(p, root, middle, narrow, 0.5 * (narrow + wide)), capsule(p, middle, end, 0.5 * (narrow + wide), wide), 0.003)
        d = union(d, back, 0.020)
        d = union(d, capsule(p, (0, -0.034 + 0.8 * up, 0.096 + 0.8 * out), (0, -0.045, 0.090 + 0.6 * f.muzzle * MM), 0.0046), 0.010)
        d = union(d, ellipsoid(p, (0, -0.0310 + up, 0.1010 + out), np.array((0.0120, 0.0105, 0.0115)) * f.nose), 0.010)
        wing = (0.0112 * f.nose, -0.0340 + 0.5 * up, 0.0945 + 0.55 * out)
        return union(d, ellipsoid(q, wing, np.array((0.0066, 0.0058, 0.0072)) * f.nose), 0.007)

    def cast(self, directions: Array) -> Array:
        """Where rays from the origin along the unit `directions` leave the head."""
        t = np.full(len(directions), 0.20)
        for _ in range(70):
            t = t - self.distance(directions * t[:, None]) * 0.75
        surface: Array = directions * t[:, None]
        return surface

    def drop(self, x: Array, y: Array, lid: float = LID) -> Array:
        """The skin in front of (x, y): points marched along -z."""
        z = np.full(np.shape(x), 0.17)
        for _ in range(60):
            z = z - self.distance(np.stack([x, y, z], -1), lid) * 0.7
        return np.stack([x, y, z], -1)

    def wrap(self, azimuth: Array, y: Array) -> Array:
        """The skin met on the way in to the vertical axis from `azimuth` (0 = front, radians) at height `y`."""
        r = np.full(np.shape(azimuth), 0.17)
        for _ in range(70):
            p = np.stack([r * np.sin(azimuth), y, r * np.cos(azimuth)], -1)
            r = np.maximum(r - self.distance(p) * 0.7, 0.0)
        return np.stack([r * np.sin(azimuth), y, r * np.cos(azimuth)], -1)

    def ear(self, p: Array) -> Array:
        """Distance to the ears: a shell with a hollow, an inner fold and a lobe."""
        q = self._ear_space(p)
        d = ellipsoid(q, (0, 0, 0), EAR_RADII)
        d = intersection(d, -ellipsoid(q, (0.0090, 0.003, 0.0015), (0.0080, 0.0185, 0.0118)), 0.003)
        d = union(d, capsule(q, (0.0035, 0.011, -0.0015), (0.0040, -0.009, -0.0050), 0.0022, 0.0032), 0.003)  # the inner fold
        d = union(d, ellipsoid(q, (0.0040, -0.003, 0.0120), (0.0030, 0.0055, 0.0030)), 0.003)  # the flap before the ear canal
        return union(d, ellipsoid(q, (0.001, -0.020, 0.004), (0.006, 0.009, 0.008)), 0.006)

    def ear_hollow(self, p: Array) -> Array:
        """How deep points of the ears lie under its outer form, metres: there the light gets less."""
        depth: Array = np.clip(-ellipsoid(self._ear_space(p), (0, 0, 0), EAR_RADII), 0, None)
        return depth

    def _ear_space(self, p: Array) -> Array:
        """Points in the axes of the left ear; the right one is its mirror image."""
        local: Array = (mirrored(p) - (0.0925 * self.face.width, -0.008, -0.008)) @ (turn_y(-0.35) @ turn_x(-0.12))
        return local


def ring_index(start: int, count: int) -> Ints:
    """Vertex numbers of a ring of `count` vertices beginning at `start`."""
    return start + np.arange(count, dtype=np.int64)
