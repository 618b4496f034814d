"""One's own code has a key; that of packages has a version."""

import functools
import subprocess
import sys

import pytest
import sklearn
import torch
import torchvision
from torch import nn

import skmultigran
from skmultigran import ScatteringBackbone
from skmultigran.feature_cache import code_key, package_versions

BODY = "class Net(torch.nn.Module):\n    def forward(self, images):\n        return "


def defined(body, name="__one__"):
    """Return a class `Net` as a module of one's own would define it."""
    space = {"__name__": name, "torch": torch, "functools": functools}
    exec(body, space)
    return space["Net"]


def test_versions_are_those_of_the_packages_used():
    backbone = ScatteringBackbone(n_scales=1).build(1, (8, 8))
    own = {"skmultigran": skmultigran.__version__, "torch": str(torch.__version__)}
    assert package_versions([type(backbone)]) == own
    block = torchvision.models.resnet.BasicBlock
    assert package_versions([block])["torchvision"] == torchvision.__version__
    assert sklearn.__name__ not in package_versions([type(ScatteringBackbone())])


def test_versions_of_what_is_optional():
    timm = pytest.importorskip("timm")
    versions = {"torch": str(torch.__version__), "timm": timm.__version__}
    assert package_versions([timm.layers.BatchNormAct2d]) == versions


def test_code_of_packages_has_no_key_of_its_own():
    nothing = code_key([])
    assert code_key([nn.Linear, type(ScatteringBackbone())]) == nothing
    assert code_key([defined(BODY + "images")]) != nothing


@pytest.mark.parametrize(
    "other",
    [
        BODY + "images + 2",
        BODY + "images * 1",
        BODY + "images + self.one",
        BODY + "torch.relu(images + 1)",
        BODY + "(lambda x: x + 1)(images)",
        BODY + "images + 1\n    factor = 2",
        BODY + "images + 1\n    @property\n    def factor(self):\n        return 2",
        BODY.replace("Net", "Other") + "images + 1\nclass Net(Other): pass",
    ],
)
def test_other_code_has_another_key(other):
    assert code_key([defined(other)]) != code_key([defined(BODY + "images + 1")])


def test_code_below_a_decorator_and_in_a_base_counts():
    def key(factor):
        wrapped = (
            "def decorated(f):\n"
            "    return functools.wraps(f)(lambda *values: f(*values))\n"
            "class Base(torch.nn.Module):\n"
            "    @staticmethod\n"
            f"    def scale(x): return x * {factor[0]}\n"
            "class Net(Base):\n"
            "    @decorated\n"
            f"    def forward(self, x): return self.scale(x) + {factor[1]}\n"
        )
        return code_key([defined(wrapped)])

    assert len({key("12"), key("13"), key("22")}) == 3
    assert key("12") == key("12")


def test_the_place_of_the_code_does_not_count():
    code = BODY + "images + 1"
    assert code_key([defined("\n\n# moved\n" + code)]) == code_key([defined(code)])
    # The module is part of the name.
    assert code_key([defined(code)]) != code_key([defined(code, "__other__")])


def test_the_key_is_the_same_in_every_process():
    program = f"""
import torch
from skmultigran.feature_cache import code_key
{BODY}images if images in {{"red", "green", "blue"}} else 1
print(code_key([Net]).hex())
"""
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        ).stdout
        for seed in "12"
    }
    assert len(keys) == 1
