"""A training loop of PyTorch, written by hand, and ResNet-18 trained by it."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def train(network, images, labels, optimizer, *, epochs, batch_size, augment=None):
    """Train on a tensor `(n, C, H, W)`; the loss of the last step is returned."""
    network.train()
    steps = epochs * -(-len(images) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, optimizer.param_groups[0]["lr"], steps
    )
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(batch_size):
            rows = rows.to(images.device)
            batch = images[rows] if augment is None else augment(images[rows])
            loss = functional.cross_entropy(network(batch), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return loss.item()


def shifted(batch, reach=2):
    """Move each image by up to `reach` pixels; zeros come in from outside."""
    n, _, height, width = batch.shape
    padded = functional.pad(batch, [reach] * 4)
    tops, lefts = torch.randint(0, 2 * reach + 1, (2, n, 1), device=batch.device)
    rows = (tops + torch.arange(height, device=batch.device))[:, None, :, None]
    columns = (lefts + torch.arange(width, device=batch.device))[:, None, None, :]
    images = torch.arange(n, device=batch.device)[:, None, None, None]
    channels = torch.arange(batch.shape[1], device=batch.device)[None, :, None, None]
    return padded[images, channels, rows, columns]


def shifted_and_flipped(batch):
    chosen = torch.rand(len(batch), 1, 1, 1, device=batch.device) < 0.5
    return torch.where(chosen, shifted(batch).flip(3), shifted(batch))


class PlainResNet18:
    """torchvision's ResNet-18 with a 3 x 3 stem of stride 1, SGD and one cycle."""

    def __init__(self, *, epochs, flips, seed, batch_size=128):
        self.epochs, self.flips, self.seed = epochs, flips, seed
        self.batch_size = batch_size
        self.device = "cuda" if torch.cuda.is_available() else "cpu"

    def fit(self, X, y):
        from torchvision.models import resnet18

        torch.manual_seed(self.seed)
        self.network = resnet18(num_classes=int(y.max()) + 1)
        self.network.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.network.to(self.device)
        optimizer = torch.optim.SGD(
            self.network.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True
        )
        train(
            self.network,
            self._tensor(X),
            torch.from_numpy(y).to(self.device),
            optimizer,
            epochs=self.epochs,
            batch_size=self.batch_size,
            augment=shifted_and_flipped if self.flips else shifted,
        )
        return self

    def _tensor(self, X):
        images = torch.from_numpy(X)[:, None].to(self.device)
        return images.float().div(255).sub(0.5).div(0.5)

    @torch.inference_mode()
    def predict(self, X):
        self.network.eval()
        batches = torch.from_numpy(X).split(1000)
        found = [self.network(self._tensor(b.numpy())).argmax(1).cpu() for b in batches]
        return np.concatenate(found)
