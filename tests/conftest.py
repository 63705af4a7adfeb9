"""What tests share: a small network with live signals, and the way to real files beside the repository."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from explainers.core.model import Model
from explainers.core.rng import seeded_noise
from explainers.engine.process import configure_process
from tests.support.models.networks import TRIPWIRE, small_model
from tests.support.worked_example import GRADIENTS, Weighed

FIXTURES = Path(__file__).parents[1].parent / "shared" / "fixtures"


if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers that each compute on every core wait for each other most of the time: six times as long on two cores.
    torch.set_num_threads(1)
configure_process()  # as the programs do


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process takes the fast tests first: a mistake shows before the browser starts. Several begin with the long ones:
    none is left over at the end, and tests in a browser, which often wait, run beside those that compute."""

    def slowness(item: pytest.Item) -> int:
        return 2 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("slow") else 0

    items.sort(key=slowness, reverse="PYTEST_XDIST_WORKER" in os.environ)


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The folder of real checkpoints and pictures that is kept beside the repository."""
    if not FIXTURES.is_dir():
        pytest.skip("the folder ../shared/fixtures does not exist beside the repository")
    return FIXTURES


@pytest.fixture(scope="session")
def model() -> Model:
    """A small CNN in float32 for inputs of (3, 16, 16); nobody may change its weights."""
    return small_model()


@pytest.fixture
def weighed() -> Model:
    """The worked example: maps of two channels of 2 x 2."""
    return Model("weighed", Weighed(GRADIENTS), (2, 2, 2))


@pytest.fixture
def same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices draw different noise from one seed; here all get the CPU's."""

    def on_the_cpu(like: Tensor, seed: int, versions: Tensor) -> Tensor:
        return seeded_noise(like.cpu(), seed, versions.cpu()).to(like)

    for name, module in list(sys.modules.items()):
        if name.startswith("explainers.") and getattr(module, "seeded_noise", None) is seeded_noise:
            monkeypatch.setattr(module, "seeded_noise", on_the_cpu)


@pytest.fixture
def tripwire() -> Iterator[object]:
    """The counter in the small CNN's forward, disarmed again afterwards."""
    TRIPWIRE.left, TRIPWIRE.error = None, RuntimeError
    TRIPWIRE.seen.clear()
    yield TRIPWIRE
    TRIPWIRE.left, TRIPWIRE.error = None, RuntimeError
    TRIPWIRE.seen.clear()
