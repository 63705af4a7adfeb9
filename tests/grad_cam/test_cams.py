"""CAMs beyond the gradient ones against maps worked out by hand; smoothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.api import explain, refine
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.rng import seeded_generator, seeded_noise
from explainers.core.target import ChannelTarget, ClassTarget, ContrastTarget
from explainers.grad_cam._family import CONTRASTS
from explainers.grad_cam._principal_component import principal_map
from explainers.grad_cam.finer_cam import FinerOptions, nearest_target
from explainers.graph.layout import Layout
from explainers.registry import find_method
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.transformers import small_swin, small_vit
from tests.support.worked_example import ACTIVATIONS, BY_HAND, GRADIENTS, PRODUCTS, Weighed

NEW = [
    "ablation-cam", "recipro-cam", "score-cam", "ss-cam", "is-cam", "eigen-grad-cam", "kpca-cam", "finer-cam", "shapley-cam",
    "seg-eigen-cam", "fem", "smooth-grad-cam++", "random-cam", "opti-cam",
]  # fmt: skip


QUICK = {"ss-cam": {"samples": 2}, "is-cam": {"steps": 2}, "smooth-grad-cam++": {"samples": 2}}


def mixed(first: float, second: float) -> Tensor:
    """The channels of ACTIVATIONS added up with two weights."""
    return (first * ACTIVATIONS[:, 0] + second * ACTIVATIONS[:, 1]).relu()


def test_ablation_cam_weighs_channels_by_what_the_score_loses(weighed):
    """The first channel adds 10 to the score, the second 7."""
    assert_close(explain(weighed, ACTIVATIONS, "ablation-cam", 0).values, mixed(10, 7), 1e-7)
    assert not explain(weighed, ACTIVATIONS, "ablation-cam", 1).values.any(), "-2 x the score: all is evidence against"


def test_recipro_cam_is_the_score_of_one_place(weighed):
    alone = explain(weighed, ACTIVATIONS, "recipro-cam", 0, spread=False)
    assert_close(alone.values[0], PRODUCTS, 1e-7)
    assert alone.signed
    # 11/4 - 4/8 + 2/8 + 8/16 = 3; -4/4 + 11/8 + 8/8 + 2/16; 2/4 + 11/8 + 8/8 - 4/16; 8/4 - 4/8 + 2/8 + 11/16
    spread = torch.tensor([[3.0, 1.5], [2.625, 2.4375]])
    assert_close(explain(weighed, ACTIVATIONS, "recipro-cam", 0).values[0], spread, 1e-7)


def test_score_cam_weighs_channels_by_the_scores_of_masked_inputs(weighed):
    """The masks are [[0, 1/3], [2/3, 1]] and [[1, 1/6], [1/6, 0]]: scores 0 - 4/3 + 4/3 + 8 and 11 - 4/6 + 2/6 + 0."""
    first, second = torch.tensor([8.0, 11 - 1 / 3]).double().softmax(0).tolist()
    assert_close(explain(weighed, ACTIVATIONS, "score-cam", 0).values, mixed(first, second), 1e-7)
    assert_close(explain(weighed, ACTIVATIONS, "ss-cam", 0, noise=0).values, mixed(first, second), 1e-7)


def test_is_cam_averages_over_strengths(weighed):
    """Of 4 steps the strengths are 1/4, 3/4, 6/4, 10/4: 5/4 on average, and this score is linear in the input."""
    first, second = (torch.tensor([8.0, 11 - 1 / 3]).double() * 5 / 4).softmax(0).tolist()
    assert_close(explain(weighed, ACTIVATIONS, "is-cam", 0, steps=4).values, mixed(first, second), 1e-7)


def test_ss_cam_depends_on_its_seed_and_not_on_the_chunks():
    model, inputs = small_model(torch.float64), random_inputs(1)
    one, same, other = (
        explain(model, inputs, "ss-cam", 1, samples=3, seed=seed, engine=fixed_engine(chunk)).values
        for seed, chunk in ((0, 2), (0, 5), (1, 5))
    )
    assert_close(one, same, 1e-6)
    assert (one - other).abs().max() > 1e-3 * one.max()


def test_a_channel_that_is_constant_masks_everything(weighed):
    inputs = ACTIVATIONS.clone()
    inputs[0, 1] = 3.0
    # The second mask is zero, and so is its score. The first: -1 x 0 + 0 / 3 + 3 x 2/3 + 8 of its own channel, and
    # 3 x (-4 / 3 - 2/3 + 1) of the other.
    first, second = torch.tensor([10.0 - 3.0, 0.0]).double().softmax(0).tolist()
    expected = first * inputs[:, 0] + second * inputs[:, 1]
    assert_close(explain(weighed, inputs, "score-cam", 0).values, expected, 1e-7)


class Squared(Weighed):
    """The score is the sum of squared activations, each times its weight: its Hessian times A is its gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        score = (self.maps(inputs).square() * self.weights).flatten(1).sum(1, keepdim=True)
        return torch.cat([score, -2 * score], 1)


