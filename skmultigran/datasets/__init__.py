"""Small real or composed images for examples and tests; importing downloads nothing."""

from skmultigran.datasets._fashion_mnist import fetch_fashion_mnist
from skmultigran.datasets._scenes import make_digit_scenes

__all__ = ["fetch_fashion_mnist", "make_digit_scenes"]
