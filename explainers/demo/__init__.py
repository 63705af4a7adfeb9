"""The bundled world: road-sign scenes with known truth, and small networks trained on them.

    from explainers import demo
    scene = demo.draw_scene(seed=7)                    # picture, label and the pixels of every sign
    network, metadata = demo.load_network("signs-cnn")

Importing it is light: what trains the networks is in `explainers.demo.train`, and is not imported from here.
"""

from __future__ import annotations

from explainers.demo.networks import (
    NETWORKS,
    PIXEL_MEAN,
    PIXEL_STD,
    WEIGHTS,
    SignsCNN,
    SignsViT,
    SimpleClassifier,
    load_network,
)
from explainers.demo.scenes import (
    CLASSES,
    EVAL_SEEDS_START,
    SHORTCUT_CLASS,
    SIZE,
    TRAIN_SEEDS,
    Scene,
    Sign,
    draw_scene,
)

__all__ = [
    "CLASSES",
    "EVAL_SEEDS_START",
    "NETWORKS",
    "PIXEL_MEAN",
    "PIXEL_STD",
    "SHORTCUT_CLASS",
    "SIZE",
    "TRAIN_SEEDS",
    "WEIGHTS",
    "Scene",
    "Sign",
    "SignsCNN",
    "SignsViT",
    "SimpleClassifier",
    "draw_scene",
    "load_network",
]