def test_shapley_cam_takes_half_the_curvature_away(weighed):
    linear = explain(weighed, ACTIVATIONS, "shapley-cam", 0, residual=False)
    assert_close(linear.values, torch.tensor([BY_HAND["grad-cam"]]), 1e-7)
    squared = Model("squared", Squared(GRADIENTS), (2, 2, 2))
    expected = explain(squared, ACTIVATIONS, "grad-cam", 0).values / 2
    assert_close(explain(squared, ACTIVATIONS, "shapley-cam", 0, residual=False).values, expected, 1e-6)


def test_shapley_cam_of_score_and_log_probability_by_hand(weighed):
    """z = 17 and -34: 2 z0 - logsumexp has the gradient (2 - p0) G + 2 p1 G, p0 = 1 - e^-51: that is G, and no curvature."""
    result = explain(weighed, ACTIVATIONS, "shapley-cam", 0)
    assert_close(result.values, torch.tensor([BY_HAND["grad-cam"]]), 1e-6)
    assert result.target == ClassTarget(0)
    assert float(result.score) == 17.0


def test_finer_cam_against_one_class_is_grad_cam_of_the_difference():
    model, inputs = small_model(torch.float64), random_inputs(3)
    with torch.no_grad():
        outputs = model.network(inputs.double())
    own = outputs.argmax(1)
    nearest = outputs.scatter(1, own.unsqueeze(1), -torch.inf).argmax(1)
    finer = explain(model, inputs, "finer-cam", compared=1)
    contrast = ContrastTarget(tuple(own.tolist()), tuple(nearest.tolist()))
    assert_close(finer.values, explain(model, inputs, "grad-cam", contrast).values, 1e-6)
    alone = explain(model, inputs, "finer-cam", 2, compared=1, strength=0)
    assert_close(alone.values, explain(model, inputs, "grad-cam", 2).values, 1e-6)


def test_finer_cam_compares_with_the_nearest_scores():
    outputs = torch.tensor([[1.0, 5.0, 2.0, 9.0], [3.0, 3.0, 0.0, 8.0]])
    target = nearest_target(outputs, ClassTarget((2, 1)), FinerOptions(compared=2))
    assert target.classes == (2, 1)
    assert target.others == ((0, 1), (0, 2))
    with pytest.raises(VitrineError, match="needs a class as its target"):
        explain(small_model(), random_inputs(1), "finer-cam", ContrastTarget(0, 1))


def pooled(seed: int = 0) -> Model:
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    network = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)).double()
    return Model("pooled", network.eval(), (3, 8, 8))


@pytest.mark.parametrize("target", [ClassTarget((1, 3)), ContrastTarget((1, 3), 0)], ids=["class", "contrast"])
def test_cam_is_made_of_the_heads_own_weights(target):
    model, inputs = pooled(), random_inputs(2, (3, 8, 8))
    result = explain(model, inputs, "cam", target)
    places = result.values[0].numel()
    assert_close(result.values, explain(model, inputs, "hires-cam", target).values * places, 1e-6)
    assert (result.cost.forward, result.cost.backward) == (2, 0)


