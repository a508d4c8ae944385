"""The body under the clothes' surface: neck, torso, arms, hands, legs and feet as distance functions, and their meshes."""

import numpy as np

from avatar_assets.builder.geometry.mesh import Mesh, mirror_of, polygonize, seen
from avatar_assets.builder.geometry.sdf import Array, Field, bump, capsule, ellipsoid, intersection, mirrored, shifted, union
from avatar_assets.builder.person import Person
from avatar_assets.builder.skeleton import FINGERS, Mask, Skeleton

FINGER_RADII = {"Index": 0.0108, "Middle": 0.0113, "Ring": 0.0108, "Pinky": 0.0096}


class BodyShape:
    """One person's body in world space; every method takes points (n, 3) and gives distances (n,), metres."""

    def __init__(self, person: Person, skeleton: Skeleton):
        self.body, self.hem, self.skeleton = person.body, person.clothes.hem, skeleton

    def neck(self, p: Array) -> Array:
        """Neck and the skin seen in an open collar."""
        p, r, ahead = self.skeleton.common(p), self.body.neck, self.body.stoop
        d = capsule(p, (0, 1.37, -0.020), (0, 1.505, -0.018 + ahead), r * 1.06, r)
        return union(d, ellipsoid(p, (0, 1.400, -0.012), (r * 1.75, 0.040, 0.055 * self.body.depth)), 0.035)

    def top(self, p: Array) -> Array:
        """Shirt or jumper with long sleeves: trunk, the slope from neck to shoulder, arms to the wrist."""
        d = union(self.trunk(p), self.sleeves(p), 0.026)
        return intersection(d, -(p[:, 1] - self.hem), 0.014)

    def trunk(self, p: Array) -> Array:
        """The upper garment without its sleeves and its hem."""
        b, p = self.body, self.skeleton.common(p)
        q = mirrored(p)
        d = ellipsoid(p, (0, 1.280, -0.004), (b.chest, 0.165, 0.094 * b.depth))
        if b.bust:
            d = union(d, ellipsoid(q, (0.056, 1.262, 0.058), np.array((0.050, 0.048, 0.040)) * b.bust), 0.050)
        d = union(d, ellipsoid(p, (0, 1.100, -0.002), (b.waist, 0.170, 0.086 * b.depth)), 0.070)
        d = union(d, ellipsoid(p, (0, 0.930, 0.0), (b.hips + 0.022, 0.130, 0.113)), 0.070)
        if b.belly:
            d = union(d, ellipsoid(p, (0, 1.060, 0.030 + b.belly), (b.waist * 0.80, 0.125, 0.066)), 0.070)
        d = union(d, self._shoulders(q), 0.040)
        return union(d, ellipsoid(p, (0, 1.398, -0.050 - 0.3 * b.stoop), (0.078, 0.066, 0.044)), 0.045)  # the nape, for the collar

    def _shoulders(self, q: Array) -> Array:
        """The trapezius line: high and thin at the neck, falling to the round of the shoulder; points of the common trunk."""
        shoulder = self.skeleton.common(self.skeleton.at("LeftArm")[None])[0]
        slope = capsule(q, (0.020, 1.440, -0.022), shifted(shoulder, -0.020, -0.002, -0.002), 0.030, 0.036)
        blade = ellipsoid(q, (0.070, 1.340, -0.040 - 0.5 * self.body.stoop), (self.body.chest * 0.65, 0.080, 0.048))
        return union(slope, blade, 0.05)

    def sleeves(self, p: Array) -> Array:
        """Both sleeves of the upper garment, with the rounds of the shoulders."""
        q = mirrored(p)
        shoulder, elbow, hand = (self.skeleton.at(name) for name in ("LeftArm", "LeftForeArm", "LeftHand"))
        r = self.body.arms
        wrist = elbow + (hand - elbow) * 0.86
        upper = union(
            ellipsoid(q, shifted(shoulder, -0.004, -0.026, 0), np.array((1.00, 1.25, 1.06)) * r),
            capsule(q, shifted(shoulder, 0.002, -0.03, 0), elbow, r * 0.97, r * 0.82),
            0.02,
        )
        lower = capsule(q, elbow, wrist, r * 0.82, r * 0.70)
        cuff = capsule(q, wrist - (hand - elbow) * 0.10, wrist, r * 0.76, r * 0.76)
        return union(union(upper, lower, 0.015), cuff, 0.003)

    def trousers(self, p: Array) -> Array:
        """Trousers from the waist to the ankles."""
        q = mirrored(p)
        hip, knee, foot = (self.skeleton.at(name) for name in ("LeftUpLeg", "LeftLeg", "LeftFoot"))
        width, r = self.body.hips, self.body.legs
        d = ellipsoid(p, (0, 0.935, -0.004), (width * 0.96, 0.085, 0.086))
        d = union(d, ellipsoid(p, (0, 0.880, -0.006), (width * 0.46, 0.078, 0.070)), 0.060)
        d = union(d, capsule(q, hip, knee, max(width * 0.45, r), r), 0.035)
        d = union(d, capsule(q, knee, shifted(foot, 0, -0.02, 0), r, r * 1.06), 0.020)
        for height, tilt, depth in ((0.118, 0.15, 0.0045), (0.168, -0.18, 0.0035)):  # the cloth breaks over the shoes
            d = d - depth * bump(p[:, 1] - height - tilt * p[:, 2], 0.015)
        return intersection(d, -(p[:, 1] - 0.072), 0.010)

    def shoes(self, p: Array) -> Array:
        """Two plain shoes standing on y = 0."""
        q, ankle, size = mirrored(p), self.skeleton.at("LeftFoot"), self.body.hands
        d = ellipsoid(q, (ankle[0], 0.045, 0.055 * size), np.array((0.045, 0.046, 0.112)) * (size, 1, size))
        d = union(d, capsule(q, shifted(ankle, 0, 0.02, 0), shifted(ankle, 0, -0.03, 0), 0.040), 0.020)
        return intersection(d, -(p[:, 1] - 0.001), 0.006)

    def left_hand(self, p: Array) -> Array:
        """The left hand and wrist."""
        local, size = self.skeleton.to_local("LeftHand", p), self.body.hands
        elbow, hand = self.skeleton.at("LeftForeArm"), self.skeleton.at("LeftHand")
        d = ellipsoid(local, (0, 0.050 * size, 0.001), np.array((0.038, 0.052, 0.016)) * size)
        d = union(d, capsule(p, elbow + (hand - elbow) * 0.70, hand + (hand - elbow) * 0.05, 0.028 * size, 0.024 * size), 0.020)
        for finger, r in ((finger, r * size) for finger, r in FINGER_RADII.items()):
            first, second, tip = (self.skeleton.at(f"LeftHand{finger}{i}") for i in (1, 2, 4))
            d = union(d, union(capsule(p, first, second, r * 1.05, r), capsule(p, second, tip, r, r * 0.86), 0.004), 0.006)
        first, second, tip = (self.skeleton.at(f"LeftHandThumb{i}") for i in (1, 2, 4))
        root, middle, end = np.array((0.0145, 0.0122, 0.0102)) * size
        return union(d, union(capsule(p, first, second, root, middle), capsule(p, second, tip, middle, end), 0.004), 0.012)


