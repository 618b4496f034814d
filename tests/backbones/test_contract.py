"""Every backbone keeps its promises, and the check sees each broken one."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from skmultigran import (
    ConcatFusion,
    ConvNetBackbone,
    Level,
    MultiColumnBackbone,
    TorchvisionBackbone,
)
from skmultigran._registry import BACKBONES
from skmultigran.backbones import Backbone, BackboneRecipe
from skmultigran.estimator_checks import check_backbone


@pytest.mark.parametrize("name", BACKBONES.names())
def test_registered_backbone_keeps_its_promises(name):
    check_backbone(name)


@pytest.mark.parametrize(
    "recipe",
    [
        ConvNetBackbone(widths=(4, 6, 8, 10), depth=2, stem_stride=3),
        ConvNetBackbone(widths=(5,), stem_stride=1),
        ConvNetBackbone(widths=(4, 6, 8), out_indices=(-1, 0)),
        MultiColumnBackbone(stride=1),
        MultiColumnBackbone(
            kernel_sizes=((1,), (3,), (5, 3), (5, 5, 5)),
            widths=((2,), (3,), (4, 5), (6, 7, 8)),
            stride=2,
        ),
        TorchvisionBackbone(name="shufflenet_v2_x0_5", out_indices=(-1, 0)),
        TorchvisionBackbone(name="mobilenet_v3_small", out_indices=(2,)),
    ],
    ids=repr,
)
def test_variant_keeps_its_promises(recipe):
    check_backbone(recipe)


class Kept(Backbone):
    """Keeps every promise; each class below breaks one."""

    def __init__(self, in_channels):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.levels = (Level(4, 2), Level(4, 2))

    def forward(self, images):
        map_ = self.norm(self.convolution(images))
        return [map_, torch.relu(map_)]


class UserBackbone(BackboneRecipe):
    """A user's recipe; a class is a parameter that clone leaves alone."""

    def __init__(self, *, module=Kept):
        self.module = module

    def build(self, in_channels, image_size):
        return self.module(in_channels)


