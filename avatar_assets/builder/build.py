"""Puts a person together: parameters in, one binary glTF file out."""

import numpy as np

from avatar_assets.builder.figure import body as flesh
from avatar_assets.builder.figure.body import BodyShape
from avatar_assets.builder.figure.clothes import build_collar, build_spectacles, check_clothes, garment_uv, paint_garment
from avatar_assets.builder.geometry.mesh import Mesh, joined, midpoints, part, polygonize, shell
from avatar_assets.builder.geometry.sdf import Array, smoothstep
from avatar_assets.builder.geometry.shading import distance_to_points, linear, occlusion, warm
from avatar_assets.builder.gltf import Glb
from avatar_assets.builder.head.expressions import expressions
from avatar_assets.builder.head.eyes import build_catch_lights, build_eyes, paint_eye
from avatar_assets.builder.head.face import LEFT_EYE, MOUTH, RIGHT_EYE, FaceMesh, build_face
from avatar_assets.builder.head.hair import build_hair
from avatar_assets.builder.head.paint import above_hairline, face_uv, paint_face, scalp_mask
from avatar_assets.builder.head.teeth import build_mouth_inside
from avatar_assets.builder.person import Person
from avatar_assets.builder.skeleton import Skeleton

LASH, LID_INSIDE = linear("#1c100c"), linear("#3a2018")
UNDER_HAIR = 0.030
"""Scalp this far above the hairline is not seen, metres: hair and its lining lie over it."""
MOUTH_INSIDE = tuple(linear(c) for c in ("#6e2626", "#7a2426", "#541518", "#380d10"))
"""Colours of the mouth's inner rings behind the lips, from front to throat."""
INTO_THE_MOUTH = np.array([0.0, -0.9, 0.44])
"""Normal of the inside of the mouth: away from the light, and never seen edge-on, where it would mirror the sky."""


def build(person: Person) -> bytes:
    """The person as a GLB file with every bone and morph target that TalkingHead 1.7 needs; raises ValueError for unknown clothes."""
    check_clothes(person)
    clay = _Clay(person)
    glb = Glb(person.name, clay.skeleton)
    _head(glb, clay)
    _body(glb, clay)
    return glb.to_bytes()


class _Clay:
    """What is shaped before anything is coloured: bones, face, hair and body."""

    def __init__(self, person: Person):
        self.person = person
        self.skeleton = Skeleton(person.body)
        self.body = BodyShape(person, self.skeleton)
        self.face = build_face(person)
        self.hair, self.hair_lining = build_hair(person, self.face.shape)
        self._hair_distance = distance_to_points(midpoints(self.hair), 0.005)
        self.shade = occlusion(self.distance)

    def distance(self, p: Array) -> Array:
        """Distance of world points (n, 3) to whatever is nearest: that is what casts the soft shadows."""
        size = self.person.body.head
        head = (p - self.skeleton.head_centre) / size
        near = np.minimum(self.face.shape.distance(head), self._hair_distance(head)) * size
        nearest: Array = np.minimum.reduce([near, self.body.neck(p), self.body.top(p), self.body.trousers(p)])
        return nearest

    def in_head(self, p: Array) -> Array:
        """Points (n, 3) of head space in world space."""
        return p * self.person.body.head + self.skeleton.head_centre


def _head(glb: Glb, clay: _Clay) -> None:
    person, face, hair, shade = clay.person, clay.face, clay.hair, clay.shade
    skin = linear(person.colours.skin)
    parts: list[tuple[str, Mesh, int]] = []
    head = shell(face.positions, face.faces)
    head.uv = face_uv(face)
    head.colours = _face_colours(person, face, shade(clay.in_head(face.positions), head.normals))
    head.morphs = expressions(face)
    head.normals[(face.group == MOUTH) & (face.depth > 1)] = INTO_THE_MOUTH
    painted = glb.texture(paint_face(person, face), "image/jpeg")
    head = part(head, np.min(above_hairline(person, head.positions)[head.faces], axis=1) < UNDER_HAIR)
    parts.append(("AvatarHead", head, glb.material("face", 0.62, painted)))
    parts.append(("AvatarEyes", build_eyes(), glb.material("eyes", 0.12, glb.texture(paint_eye(person.colours.iris), "image/jpeg"))))
    parts.append(("AvatarCatchLights", build_catch_lights(), glb.material("catch lights", 1.0, unlit=True)))
    parts.append(("AvatarMouth", build_mouth_inside(face), glb.material("mouth", 0.30, double_sided=True)))
    hair.colours = hair.colours * shade(clay.in_head(hair.positions + hair.normals * 0.004), hair.normals)[:, None] ** 0.6
    parts.append(("AvatarHair", hair, glb.material("hair", 0.52, double_sided=True)))
    if clay.hair_lining is not None:
        parts.append(("AvatarHairLining", clay.hair_lining, glb.material("hair lining", 1.0, double_sided=True, unlit=True)))
    ears = polygonize(face.shape.ear, np.array((-0.13, -0.05, -0.05)), np.array((0.13, 0.05, 0.04)), 0.0026, 620)
    light = shade(clay.in_head(ears.positions), ears.normals) * (
        1 - 0.55 * smoothstep(0.0008, 0.0055, face.shape.ear_hollow(ears.positions))
    )
    ears.colours = skin * warm(light) * (1.0, 0.92, 0.90)
    parts.append(("AvatarEars", ears, glb.material("skin", 0.62)))
    if person.clothes.spectacles:
        frame = build_spectacles(face.shape)
        frame.colours = np.tile(linear("#2a2422"), (len(frame.positions), 1))
        parts.append(("AvatarSpectacles", frame, glb.material("spectacles", 0.30)))
    for name, mesh, material in parts:
        glb.mesh(name, mesh.placed(person.body.head, clay.skeleton.head_centre), material, clay.skeleton.rigid("Head", len(mesh.positions)))