def _box(surface: Field, low: tuple[float, float, float], high: tuple[float, float, float], step: float, triangles: int) -> Mesh:
    return polygonize(surface, np.array(low), np.array(high), step, triangles)


def neck_mesh(shape: BodyShape) -> Mesh:
    """The neck."""
    up = shape.skeleton.at("Head")[1]
    return seen(_box(shape.neck, (-0.16, up - 0.18, -0.10), (0.16, up + 0.08, 0.09), 0.009, 480), shape.top, 0.012)


def top_mesh(shape: BodyShape) -> Mesh:
    """The upper garment, dense enough to bend at shoulder and elbow."""
    up = shape.skeleton.at("Head")[1]
    return _box(shape.top, (-0.50, 0.830, -0.19), (0.50, up + 0.02, 0.23), 0.0095, 3100)


def beside_the_arms(shape: BodyShape, p: Array) -> Mask:
    """Which points (n, 3) of the upper garment belong to its trunk, although a hanging arm is near."""
    trunk: Mask = (shape.trunk(p) < shape.sleeves(p)) & (p[:, 1] < shape.skeleton.at("LeftArm")[1] - 0.20)
    return trunk


def trousers_mesh(shape: BodyShape) -> Mesh:
    """The trousers."""
    return seen(_box(shape.trousers, (-0.26, 0.05, -0.15), (0.26, 1.06, 0.15), 0.014, 860), shape.top, 0.018)


def shoes_mesh(shape: BodyShape) -> Mesh:
    """Both shoes."""
    return seen(_box(shape.shoes, (-0.19, -0.01, -0.09), (0.19, 0.13, 0.22), 0.011, 400), shape.trousers, 0.014)


def hand_meshes(shape: BodyShape) -> tuple[Mesh, Mesh]:
    """Left and right hand."""
    hand, knuckle = shape.skeleton.at("LeftHand"), shape.skeleton.at("LeftHandMiddle1")
    middle = hand + (knuckle - hand) * 0.6
    left = polygonize(shape.left_hand, middle - 0.14, middle + 0.14, 0.0050, 780)
    left = seen(left, shape.sleeves, 0.010)
    return left, mirror_of(left)


NECK_FLESH = {"Spine2": 0.100, "Neck": 0.050, "Head": 0.030}
TOP_FLESH = {
    "Hips": 0.120, "LeftUpLeg": 0.062, "RightUpLeg": 0.062, "Spine": 0.110, "Spine1": 0.115, "Spine2": 0.105, "Neck": 0.020,
    **{f"{side}{bone}": r for side in ("Left", "Right") for bone, r in (("Shoulder", 0.040), ("Arm", 0.047), ("ForeArm", 0.042))},
}  # fmt: skip
"""Bones that move the upper garment, with the radius of flesh around each, metres."""
COLLAR_FLESH = {"Spine2": 0.100, "Neck": 0.050, "LeftShoulder": 0.030, "RightShoulder": 0.030}
TROUSERS_FLESH = {"Hips": 0.120, **{f"{side}{bone}": r for side in ("Left", "Right") for bone, r in (("UpLeg", 0.070), ("Leg", 0.055))}}
SHOES_FLESH = {f"{side}{bone}": 0.045 for side in ("Left", "Right") for bone in ("Foot", "ToeBase")}


def hand_flesh(side: str) -> dict[str, float]:
    """Bones that move one hand, with the radius of flesh around each, metres."""
    fingers = {f"{side}Hand{finger}{i}": 0.011 for finger in FINGERS for i in (1, 2, 3)}
    return {f"{side}ForeArm": 0.030, f"{side}Hand": 0.030, **fingers}
