"""fastai's Learner, as its users write it: DataBlock, xresnet18, one cycle."""

import numpy as np
from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    ImageBlock,
    Learner,
    Normalize,
    PILImageBW,
    aug_transforms,
    set_seed,
)
from fastai.vision.models.xresnet import xresnet18


class PlainFastai:
    def __init__(self, *, epochs, flips, seed, batch_size=128):
        self.epochs, self.flips, self.seed = epochs, flips, seed
        self.batch_size = batch_size

    def fit(self, X, y):
        set_seed(self.seed)
        self.images = X  # fastai's items are the numbers of the rows
        block = DataBlock(
            blocks=(ImageBlock(cls=PILImageBW), CategoryBlock(vocab=np.unique(y))),
            get_x=lambda row: self.images[row],
            get_y=lambda row: y[row],
            # Nothing is held out: fastai wants images to validate on, here a few that
            # it also learns from.
            splitter=lambda items: (list(range(len(items))), [0, 1]),
            batch_tfms=[
                *aug_transforms(do_flip=self.flips, max_warp=0, max_lighting=0),
                Normalize.from_stats([0.5], [0.5]),
            ],
        )
        loaders = block.dataloaders(range(len(X)), bs=self.batch_size, num_workers=0)
        classes = len(loaders.vocab)
        self.learner = Learner(loaders, xresnet18(n_out=classes, c_in=1))
        with self.learner.no_bar(), self.learner.no_logging():
            self.learner.fit_one_cycle(self.epochs, 1e-2)
        return self

    def predict(self, X):
        self.images = X
        loader = self.learner.dls.test_dl(range(len(X)), num_workers=0)
        with self.learner.no_bar():
            outputs, _ = self.learner.get_preds(dl=loader)
        return np.asarray(self.learner.dls.vocab)[outputs.argmax(1).numpy()]
