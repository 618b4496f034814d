"""One's own code has a key; that of packages has a version."""

import functools
import subprocess
import sys
from types import ModuleType

import pytest
import sklearn
import torch
import torchvision
from torch import nn

import skmultigran
from skmultigran import ScatteringBackbone
from skmultigran.feature_cache import NoKeyError, code_key, package_versions

HEAD = "class Net(torch.nn.Module):\n"
BODY = HEAD + "    def forward(self, images):\n        return "


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


@pytest.mark.parametrize(
    "code",
    [
        BODY.replace("images", "images, k=VALUE") + "images * k",
        BODY.replace("images", "images, *, k=VALUE") + "images * k",
        "P = VALUE\n" + BODY + "images * P",
        "P = VALUE\n" + BODY + "[image * P for image in images]",
        "P = [{'scale': VALUE}]\n" + BODY + "images * P[0]['scale']",
        "P = torch.tensor([VALUE, 5.0])\n" + BODY + "images * P",
        "P = functools.partial(torch.mul, other=VALUE)\n" + BODY + "P(images)",
        "def helper(x, k=VALUE): return x * k\n" + BODY + "helper(images)",
        "P = VALUE\ndef helper(x): return x * P\n" + BODY + "helper(images)",
        "@functools.lru_cache\ndef helper(): return VALUE\n" + BODY + "helper()",
        "class Helper:\n    scale = VALUE\n" + BODY + "images * Helper.scale",
        "import enum\nclass Kind(enum.Enum):\n    A = VALUE\n"
        + BODY
        + "images * Kind.A.value",
        "def outer(k):\n    def inner(self, x): return x * k\n    return inner\n"
        "class Net(torch.nn.Module):\n    forward = outer(VALUE)",
        "class Net(torch.nn.Module):\n    kind = functools.partial(pow, VALUE)",
    ],
)
def test_what_code_uses_counts(code):
    two, three = (defined(code.replace("VALUE", value)) for value in "23")
    assert code_key([two]) != code_key([three])
    assert code_key([two]) == code_key([defined(code.replace("VALUE", "2"))])


def test_of_a_module_of_ones_own_what_is_used_counts():
    def key(**values):
        settings = ModuleType("settings_of_my_own")
        vars(settings).update(values)
        net = defined(BODY + "images * settings.scale")
        net.forward.__globals__["settings"] = settings
        return code_key([net])

    assert key(scale=2) != key(scale=3)
    assert key(scale=2) == key(scale=2, other=object())


def test_globals_that_are_not_used_do_not_count():
    other = defined("P, LOGGER = 2, object()\n" + BODY + "images.P + images.LOGGER")
    assert code_key([other]) == code_key([defined(BODY + "images.P + images.LOGGER")])


def test_code_that_uses_itself_has_a_key():
    even = "def even(n): return n == 0 or odd(n - 1)\n"
    odd = "def odd(n): return n != VALUE and even(n - 1)\n"
    net = "class Net(torch.nn.Module):\n    def __init__(self):\n"
    net += "        super().__init__()\n        self.kind = Net, even"
    keys = {code_key([defined((even + odd + net).replace("VALUE", n))]) for n in "01"}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "name",
    [
        "torch",
        "torch.relu",
        "torch.float32",
        "torch.nn.functional.relu",
        "torch.nn.ReLU",
        "numpy.exp",
        "numpy.pad",
        "math.pi",
        "scipy.ndimage.zoom",
    ],
)
def test_what_is_installed_has_a_key(name):
    package = name.partition(".")[0]
    parent = name.rpartition(".")[0] or package
    code = f"import {parent}, {package}\nP = {name}\n{BODY}P, {name}, images"
    assert code_key([defined(code)]) == code_key([defined(code)])


def test_decorators_of_packages_have_a_key():
    def key(factor):
        forward = f"    def forward(self, x): return x * {factor}"
        return code_key([defined(f"{HEAD}    @torch.no_grad()\n{forward}")])

    assert key(2) != key(3)
    assert key(2) == key(2)


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("P = object()\n" + BODY + "images * P", "P"),
        ("P = torch.nn.ReLU()\n" + BODY + "P(images)", "P"),
        (BODY.replace("images", "images, k=object()") + "k", "its defaults"),
        ("P = object()\ndef helper(): return P\n" + BODY + "helper()", "helper"),
    ],
)
def test_what_has_no_key_is_named(code, used):
    with pytest.raises(
        NoKeyError, match=f"Net.forward uses {used}.*No key can be made"
    ):
        code_key([defined(code)])


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