def test_cams_mean_is_the_score_less_the_bias_where_nothing_speaks_against():
    model = pooled()
    head = model.network[3]
    head.weight.data.abs_()
    result = explain(model, random_inputs(2, (3, 8, 8)), "cam", 1)
    assert_close(result.values.mean((1, 2)), result.score - head.bias[1].detach(), 1e-6)


def test_cam_is_refused_where_the_head_does_more():
    with pytest.raises(VitrineError, match="needs a network that ends in global average pooling and one linear layer"):
        explain(small_model(), random_inputs(1), "cam", 0)
    with pytest.raises(VitrineError, match=r"not layer '0\.0'"):
        explain(pooled(), random_inputs(1, (3, 8, 8)), "cam", ChannelTarget("0.0", 1))


def test_both_ways_to_the_principal_component_agree():
    """With more places than channels the covariance of the channels is decomposed, otherwise that of the places."""
    maps = random_inputs(2, (3, 4, 4), dtype=torch.float64)
    padded = torch.cat([maps, torch.zeros(2, 20, 4, 4, dtype=torch.float64)], 1)
    assert_close(principal_map(maps), principal_map(padded), 1e-9)
    expected = torch.linalg.svdvals((maps - maps.mean((2, 3), keepdim=True)).flatten(2))[:, 0]
    assert_close(torch.linalg.vector_norm(principal_map(maps), dim=(1, 2)), expected, 1e-9)


@pytest.mark.parametrize("method", ["hires-cam", "finer-cam"])
def test_eigen_smoothing_shows_the_principal_component_of_the_terms(method):
    model, inputs = small_model(torch.float64), random_inputs(2)
    smooth = explain(model, inputs, method, 1, eigen_smooth=True).values
    if method == "hires-cam":
        assert_close(smooth, explain(model, inputs, "eigen-grad-cam", 1).values.relu(), 1e-6)
    assert (smooth - explain(model, inputs, method, 1).values).abs().max() > 0.01 * smooth.max()


@pytest.mark.parametrize("target", [None, ClassTarget((0, 4))], ids=["top", "class"])
@pytest.mark.parametrize("method", ["grad-cam", "shapley-cam"])
def test_smoothing_by_augmentation_is_the_mean_over_six_views(method, target):
    model, inputs = small_model(torch.float64), random_inputs(2)
    smooth = explain(model, inputs, method, target, aug_smooth=True)
    maps = []
    for contrast in CONTRASTS:
        maps.append(explain(model, contrast * inputs, method, smooth.target).values)
        maps.append(explain(model, contrast * inputs.flip(-1), method, smooth.target).values.flip(-1))
    assert_close(smooth.values, torch.stack(maps).mean(0), 1e-6)
    assert (smooth.values - maps[0]).abs().max() > 0.01 * maps[0].max()


def test_views_are_shared_by_methods_and_layers():
    both = explain(
        small_model(), random_inputs(2), ["grad-cam", "layer-cam"], 1, layer=["norm2", "conv3"], aug_smooth=True
    )
    assert [r.cost.backward for r in both] == [12, 0, 0, 0]


@pytest.mark.parametrize("method", NEW)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method):
    model, inputs, options = small_model(torch.float64), random_inputs(3), QUICK.get(method, {})
    target = ClassTarget((0, 1, 4)) if method == "finer-cam" else ContrastTarget((0, 1, 4), 3)
    together = explain(model, inputs, method, target, engine=fixed_engine(3), **options)
    for row in range(3):
        alone = explain(model, inputs[row : row + 1], method, target.take([row]), **options)
        assert_close(together.values[row], alone.values[0], 1e-6)


@pytest.mark.parametrize("method", NEW)
@pytest.mark.parametrize("make", [small_vit, small_swin], ids=["ViT", "Swin"])
def test_transformers(make, method):
    network = make().eval()
    model = Model("transformer", network, (3, 64, 64))
    result = explain(model, random_inputs(1, (3, 64, 64)), method, 3, **QUICK.get(method, {}))
    height, width = (4, 4) if make is small_vit else (8, 8)
    assert result.values.shape == (1, height, width)
    assert result.values.isfinite().all()
    assert result.values.std() > 0


