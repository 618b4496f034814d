"""Small real or composed images for examples and tests; importing downloads nothing."""

from skmultigran.datasets._scenes import make_digit_scenes

__all__ = ["make_digit_scenes"]
