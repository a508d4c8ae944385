"""The fifteen Oculus visemes as mouth poses: one row per viseme, as it is seen when spoken.

Names and sounds: Oculus Lipsync viseme reference. TalkingHead (and our player) never plays a viseme at full weight: PP and FF
reach 0.9, the others 0.6. The rows say what shall be seen then; `sculpted` divides by the weight.
"""

from dataclasses import fields

from avatar_assets.builder.head.mouth import MouthPose

STRONGEST = {"PP": 0.9, "FF": 0.9}
USUAL = 0.6
SPOKEN: dict[str, MouthPose] = {
    "sil": MouthPose(),
    "PP": MouthPose(width=0.93, upper=-0.5, lower=-0.5, tuck_upper=3.4, tuck_lower=3.6),
    "FF": MouthPose(width=1.02, upper=4.6, lower=-1.0, lower_back=6.5, tuck_lower=2.2, jaw=0.8),
    "TH": MouthPose(width=1.0, upper=2.6, lower=4.8, round=0.2, jaw=2.6, tongue_forward=26.0, tongue_up=11.5),
    "DD": MouthPose(width=1.05, upper=2.6, lower=5.6, round=0.2, jaw=3.0, tongue_forward=8.0, tongue_up=12.5),
    "kk": MouthPose(width=1.0, upper=2.4, lower=7.6, round=0.4, jaw=5.0, tongue_back=6.0, tongue_forward=-5.0),
    "CH": MouthPose(width=0.70, upper=4.4, lower=5.2, round=0.8, forward=6.0, jaw=0.4),
    "SS": MouthPose(width=1.10, upper=2.6, lower=4.4, jaw=0.3),
    "nn": MouthPose(width=0.96, upper=1.6, lower=4.2, round=0.3, jaw=2.2, tongue_forward=9.0, tongue_up=11.5),
    "RR": MouthPose(width=0.80, upper=2.6, lower=4.6, round=0.6, forward=3.5, jaw=2.6, teeth_back=1.6, tongue_up=5.0, tongue_forward=-3.0),
    "aa": MouthPose(width=0.98, upper=3.4, lower=17.5, round=0.7, jaw=11.0, tongue_back=-2.0),
    "E": MouthPose(width=1.10, upper=3.2, lower=10.0, round=0.3, jaw=6.0, tongue_forward=3.0),
    "I": MouthPose(width=1.22, upper=2.8, lower=5.0, jaw=2.0, tongue_forward=2.0, tongue_up=2.0),
    "O": MouthPose(width=0.50, upper=7.6, lower=11.2, round=1.0, forward=6.5, jaw=7.0, teeth_back=5.0, tongue_forward=-6.0),
    "U": MouthPose(width=0.33, upper=3.5, lower=3.9, round=1.0, forward=7.5, jaw=2.0, teeth_back=5.0, tongue_forward=-8.0),
}


def sculpted(name: str) -> MouthPose:
    """The pose at weight one, such that at its playing weight the viseme looks as its row says."""
    weight, spoken, rest = STRONGEST.get(name, USUAL), SPOKEN[name], MouthPose()
    return MouthPose(
        **{
            f.name: getattr(rest, f.name) + (getattr(spoken, f.name) - getattr(rest, f.name)) / weight
            for f in fields(MouthPose)
            if f.name != "round"
        },
        round=spoken.round,
    )


VISEME_POSES = {f"viseme_{name}": sculpted(name) for name in SPOKEN}
"""Target name → pose at weight one."""
