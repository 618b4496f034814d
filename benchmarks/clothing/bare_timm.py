"""timm's network in a bare loop: the peer of the frozen pass."""

import numpy as np
import torch
from PIL import Image

SIZE = 160
BATCH = 64
GREY = 128


def bare_network():
    """Return timm's EfficientNet-Lite0 with the weights from pip, without classifier.

    Returns
    -------
    torch.nn.Module
        In evaluation mode; images in [-1, 1] to 1,280 features.
    """
    import timm

    from skmultigran import EfficientNetLite0Backbone

    network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    ours = EfficientNetLite0Backbone(out_indices=(-1,)).build(3, (SIZE, SIZE))
    names = ours.original_keys()
    state = {names[key]: value for key, value in ours.state_dict().items()}
    network.load_state_dict(state)
    return network.eval()


@torch.inference_mode()
def features_of_arrays(network, images):
    """Return features of decoded images.

    Parameters
    ----------
    network : torch.nn.Module
        What `bare_network` returns.
    images : ndarray of uint8 of shape (n, SIZE, SIZE, 3)
        The images.

    Returns
    -------
    ndarray of float32 of shape (n, 1280)
        The features.
    """
    rows = []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(images[start : start + BATCH])
        rows.append(network(batch.permute(0, 3, 1, 2).float() / 127.5 - 1))
    return torch.cat(rows).numpy()


def features_of_files(network, paths):
    """Return features of files, read by Pillow and letterboxed, batch by batch.

    Parameters
    ----------
    network : torch.nn.Module
        What `bare_network` returns.
    paths : sequence of str
        The files.

    Returns
    -------
    ndarray of float32 of shape (n, 1280)
        The features.
    """
    batches = [
        np.stack([letterboxed(path) for path in paths[start : start + BATCH]])
        for start in range(0, len(paths), BATCH)
    ]
    return np.concatenate([features_of_arrays(network, batch) for batch in batches])


def letterboxed(path):
    """Return a file as an array of SIZE x SIZE pixels, on a grey border.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray of uint8 of shape (SIZE, SIZE, 3)
        The image.
    """
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
    scale = SIZE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    square = Image.new("RGB", (SIZE, SIZE), (GREY,) * 3)
    square.paste(picture, ((SIZE - width) // 2, (SIZE - height) // 2))
    return np.asarray(square)