def _face_colours(person: Person, face: FaceMesh, light: Array) -> Array:
    """Factors on the painted skin: soft shadows, hair on the scalp, lashes, and the darkening inside of lids and lips."""
    skin = linear(person.colours.skin)
    eye = np.isin(face.group, (LEFT_EYE, RIGHT_EYE))
    light = np.where(eye & (face.ring < 4), np.maximum(light, 0.84), light)
    light = np.where((face.group == MOUTH) & (face.ring < 4), np.maximum(light, 0.9), light)
    beside = smoothstep(0.6, 0.95, np.abs(np.arctan2(face.positions[:, 0], face.positions[:, 2])))
    light = np.maximum(light, 0.3 + 0.5 * beside)  # the mesh is too coarse there for the shadow of every strand
    colours = warm(light)
    painted = np.abs(np.arctan2(face.positions[:, 0], face.positions[:, 2])) < 1.5  # the painting has the hairline there
    covered = np.where(painted, 0.0, scalp_mask(person, face.positions))[:, None]
    colours = colours * (1 - covered) + np.clip(linear(person.colours.hair) / skin, 0, 1) * covered * 0.8
    for ring, strength in ((0, 1.0), (1, min(1.0, 0.45 + 0.5 * person.face.lashes)), (2, 0.85 * max(0.0, person.face.lashes - 0.35))):
        here = np.nonzero(eye & (face.ring == ring) & (face.depth == 0))[0]
        high, inner = np.sin(face.angle[here]), smoothstep(-0.70, -0.98, np.cos(face.angle[here]))
        share = smoothstep(-0.05, 0.35, high) * strength * (1 - 0.75 * inner) + (0.22 if ring == 0 else 0.0) * (high <= 0)
        colours[here] += (np.clip(LASH / skin, 0, 1) - colours[here]) * np.clip(share, 0, 1)[:, None]
    edge, behind = eye & (face.depth == 1), eye & (face.depth == 2)
    colours[edge] = colours[face.source[edge]] * 0.6
    colours[behind] = LID_INSIDE / skin
    for depth, tone in enumerate((linear(person.colours.lips), *MOUTH_INSIDE), start=1):
        inner = (face.group == MOUTH) & (face.depth == depth)
        colours[inner] = np.clip(tone * 0.6 / skin, 0, 1)
    factors: Array = np.clip(colours, 0, 1)
    return factors


def _body(glb: Glb, clay: _Clay) -> None:
    person, skeleton, shape, shade = clay.person, clay.skeleton, clay.body, clay.shade
    colours = person.colours
    skin = glb.material("body skin", 0.62)
    cloth = glb.material("cloth", 0.92, double_sided=True)

    def tinted(mesh: Mesh, colour: str | None) -> Mesh:
        light = shade(mesh.positions, mesh.normals)[:, None]
        mesh.colours = light * (np.ones(3) if colour is None else linear(colour)) * np.ones((len(mesh.positions), 3))
        return mesh

    neck = flesh.neck_mesh(shape)
    neck.colours = linear(colours.skin) * warm(shade(neck.positions, neck.normals))
    glb.mesh("AvatarNeck", neck, skin, skeleton.bind(neck.positions, neck.faces, flesh.NECK_FLESH, 0.030, 4))
    top = tinted(flesh.top_mesh(shape), None)
    top.uv = garment_uv(skeleton.common(top.positions), top.normals, person.clothes.top)
    painted = glb.material("garment", 0.92, glb.texture(paint_garment(person, skeleton), "image/jpeg"))
    trunk = flesh.beside_the_arms(shape, top.positions)
    barred = {f"{side}{bone}": trunk for side in ("Left", "Right") for bone in ("Arm", "ForeArm")}
    glb.mesh("AvatarTop", top, painted, skeleton.bind(top.positions, top.faces, flesh.TOP_FLESH, 0.032, 10, barred=barred))
    collar = build_collar(person, skeleton.at("Head")[1], shape.top)
    glb.mesh("AvatarCollar", collar, cloth, skeleton.bind(collar.positions, collar.faces, flesh.COLLAR_FLESH, 0.035, 6))
    trousers = tinted(flesh.trousers_mesh(shape), colours.trousers)
    glb.mesh("AvatarTrousers", trousers, cloth, skeleton.bind(trousers.positions, trousers.faces, flesh.TROUSERS_FLESH, 0.035, 4))
    shoes = tinted(flesh.shoes_mesh(shape), colours.shoes)
    glb.mesh("AvatarShoes", shoes, cloth, skeleton.bind(shoes.positions, shoes.faces, flesh.SHOES_FLESH, 0.030))
    hands = flesh.hand_meshes(shape)
    joints, weights = zip(
        *(
            skeleton.bind(hand.positions, hand.faces, flesh.hand_flesh(side), 0.008, 1)
            for hand, side in zip(hands, ("Left", "Right"), strict=True)
        ),
        strict=True,
    )
    both = joined(*hands)
    both.colours = linear(colours.skin) * warm(np.clip(shade(both.positions, both.normals) + 0.15, 0, 1))
    glb.mesh("AvatarHands", both, skin, (np.concatenate(joints), np.concatenate(weights)))
