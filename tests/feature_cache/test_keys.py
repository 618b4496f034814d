"""Keys are the same everywhere and change with all that counts."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skmultigran import ConcatFusion, ConvNetBackbone, ScatteringBackbone, SumFusion
from skmultigran._recipe import Recipe
from skmultigran.feature_cache import (
    file_key,
    image_key,
    namespace_key,
    weights_key,
    weights_keys,
)

KNOWN = {
    "c205b1301e9a7ba94cc0741297533e5c": "image_key(image)",
    "0b7243daa1b9d4c9b6686cb968b5b534": "namespace_key(a=[1, 1.0], b={'x': b'y'})",
    "58cf4b4841f23979916cd17a58de1f2f": "weights_key(layer)",
}
PREPARE = """
import numpy as np, torch
from skmultigran.feature_cache import image_key, namespace_key, weights_key
image = np.arange(6, dtype="<f4").reshape(2, 3)
layer = torch.nn.Linear(2, 1)
torch.nn.init.ones_(layer.weight), torch.nn.init.zeros_(layer.bias)
"""


def test_known_answers_in_another_process():
    program = PREPARE + "".join(f"print({call}.hex())\n" for call in KNOWN.values())
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"},
    )
    assert result.stdout.split() == list(KNOWN)


def test_image_key_is_blake2b_of_dtype_shape_and_bytes():
    image = np.arange(6, dtype="<i2").reshape(2, 3)
    expected = hashlib.blake2b(
        b"<i2(2, 3)" + image.tobytes(), digest_size=16, person=b"image"
    )
    assert image_key(image) == expected.digest()


IMAGE = np.arange(12, dtype="<f4").reshape(3, 4)


@pytest.mark.parametrize(
    "other",
    [
        IMAGE.astype(">f4"),
        IMAGE.astype("<f8"),
        IMAGE.astype("<i4"),
        IMAGE.view("<i4"),
        IMAGE.reshape(4, 3),
        IMAGE[None],
        IMAGE.T,
        IMAGE + 1,
        np.where(IMAGE == 0, -IMAGE, IMAGE),  # -0.0
    ],
)
def test_another_image_has_another_key(other):
    assert image_key(other) != image_key(IMAGE)


def test_the_order_in_memory_does_not_count():
    padded = np.zeros((3, 8), dtype="<f4")
    padded[:, ::2] = IMAGE
    assert image_key(padded[:, ::2]) == image_key(IMAGE)
    assert image_key(np.asfortranarray(IMAGE)) == image_key(IMAGE)
    assert image_key(torch.from_numpy(IMAGE).numpy()) == image_key(IMAGE)


def test_images_of_one_pixel_and_of_none_have_keys():
    keys = {image_key(np.zeros(shape)) for shape in [(), (1,), (0, 3), (3, 0)]}
    assert len(keys) == 4


def test_image_key_refuses_objects():
    with pytest.raises(TypeError, match="image_key got an array of dtype object"):
        image_key(np.array([None]))


def test_file_key_reads_the_bytes_alone(tmp_path):
    content = bytes(range(256)) * 5000  # more than one piece
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(content)
    (tmp_path / "c").write_bytes(content[:-1])
    a, b, c = (file_key(tmp_path / name) for name in "abc")
    expected = hashlib.blake2b(content, digest_size=16, person=b"file").digest()
    assert a == b == expected != c


def test_the_order_of_parts_does_not_count():
    assert namespace_key(a=1, b=2) == namespace_key(b=2, a=1)
    assert namespace_key(a=(1, 2)) == namespace_key(a=[1, 2])
    assert namespace_key(a=np.float64(0.5)) == namespace_key(a=0.5)


def test_parts_that_differ_have_different_keys():
    values = [None, True, 1, 1.0, "1", b"1", "31", [1], [[1]], {"1": 1}, {}, [], ""]
    values += [-0.0, 0.0, float("nan"), float("inf"), ["float", "1.0"], {"list": [1]}]
    assert len({namespace_key(a=value) for value in values}) == len(values)
    assert namespace_key(a=1) != namespace_key(b=1)


class Holding(Recipe):
    """A recipe of anything, whose repr says nothing of it."""

    def __init__(self, *, value=None):
        self.value = value

    def __repr__(self):
        return "Holding()"


class AlsoHolding(Holding):
    pass


# As text these are equal in pairs: numpy and scikit-learn shorten what is long, numpy
# rounds, and a class may write what it likes.
LONG = np.arange(5000.0)
SAME_TEXT = {
    "shortened array": (LONG, np.where(LONG == 2500, -1, LONG)),
    "rounded array": (np.array([0.1]), np.array([0.1 + 1e-12])),
    "own repr": (Holding(value=1), Holding(value=2)),
    "within own repr": (Holding(value=Holding()), Holding(value=Holding(value=0))),
    "shortened recipe": (
        ConvNetBackbone(widths=tuple(range(8, 400))),
        ConvNetBackbone(widths=(*range(8, 200), 1, *range(201, 400))),
    ),
}


@pytest.mark.parametrize("pair", SAME_TEXT.values(), ids=SAME_TEXT)
def test_values_of_the_same_text_have_different_keys(pair):
    assert repr(pair[0]) == repr(pair[1])
    assert namespace_key(a=pair[0]) != namespace_key(a=pair[1])


def test_values_that_look_alike_have_different_keys():
    array = np.array([1, 2])
    values = [array, array.astype("<i4"), array[None], [1, 2], ["1", "2"], "[1, 2]"]
    values += [Path("a"), "a", Holding(value="a"), AlsoHolding(value="a"), ["a"]]
    values += [Holding(value={"value": "a"}), {"value": "a"}, ConcatFusion()]
    values += [SumFusion(), ScatteringBackbone(), ScatteringBackbone(n_scales=2)]
    assert len({namespace_key(a=value) for value in values}) == len(values)


def test_equal_recipes_have_equal_keys():
    def recipe():
        return Holding(value=[ConvNetBackbone(widths=(8, 16)), np.arange(3)])

    assert namespace_key(a=recipe()) == namespace_key(a=recipe())
    assert namespace_key(a=Path("a", "b")) == namespace_key(a=Path("a") / "b")


def test_what_has_no_key_is_named_with_its_recipes():
    nested = Holding(value=Holding(value=[len]))
    with pytest.raises(TypeError, match="of type builtin.* in 'a__value__value'"):
        namespace_key(a=nested)
    with pytest.raises(TypeError, match="of type ndarray in 'a'"):
        namespace_key(a=np.array(["text"]))


@pytest.mark.parametrize("value", [object(), {1: 2}, [{3}], torch.float32])
def test_namespace_key_refuses_other_types(value):
    with pytest.raises(TypeError, match="in 'part'; parts are None, bool"):
        namespace_key(part=value)


def test_weights_key_sees_names_shapes_dtypes_and_values():
    def key(**tensors):
        module = torch.nn.Module()
        for name, tensor in tensors.items():
            module.register_buffer(name, tensor)
        return weights_key(module)

    ones = torch.ones(2, 3)
    keys = [
        key(a=ones),
        key(b=ones),
        key(a=ones.T.contiguous()),
        key(a=ones.to(torch.bfloat16)),
        key(a=ones.view(torch.int32)),
        key(a=ones * 2),
        key(a=ones, b=torch.tensor(0)),
        key(),
    ]
    assert len(set(keys)) == len(keys)


def test_weights_key_ignores_the_layout_in_memory():
    module = torch.nn.Conv2d(3, 4, 3)
    before = weights_key(module)
    assert weights_key(module.to(memory_format=torch.channels_last)) == before


def test_tensors_that_modules_share_are_read_once(monkeypatch):
    from skmultigran.feature_cache import _keys

    reads = []
    digest = _keys._values_digest
    monkeypatch.setattr(
        _keys, "_values_digest", lambda tensor: reads.append(1) or digest(tensor)
    )
    one, other = torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    other.weight, other.bias = one.weight, one.bias
    other.running_mean += 1
    keys = weights_keys([one, other])
    # Weight, bias, and of each norm mean, variance and count.
    assert len(reads) == 2 + 3 + 3
    assert keys == [weights_key(one), weights_key(other)]
    assert keys[0] != keys[1]


def test_views_of_the_same_memory_are_told_apart():
    square = torch.arange(4.0).reshape(2, 2)
    module, other = torch.nn.Module(), torch.nn.Module()
    module.register_buffer("a", square)
    other.register_buffer("a", square.T)
    keys = weights_keys([module, other])
    assert keys == [weights_key(module), weights_key(other)]
    assert keys[0] != keys[1]


def test_weights_key_refuses_state_that_is_no_tensor():
    class Stateful(torch.nn.Module):
        def get_extra_state(self):
            return 3

    with pytest.raises(TypeError, match="_extra_state.* of type int"):
        weights_key(Stateful())
