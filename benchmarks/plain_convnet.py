"""The usual way to a small convnet in scikit-learn: skorch and one's own module."""

import torch
from skorch import NeuralNetClassifier
from torch import nn


class PlainConvNet(nn.Module):
    """Two convolutions at one granularity, for flat rows of grey images."""

    def __init__(self, side=8):
        super().__init__()
        self.side = side
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(64 * (side // 2) ** 2, 10),
        )

    def forward(self, rows):
        return self.layers(rows.reshape(-1, 1, self.side, self.side))


def plain_convnet(max_epochs=25, side=8):
    """A fair rival: Adam, shuffled batches, and no hidden hold-out."""
    return NeuralNetClassifier(
        PlainConvNet,
        module__side=side,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=64,
        max_epochs=max_epochs,
        iterator_train__shuffle=True,
        train_split=None,
        device="cuda" if torch.cuda.is_available() else "cpu",
        verbose=0,
    )
