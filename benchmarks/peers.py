"""Who is compared: ours, and what people use today, each made with little else loaded.

Every maker imports what it needs itself: each model runs in a process of its own, and
its memory is that of what it needs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """What a model may know before it sees the images."""

    n: int
    side: int
    seed: int
    flips: bool
    max_epochs: int | None = None


class Peer(NamedTuple):
    """A model: `make(case)` has `fit(X, y)` and `predict(X)` of images (n, h, w)."""

    title: str
    make: Callable[[Case], Any]
    ours: bool = False
    random: bool = False
    flips: bool | None = None  # only for data sets that are flipped, or not


def plain_epochs(case):
    """Return the passes that people give a plain network: more over few images."""
    return case.max_epochs or (10 if case.n >= 20_000 else 30)


def _ours(augment, **training):
    def make(case):
        from skmultigran import MultiGranularityClassifier, Training

        return MultiGranularityClassifier(
            augment=augment,
            training=Training(**training),
            max_epochs=case.max_epochs or "auto",
            random_state=case.seed,
        )

    return make


def _scattering(case):
    from sklearn.pipeline import make_pipeline

    from skmultigran import MultiGranularityTransformer

    return make_pipeline(MultiGranularityTransformer(), _lda())


def _mixing(case):
    augment = ["auto", "flip"] if case.flips else "auto"
    return _ours(augment, mixup=0.4)(case)


def _closed_form(case):
    from skmultigran import MultiGranularityClassifier

    return MultiGranularityClassifier(
        backbone="scattering", trainable="head", training="closed_form"
    )


def _vote(case):
    from sklearn.ensemble import VotingClassifier

    members = [("network", _mixing(case)), ("wavelets", _closed_form(case))]
    return VotingClassifier(members, voting="soft")


def _kymatio(case):
    from benchmarks.frozen_columns import KymatioColumns

    return _on_columns(KymatioColumns(), _lda())


def _lda():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _on_columns(columns, *steps):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(columns), *steps)


def _pixels(images):
    return images.reshape(len(images), -1) / 255


def _svc(case):
    from sklearn.svm import SVC

    return _on_columns(_pixels, SVC(C=10))


def _hog_svc(case):
    import skimage.feature  # noqa: F401 - if missing, noticed before fit
    from sklearn.svm import SVC

    from benchmarks.frozen_columns import hog_columns

    return _on_columns(hog_columns, SVC(C=10))


def _boosting(case):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _on_columns(_pixels, HistGradientBoostingClassifier(random_state=case.seed))


def _skorch(case):
    import torch
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from benchmarks.plain_convnet import plain_convnet

    torch.manual_seed(case.seed)  # it has no random_state
    net = plain_convnet(plain_epochs(case), case.side)
    return make_pipeline(FunctionTransformer(_float32_pixels), net)


def _float32_pixels(images):
    return _pixels(images).astype("float32")


def _resnet18(case):
    from benchmarks.plain_loop import PlainResNet18

    return PlainResNet18(epochs=plain_epochs(case), flips=case.flips, seed=case.seed)


def _fastai(case):
    from benchmarks.plain_fastai import PlainFastai

    return PlainFastai(epochs=plain_epochs(case), flips=case.flips, seed=case.seed)


def _timm(case):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from benchmarks.frozen_columns import TimmColumns

    model = LogisticRegression(C=0.01, max_iter=500)
    return _on_columns(TimmColumns(), StandardScaler(), model)


PEERS = {
    "ours-flips": Peer(
        "MultiGranularityClassifier, augment=['auto', 'flip']",
        _ours(["auto", "flip"]),
        ours=True,
        random=True,
        flips=True,
    ),
    "ours": Peer(
        "MultiGranularityClassifier, default parameters",
        _ours("auto"),
        ours=True,
        random=True,
    ),
    "scattering": Peer("MultiGranularityTransformer, LDA", _scattering, ours=True),
    "ours-mixup": Peer(
        "MultiGranularityClassifier, Training(mixup=0.4)",
        _mixing,
        ours=True,
        random=True,
    ),
    "closed-form": Peer(
        "MultiGranularityClassifier, scattering, training='closed_form'",
        _closed_form,
        ours=True,
    ),
    "vote": Peer(
        "VotingClassifier: mixup=0.4; scattering, training='closed_form'",
        _vote,
        ours=True,
        random=True,
    ),
    "svc": Peer("SVC on pixels", _svc),
    "hog-svc": Peer("HOG (scikit-image), SVC", _hog_svc),
    "boosting": Peer("HistGradientBoosting on pixels", _boosting, random=True),
    "kymatio": Peer("scattering (kymatio), LDA", _kymatio),
    "skorch": Peer("plain CNN in skorch", _skorch, random=True),
    "resnet18": Peer("ResNet-18, hand-written PyTorch loop", _resnet18, random=True),
    "fastai": Peer("xresnet18, fastai's Learner", _fastai, random=True),
    "timm": Peer("EfficientNet-Lite0 features (timm), LogisticRegression", _timm),
}


def peers_for(flipped):
    """Return the names of those that are compared on data that is flipped, or not."""
    return [name for name, peer in PEERS.items() if peer.flips in (None, flipped)]