class WrongStride(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.levels = (Level(4, 2), Level(4, 4))


class RoundsDown(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.convolution = nn.Conv2d(in_channels, 4, 2, stride=2)


class WrongChannels(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.levels = (Level(4, 2), Level(5, 2))


class FallingStrides(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.levels = (Level(4, 2), Level(in_channels, 1))

    def forward(self, images):
        return [super().forward(images)[0], images * 2]


class NoLevels(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.levels = ()


class MissingMap(Kept):
    def forward(self, images):
        return super().forward(images)[:1]


class Tuple(Kept):
    def forward(self, images):
        return tuple(super().forward(images))


class Double(Kept):
    def forward(self, images):
        return [map_.double() for map_ in super().forward(images)]


class NotFinite(Kept):
    def forward(self, images):
        return [map_.log() for map_ in super().forward(images)]


class WritesImages(Kept):
    def forward(self, images):
        return super().forward(images.mul_(2) if not images.requires_grad else images)


class WritesImagesInTraining(Kept):
    def forward(self, images):
        if self.training and not images.requires_grad:
            images += 1
        return super().forward(images)


class ReadsBatch(Kept):
    def forward(self, images):
        return super().forward(images - images.mean())


class RunningInEval(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)


class Chance(Kept):
    def forward(self, images):
        return [functional.dropout(map_, 0.5) for map_ in super().forward(images)]


class ReadsLayout(Kept):
    def forward(self, images):
        offset = float(images.is_contiguous())
        return [map_ + offset for map_ in super().forward(images)]


class NoGradient(Kept):
    def forward(self, images):
        return super().forward(images.detach())


class OneLevelDetached(Kept):
    def forward(self, images):
        first, second = super().forward(images)
        return [first, second.detach()]


class ZeroGradient(Kept):
    def forward(self, images):
        return [map_ * 0 for map_ in super().forward(images)]


class HiddenState(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.offset = torch.rand(1)

    def forward(self, images):
        return [map_ + self.offset for map_ in super().forward(images)]


class ThreeChannelsOnly(Kept):
    def __init__(self, in_channels):
        super().__init__(3)


class NeedsThreePixels(Kept):
    def __init__(self, in_channels):
        super().__init__(in_channels)
        self.need = nn.AvgPool2d(3)

    def forward(self, images):
        self.need(images)
        return super().forward(images)


class ShortNormalisation(Kept):
    normalisation = ((0.5, 0.5), (0.2, 0.2))


class NormalisationWithoutStd(Kept):
    normalisation = ((0.5,),)


class ZeroStd(Kept):
    normalisation = ((0.5,), (0.0,))


class ForgetsPart(Kept):
    def parts(self):
        return [self.convolution]


class RepeatsPart(Kept):
    def parts(self):
        return [self.convolution, self.norm, self.norm]


def test_user_backbone_that_keeps_its_promises_passes():
    check_backbone(UserBackbone())


class SkipsRelu(Kept):
    def next_level(self, position, carried, size):
        return super().forward(carried[0])[0], carried


class ForgetsWhoIsLeft(Kept):
    def next_level(self, position, carried, size):
        if position == 0:
            self.maps = self(carried[0])
        return self.maps[position], carried


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (SkipsRelu, "next_level must give the maps of forward"),
        (ForgetsWhoIsLeft, "next_level must give the maps of forward"),
        (WrongStride, r"Level\(channels=4, stride=4\).*\(2, 4, 8, 8\), got.*16, 16"),
        (RoundsDown, r"size \(33, 31\) must have shape \(2, 4, 17, 16\)"),
        (WrongChannels, r"must have shape \(2, 5, 16, 16\), got \(2, 4, 16, 16\)"),
        (FallingStrides, r"never decrease, got \[2, 1\]"),
        (NoLevels, "at least one Level"),
        (MissingMap, "list of 2 maps"),
        (Tuple, "must return a list"),
        (Double, r"must be float32, got torch\.float64"),
        (NotFinite, "not finite"),
        (WritesImages, "must not write to its images"),
        (WritesImagesInTraining, r"must not write to its images \(training=True\)"),
        (ReadsBatch, "must not depend on its batch"),
        (RunningInEval, "must not depend on its batch"),
        (Chance, "same images must give the same maps"),
        (ReadsLayout, "channels_last images must give the same maps"),
        (NoGradient, "level 0 lets no finite gradient"),
        (OneLevelDetached, "level 1 lets no gradient"),
        (ZeroGradient, "level 0 lets no finite gradient"),
        (HiddenState, "another one's state_dict must give the same maps"),
        (ThreeChannelsOnly, r"forward of images of shape \(2, 1, 32, 32\) raised"),
        (NeedsThreePixels, r"forward of images of shape \(2, 1, 1, 1\) raised"),
        (ShortNormalisation, "1 or 1 values each for 1 channels"),
        (NormalisationWithoutStd, r"\(mean, std\)"),
        (ZeroStd, "standard deviations must be positive"),
        (ForgetsPart, "each of its 4 parameters exactly once; they hold 2, 2 of"),
        (RepeatsPart, "each of its 4 parameters exactly once; they hold 6, 4 of"),
    ],
)
def test_broken_module_is_reported(module, match):
    with pytest.raises(AssertionError, match=match):
        check_backbone(UserBackbone(module=module))


class HoldsLayer(UserBackbone):
    def __init__(self, *, module=Kept, layer=None):
        self.module = module
        self.layer = layer


class ChangesParameter(UserBackbone):
    def __init__(self, *, module=Kept, widths=(1, 2)):
        self.module = module
        self.widths = str(widths)


class LooksAtParameter(UserBackbone):
    def __init__(self, *, module=Kept, widths=(1, 2)):
        self.module = module
        self.widths = list(widths)


class StoresMore(UserBackbone):
    def __init__(self, *, module=Kept):
        self.module = module
        self.fresh_ = True


class ForgetsParameter(UserBackbone):
    def __init__(self, *, module=Kept):
        pass


class SameModule(UserBackbone):
    _built: dict = {}

    def build(self, in_channels, image_size):
        device = torch.empty(0).device
        return self._built.setdefault((in_channels, device), Kept(in_channels))


class SharedParameter(UserBackbone):
    _norm = nn.BatchNorm2d(4)

    def build(self, in_channels, image_size):
        module = Kept(in_channels)
        module.norm = self._norm
        return module


class OtherLevels(UserBackbone):
    def levels(self, in_channels, image_size):
        return (Level(4, 2),)


class BuildChangesRecipe(UserBackbone):
    def build(self, in_channels, image_size):
        self.built_ = True
        return super().build(in_channels, image_size)


class OtherSkeleton(UserBackbone):
    def skeleton(self, in_channels, image_size):
        return Kept(in_channels + 1)


class SkeletonOfOtherLevels(UserBackbone):
    def skeleton(self, in_channels, image_size):
        return WrongStride(in_channels)

    def levels(self, in_channels, image_size):
        return (Level(4, 2), Level(4, 2))


class BuildsNoModule(UserBackbone):
    def build(self, in_channels, image_size):
        return [Kept(in_channels)]

    def levels(self, in_channels, image_size):
        return (Level(4, 2), Level(4, 2))


class BuildRaises(UserBackbone):
    def build(self, in_channels, image_size):
        raise RuntimeError("no such size")

    def levels(self, in_channels, image_size):
        return (Level(4, 2), Level(4, 2))


class LevelsRaise(UserBackbone):
    def levels(self, in_channels, image_size):
        raise RuntimeError("no table")


@pytest.mark.parametrize(
    ("recipe_class", "match"),
    [
        (ChangesParameter, "must store 'widths' as it is"),
        (LooksAtParameter, "the constructor, which must only store, raised TypeError"),
        (StoresMore, r"must only store its parameters, it also set \['fresh_'\]"),
        (ForgetsParameter, "get_params raised AttributeError"),
        (SameModule, "must not share a module or a parameter"),
        (SharedParameter, "must not share a module or a parameter"),
        (OtherLevels, "the built module's levels"),
        (BuildChangesRecipe, "must not change the recipe"),
        (OtherSkeleton, "loading build's state_dict into the skeleton raised Runtime"),
        (SkeletonOfOtherLevels, "skeleton must have the levels"),
        (BuildsNoModule, r"must return a torch\.nn\.Module"),
        (BuildRaises, r"build\(3, \(32, 32\)\) raised RuntimeError: no such size"),
        (LevelsRaise, r"levels\(3, \(32, 32\)\) raised RuntimeError: no table"),
    ],
)
def test_broken_recipe_is_reported(recipe_class, match):
    with pytest.raises(AssertionError, match=match):
        check_backbone(recipe_class())


@pytest.mark.parametrize("layer", [nn.Linear(1, 1), torch.ones(2)])
def test_parameters_are_neither_modules_nor_tensors(layer):
    match = f"'layer' holds a {type(layer).__name__}. clone copies its numbers"
    with pytest.raises(AssertionError, match=match):
        check_backbone(HoldsLayer(layer=layer))


def test_unknown_name():
    with pytest.raises(ValueError, match="Did you mean 'convnet'"):
        check_backbone("convnett")


def test_another_kind_of_recipe():
    with pytest.raises(TypeError, match="derived from BackboneRecipe"):
        check_backbone(ConcatFusion())


def test_module_instead_of_recipe():
    with pytest.raises(TypeError, match="neither a name nor a recipe"):
        check_backbone(Kept(3))


def test_random_numbers_go_on_as_if_nothing_was_checked():
    state = torch.random.get_rng_state()
    check_backbone(UserBackbone())
    assert torch.equal(torch.random.get_rng_state(), state)


PARTS = {
    "convnet": 3,
    "efficientnet_lite0": 6,
    "scale_space": 0,
    "scattering": 0,
    "torchvision": 5,
}


@pytest.mark.parametrize("name", PARTS)
def test_number_of_parts(name):
    assert len(BACKBONES.recipe(name).build(3, (28, 28)).parts()) == PARTS[name]


def test_parts_of_a_network_with_a_stem_follow_each_other():
    backbone = ConvNetBackbone(widths=(4, 6)).build(3, (28, 28)).eval()
    images = torch.rand(1, 3, 28, 28)
    map_ = images
    for part, expected in zip(backbone.parts(), backbone(images), strict=True):
        map_ = part(map_)
        assert torch.equal(map_, expected)


def test_columns_have_no_order():
    backbone = MultiColumnBackbone().build(3, (28, 28))
    with pytest.raises(ValueError, match="MultiColumnBackbone stand side by side"):
        backbone.parts()


def test_backbone_that_does_not_name_its_parts():
    with pytest.raises(ValueError, match="Kept does not say which parts follow each"):
        Kept(3).parts()


@pytest.mark.parametrize("name", BACKBONES.names())
def test_filters_that_are_given_are_fixed(name):
    recipe = BACKBONES.recipe(name)
    assert recipe.fixed == (name in ("scale_space", "scattering"))
    learns = any(True for _ in recipe.build(3, (28, 28)).parameters())
    assert recipe.fixed != learns


def test_recipe_may_have_parameters_of_such_names():
    class Pretrained(UserBackbone):
        def __init__(self, *, pretrained=True, module=Kept):
            self.pretrained = pretrained
            self.module = module

    assert Pretrained().pretrained
    check_backbone(Pretrained())
