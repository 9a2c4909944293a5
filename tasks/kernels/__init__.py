"""Arithmetic on arrays, one algorithm a module: no I/O, no clock, no global random state."""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "geometry",
    "grabcut",
    "geodesic",
    "guided_filter",
    "consensus",
    "mask_quality",
    "compose",
    "tiling",
    "inpaint",
    "topk",
    "adversarial_order",
    "background_strength",
    "intervals",
    "paired_tests",
    "resample",
    "label_sets",
    "agreement",
    "information",
    "dawid_skene",
    "joint_truth",
    "label_probability",
    "label_state",
    "objects",
]
