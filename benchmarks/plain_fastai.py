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
        block = DataBlock(
            blocks=(ImageBlock(cls=PILImageBW), CategoryBlock(vocab=np.unique(y))),
            get_x=lambda pair: pair[0],
            get_y=lambda pair: pair[1],
            # Nothing is held out: fastai wants images to validate on, here a few that
            # it also learns from.
            splitter=lambda items: (list(range(len(items))), [0, 1]),
            batch_tfms=[
                *aug_transforms(do_flip=self.flips, max_warp=0, max_lighting=0),
                Normalize.from_stats([0.5], [0.5]),
            ],
        )
        loaders = block.dataloaders(
            list(zip(X, y, strict=True)), bs=self.batch_size, num_workers=0
        )
        classes = len(loaders.vocab)
        self.learner = Learner(loaders, xresnet18(n_out=classes, c_in=1))
        with self.learner.no_bar(), self.learner.no_logging():
            self.learner.fit_one_cycle(self.epochs, 1e-2)
        return self

    def predict(self, X):
        items = [(image, self.learner.dls.vocab[0]) for image in X]
        loader = self.learner.dls.test_dl(items, num_workers=0)
        with self.learner.no_bar():
            outputs, _ = self.learner.get_preds(dl=loader)
        return np.asarray(self.learner.dls.vocab)[outputs.argmax(1).numpy()]
