"""Fitted estimators as files: to be loaded again, or run without Python."""

from skmultigran.persistence._model_files import load_model, save_model
from skmultigran.persistence._onnx import export_onnx

__all__ = ["export_onnx", "load_model", "save_model"]
