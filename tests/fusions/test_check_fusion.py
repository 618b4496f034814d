"""check_fusion sees each broken promise and says which one it was."""

import pytest
import torch
from torch import nn

from skmultigran import ConvNetBackbone, Level, register_fusion
from skmultigran._registry import FUSIONS
from skmultigran.estimator_checks import check_fusion
from skmultigran.fusions import Fusion, FusionRecipe


class Kept(Fusion):
    """Keeps every promise; each class below breaks one."""

    def __init__(self, levels):
        super().__init__()
        self.levels = tuple(Level(4, level.stride) for level in levels)
        self.project = nn.ModuleList(nn.Conv2d(x.channels, 4, 1) for x in levels)

    def forward(self, maps):
        return [project(x) for project, x in zip(self.project, maps, strict=True)]


class UserFusion(FusionRecipe):
    """A user's recipe; a class is a parameter that clone leaves alone."""

    def __init__(self, *, module_class=Kept):
        self.module_class = module_class

    def build(self, levels):
        return self.module_class(levels)


class SpatialFusion(UserFusion):
    spatial = True


class WrongChannels(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.levels = tuple(Level(5, level.stride) for level in levels)


class WrongStrides(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.levels = tuple(Level(4, 2 * level.stride) for level in levels)


class DecreasingStrides(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.levels = self.levels[::-1]


class NoLevels(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.levels = None


class Tupled(Kept):
    def forward(self, maps):
        return tuple(super().forward(maps))


class Half(Kept):
    def forward(self, maps):
        return [map_.half() for map_ in super().forward(maps)]


class NotFinite(Kept):
    def forward(self, maps):
        return [map_ / 0 for map_ in super().forward(maps)]


class IgnoresLast(Kept):
    def forward(self, maps):
        fused = super().forward(maps)
        return [*fused[:-1], torch.zeros_like(fused[-1])]


class WritesToInput(Kept):
    def forward(self, maps):
        return super().forward([nn.functional.relu(x, inplace=True) for x in maps])


class WritesToInputInTraining(Kept):
    def forward(self, maps):
        return super().forward([torch.relu_(x) if self.training else x for x in maps])


class ChangesList(Kept):
    def forward(self, maps):
        fused = super().forward(maps)
        for i, map_ in enumerate(fused):
            maps[i] = map_
        return fused


class NeedsTwo(Kept):
    def forward(self, maps):
        return [map_ + 0 * maps[1].mean() for map_ in super().forward(maps)]


class Detached(Kept):
    def forward(self, maps):
        return [map_.detach() for map_ in super().forward(maps)]


class HalfDetached(Kept):
    def forward(self, maps):
        return super().forward([maps[0].detach(), *maps[1:]])


class UnusedParameter(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.unused = nn.Parameter(torch.zeros(3))


class ReadsTheBatch(Kept):
    def forward(self, maps):
        return [map_ - map_.mean(dim=0) for map_ in super().forward(maps)]


class Noisy(Kept):
    def forward(self, maps):
        return [nn.functional.dropout(map_, 0.5) for map_ in super().forward(maps)]


class HiddenState(Kept):
    def __init__(self, levels):
        super().__init__(levels)
        self.scale = 1 + torch.rand(())

    def forward(self, maps):
        return [self.scale * map_ for map_ in super().forward(maps)]


class WrongWeightsShape(Kept):
    def granularity_weights(self, maps):
        return torch.ones(len(maps)) / len(maps)


class WrongWeightsSum(Kept):
    def granularity_weights(self, maps):
        return torch.ones(maps[0].shape[0], len(maps))


class FailsOnSinglePixel(Kept):
    def forward(self, maps):
        if maps[0].shape[-1] < 2:
            raise ValueError("too small")
        return super().forward(maps)


@pytest.mark.parametrize("recipe_class", [UserFusion, SpatialFusion])
def test_check_passes_a_fusion_that_keeps_its_promises(recipe_class):
    check_fusion(recipe_class())


@pytest.mark.parametrize(
    ("module_class", "message"),
    [
        (WrongChannels, r"output 0 must be float32 of shape \(4, 5, 19, 11\), as its "),
        (WrongStrides, r"output 0 must be float32 of shape \(4, 4, 10, 6\), as its "),
        (DecreasingStrides, r"2 granularities.* never decrease, got \[4, 2\]"),
        (
            NoLevels,
            "build must return a torch.nn.Module .*got NoLevels with levels=None",
        ),
        (Tupled, "must return a list of one map .*got a tuple of 1"),
        (Half, "output 0 must be float32 .*got torch.float16"),
        (NotFinite, "output 0 must be finite"),
        (IgnoresLast, "granularity 0 must matter, but nothing changes when it is zero"),
        (WritesToInput, r"must not write to .* map 0 \(training=True\)"),
        (WritesToInputInTraining, r"must not write to .* map 0 \(training=True\)"),
        (ChangesList, "must leave the list of maps that comes in as it was"),
        (NeedsTwo, "maps of 1 granularities.*forward raised IndexError"),
        (Detached, "forward must let gradients through"),
        (HalfDetached, "gradient other than zero must reach granularity 0"),
        (UnusedParameter, r"must reach every parameter, but misses \['unused'\]"),
        (ReadsTheBatch, "an image's maps must not depend on its batch"),
        (Noisy, "(depend on its batch|same output each time)"),
        (HiddenState, "another one's state_dict must give the same maps"),
        (
            WrongWeightsShape,
            r"granularity_weights must have shape \(4, 1\), got \(1,\)",
        ),
        (WrongWeightsSum, "2 granularities.*not negative and with sum one"),
        (FailsOnSinglePixel, "1 x 1 grids of 1 granularities.*ValueError: too small"),
    ],
)
def test_check_names_the_broken_promise_of_a_module(module_class, message):
    with pytest.raises(AssertionError, match=f"(?s)UserFusion.*{message}"):
        check_fusion(UserFusion(module_class=module_class))


def test_check_of_ignored_granularity_names_it():
    class IgnoresThird(Kept):
        def forward(self, maps):
            fused = super().forward(maps)
            return [torch.zeros_like(x) if i == 2 else x for i, x in enumerate(fused)]

    with pytest.raises(AssertionError, match=r"3 granularities.*granularity 2 must"):
        check_fusion(UserFusion(module_class=IgnoresThird))


def test_small_grids_are_no_matter_to_a_spatial_fusion():
    check_fusion(SpatialFusion(module_class=FailsOnSinglePixel))


class HoldsModule(UserFusion):
    def __init__(self, *, module=None):
        self.module = module

    def build(self, levels):
        return Kept(levels)


class Converts(UserFusion):
    def __init__(self, *, module_class=Kept, channels=4):
        self.module_class = module_class
        self.channels = int(channels)


class Renames(UserFusion):
    def __init__(self, *, module_class=Kept, channels=4):
        self.module_class = module_class
        self.channels = str(channels)


class StoresMore(UserFusion):
    def __init__(self, *, module_class=Kept):
        self.module_class = module_class
        self.built_ = 0


class ChangesItself(UserFusion):
    def build(self, levels):
        self.levels = levels
        return Kept(levels)


class BuildsOnce(UserFusion):
    shared = nn.Parameter(torch.ones(()))

    def build(self, levels):
        module = Kept(levels)
        module.shared = self.shared
        return module


class WordySpatial(UserFusion):
    spatial = "yes"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (HoldsModule(module=nn.Linear(1, 1)), "'module' holds a Linear. clone copies"),
        (HoldsModule(module=torch.ones(2)), "'module' holds a Tensor. clone copies"),
        (Converts(), "the constructor, which must only store, raised TypeError"),
        (Renames(), "the constructor must store 'channels' as it is"),
        (StoresMore(), r"must only store its parameters, it also set \['built_'\]"),
        (ChangesItself(), "build must not change the recipe"),
        (BuildsOnce(), "two builds must not share a module or a parameter"),
        (WordySpatial(), "`spatial` must be True or False, got 'yes'"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_check_names_the_broken_promise_of_a_recipe(recipe, message):
    with pytest.raises(AssertionError, match=message):
        check_fusion(recipe)


def test_check_takes_a_registered_name(monkeypatch):
    monkeypatch.setattr(FUSIONS, "_classes", dict(FUSIONS._classes))
    register_fusion("stores-more")(StoresMore)
    with pytest.raises(AssertionError, match="it also set"):
        check_fusion("stores-more")


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'weights' is unknown.*mean 'weighted'"):
        check_fusion("weights")


def test_another_kind_of_recipe_is_refused():
    with pytest.raises(TypeError, match="derived from FusionRecipe"):
        check_fusion(ConvNetBackbone())


def test_module_in_place_of_a_recipe_is_refused():
    with pytest.raises(TypeError, match="neither a name nor a recipe"):
        check_fusion(Kept([Level(3, 1)]))


def test_check_leaves_the_global_generator_as_it_was():
    before = torch.get_rng_state()
    check_fusion(SpatialFusion())
    assert torch.equal(torch.get_rng_state(), before)