def test_masks_over_places_leave_other_tokens_alone():
    mask = torch.tensor([[[0.0, 0.5], [0.25, 1.0]]])
    tokens = Layout("tokens", 2, 2, prefix=1).over_places(mask) * torch.ones(1, 5, 3)
    assert tokens[0, :, 1].tolist() == [1, 0, 0.5, 0.25, 1]
    assert torch.equal(Layout("nchw", 2, 2).over_places(mask) * torch.ones(1, 3, 2, 2), mask.expand(1, 3, 2, 2))
    last = Layout("nhwc", 2, 2).over_places(mask) * torch.ones(1, 2, 2, 3)
    assert torch.equal(last[..., 2], mask)


def test_forward_only_methods_share_a_pass_and_make_no_backward():
    results = explain(small_model(), random_inputs(2), ["eigen-cam", "kpca-cam"], 0, layer=["norm1", "norm2"])
    assert [(r.cost.forward, r.cost.backward) for r in results] == [(2, 0)] + [(0, 0)] * 3
    after = explain(small_model(), random_inputs(2), ["grad-cam", "eigen-cam"], 0)
    assert [(r.cost.forward, r.cost.backward) for r in after] == [(2, 2), (0, 0)]


@pytest.mark.parametrize("method", ["score-cam", "ablation-cam", "recipro-cam"])
def test_estimates_end_in_the_map(method):
    model, inputs = small_model(torch.float64), random_inputs(1)
    found = list(refine(model, inputs, method, 1, engine=fixed_engine(3)))
    shares = [a.share for a in found]
    assert len(found) > 2
    assert shares == sorted(set(shares))
    assert shares[-1] == 1
    assert_close(found[-1].values, explain(model, inputs, method, 1).values, 1e-6)


def test_ablation_runs_what_lies_below_the_layer_on_one_row():
    model, seen = small_model(), []
    handle = model.network.conv1.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    explain(model, random_inputs(1), "ablation-cam", 1, layer="conv3", engine=fixed_engine(8))
    handle.remove()
    assert seen[-1] == 1


def test_fem_weighs_channels_by_how_rarely_they_fire(weighed):
    """Half a deviation above their means, 2.5 and 2, are the 4 of the first channel and the 6 of the second: a quarter of
    the places each. One deviation below them are all but the 1 of the first and all of the second."""
    assert_close(explain(weighed, ACTIVATIONS, "fem", deviations=0.5).values, mixed(1 / 4, 1 / 4), 1e-7)
    assert_close(explain(weighed, ACTIVATIONS, "fem", deviations=0.0).values, mixed(2 / 4, 1 / 4), 1e-7)


def test_random_cam_has_one_weight_per_channel_and_no_target(weighed):
    first, second = 2 * torch.rand(2, generator=seeded_generator("cpu", 4)) - 1
    found = explain(weighed, ACTIVATIONS, "random-cam", 0, seed=4).values
    assert_close(found, mixed(float(first), float(second)), 1e-7)
    assert torch.equal(explain(weighed, ACTIVATIONS, "random-cam", 1, seed=4).values, found)
    maps = [explain(weighed, ACTIVATIONS, "random-cam", 0, seed=seed).values for seed in range(5)]
    assert len({tuple(one.flatten().tolist()) for one in maps}) > 1


