"""Transformers of scikit-learn that make images of images."""

from skmultigran.preprocessing._denoiser import ImageDenoiser
from skmultigran.preprocessing._enhancer import ImageEnhancer
from skmultigran.preprocessing._reader import ImageReader
from skmultigran.preprocessing._resizer import ImageResizer
from skmultigran.preprocessing._segmenter import ForegroundSegmenter

__all__ = [
    "ForegroundSegmenter",
    "ImageDenoiser",
    "ImageEnhancer",
    "ImageReader",
    "ImageResizer",
]
