"""What goes into modules: summed up for each input, and left out where it is not one row per input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import explainers as ex
from explainers.engine.run import Run
from explainers.trust.ground.module_inputs import channel_means, module_inputs


class Windows(nn.Module):
    """The second module gets two rows per input, the third never runs, the fourth runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.halves, self.idle, self.twice = (nn.Identity() for _ in range(4))
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.whole(inputs)
        self.halves(torch.cat([x, x]))
        self.twice(x)
        self.twice(x * 10)
        return self.head(x)


def test_what_goes_in() -> None:
    model = ex.Model("windows", Windows().eval(), (4,))
    inputs = torch.arange(12.0).view(3, 4)
    run = Run(model, ex.engine_for("cpu"))
    names = ("whole", "halves", "idle", "twice")
    outputs, seen = module_inputs(run, inputs, dict.fromkeys(names, lambda tensor: tensor.sum(1)))
    assert set(seen) == {"whole", "twice"}
    assert seen["whole"].tolist() == [6, 22, 38]
    assert seen["twice"].tolist() == [60, 220, 380]
    assert outputs.shape == (3, 2)
    assert run.cost.forward == 3


def test_means_of_channels() -> None:
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    assert channel_means(maps).tolist() == [[5.5, 17.5]]
    assert channel_means(maps.view(1, 6, 4)).tolist() == [[0, 1, 2, 3]]
    assert channel_means(maps.view(1, 24)).shape == (1, 24)