@pytest.mark.parametrize("steps", [1, 12])
def test_opti_cam_equals_the_search_through_the_whole_network(steps):
    """Autograd from the score down to the weights, in one graph, each picture by itself."""
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    network, expected, gains = model.network.eval(), [], []
    for place, one in enumerate(inputs.split(1)):
        channels = network.norm1(network.conv1(one)).relu().detach()
        weights = torch.zeros(channels.shape[1], dtype=torch.float64, requires_grad=True)
        search, scores = torch.optim.Adam([weights], lr=0.2), []
        for _ in range(steps):
            mask = F.interpolate(
                (weights.softmax(0).view(1, -1, 1, 1) * channels).sum(1, keepdim=True), one.shape[-2:], mode="bilinear"
            )
            score = network(one * (mask - mask.min()) / (mask.max() - mask.min()))[0, (0, 3)[place]]
            scores.append(float(score.detach()))
            search.zero_grad()
            (-score).backward()
            search.step()
        expected.append((weights.softmax(0).view(-1, 1, 1) * channels[0]).sum(0).detach())
        gains.append(scores[-1] - scores[0])
    found = explain(model, inputs, "opti-cam", ClassTarget((0, 3)), layer="norm1", steps=steps, rate=0.2)
    assert_close(found.values, torch.stack(expected), 1e-6)
    assert (found.cost.forward, found.cost.backward) == (2 * (steps + 1), 2 * steps)
    assert steps == 1 or min(gains) > 0
    assert explain(model, inputs, "opti-cam", steps=steps).cost.forward == 2 * (steps + 1), (
        "the top class costs no pass"
    )


def test_seg_eigen_cam_is_turned_by_its_farthest_value(weighed):
    """|G| * A: channels (1, 12), (0, 4), (3, 1), (8, 0); farthest from their mean are the 12 of the first place."""
    products = torch.stack([torch.tensor([1.0, 0, 3, 8]), torch.tensor([12.0, 4, 1, 0])]).double()
    centred = products - products.mean(1, keepdim=True)
    _, _, right = np.linalg.svd(centred.T.numpy())
    expected = centred.T @ torch.from_numpy(right[0])
    expected = expected * expected[expected.abs().argmax()].sign()
    assert_close(explain(weighed, ACTIVATIONS, "seg-eigen-cam", 0).values, expected.view(1, 2, 2), 1e-6)


def test_smooth_grad_cam_plus_plus_is_the_papers_formula():
    """Worked out copy by copy, with the copies' gradients from plain autograd."""
    model, inputs, samples = small_model(torch.float64), random_inputs(2, dtype=torch.float64), 3
    options = {"samples": samples, "noise": 0.3, "seed": 5, "layer": "norm1"}
    deviation = 0.3 * (inputs.amax((1, 2, 3)) - inputs.amin((1, 2, 3))).view(-1, 1, 1, 1)
    moments = []
    held: dict[str, Tensor] = {}
    layer = model.network.get_submodule("norm1")
    # A copy goes on: the ReLU that comes next writes in place.
    handle = layer.register_forward_hook(lambda module, args, output: held.update(norm1=output) or output.clone())
    for number in range(samples):
        noise = seeded_noise(inputs[:1], 5, torch.tensor([number]))
        score = model.network((inputs + deviation * noise).requires_grad_())[:, 1].sum()
        (gradient,) = torch.autograd.grad(score, held["norm1"])
        moments.append(torch.stack([gradient, gradient**2, gradient**3]))
    model.network(inputs)
    handle.remove()
    activations = held["norm1"].detach()
    first, second, third = torch.stack(moments).mean(0)
    alpha = torch.nan_to_num(
        second / (2 * second + activations.sum((2, 3), keepdim=True) * third)
    )  # no gradient: 0 / 0
    expected = ((alpha * first.relu()).sum((2, 3), keepdim=True) * activations).sum(1).relu()
    found = explain(model, inputs, "smooth-grad-cam++", 1, engine=fixed_engine(2), **options)
    assert_close(found.values, expected, 1e-6)
    assert (found.cost.forward, found.cost.backward) == (2 * (samples + 1), 2 * samples)


def test_cost_depends_on_the_layer():
    """Found out before the work: the progress bar knows the channels."""
    told: list[float] = []
    cost = explain(small_model(), random_inputs(2), "score-cam", 1, progress=lambda s, w: told.append(s)).cost
    assert find_method("score-cam").cost_at is not None
    assert cost.forward == 2 * (8 + 1)
    assert told[-1] == 1
    assert told == sorted(told)
    assert math.isclose(told[1] * 18 % 1, 0, abs_tol=1e-9)
