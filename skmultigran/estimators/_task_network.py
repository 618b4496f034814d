"""One network for several tasks: its parts, what it reads and what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
from sklearn.base import clone

from skmultigran._recipe import Recipe
from skmultigran._registry import BACKBONES
from skmultigran.estimators._supervised import MultiGranularityPredictor
from skmultigran.estimators._task_specs import task_specs
from skmultigran.estimators._task_targets import TaskTargets, form_of
from skmultigran.fusions import ParallelFusions
from skmultigran.heads import (
    DenseHead,
    PooledHead,
    SeveralMapHeads,
    SeveralPooledHeads,
)
from skmultigran.images import JointAugmentation, unfit_mask
from skmultigran.tasks import SegmentationTask
from skmultigran.training import MaskLayers, TaskBatches


class TaskNetworkPredictor(MultiGranularityPredictor):
    """Base of the estimator of several tasks: all that is not its public face."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        return tags

    @property
    def _targets(self):
        owner = type(self).__name__
        read = hasattr(self, "image_shape_")
        return TaskTargets(
            owner,
            task_specs(self.tasks, owner),
            self.task_weight,
            image_size=self._image_size(self.image_shape_[:2]) if read else None,
            resize=self.resize,
        )

    @property
    def _about_pixels(self):
        """Whether a task asks for masks; False also while `tasks` is no dict."""
        return isinstance(self.tasks, dict) and "segmentation" in self._kinds().values()

    def _diagram_parts(self):
        parts = super()._diagram_parts()
        return (*parts, "dense_head") if self._about_pixels else parts

    def _resolved(self, name):
        value = super()._resolved(name)
        if name == "fusion" and isinstance(value, str) and value == "auto":
            return "fpn" if self._about_pixels else "concat"
        if name == "head" and isinstance(value, str) and value == "auto":
            return self._auto_head()
        return value

    def _auto_head(self):
        backbone = self._resolved("backbone")
        known = isinstance(backbone, Recipe) or backbone in BACKBONES
        if self.trainable == "head" and known and self._recipe("backbone").pretrained:
            return PooledHead(pooling=("avg",), grid=(1,), dropout=0.7, power=0.5)
        return PooledHead()

    def _is_frozen(self):
        return super()._is_frozen() and not self._about_pixels

    # -------------------------------------------------------------- network

    def _parts(self):
        parts = super()._parts()
        tasks = list(self._task.tasks.values())
        settings = {
            "head": self._checked_head("head", parts["head"], PooledHead),
            "outputs": tuple(task.n_outputs for task in tasks),
            "branches": len(tasks) if self.share == "backbone" else 1,
            "uncertainty": self.task_weight == "uncertainty",
        }
        if settings["branches"] > 1:
            parts["fusion"] = ParallelFusions(
                fusion=parts["fusion"], branches=settings["branches"]
            )
        if not self._about_pixels:
            return parts | {"head": SeveralPooledHeads(**settings)}
        dense = clone(self._recipe("dense_head"))
        head = SeveralMapHeads(
            dense=self._checked_head("dense_head", dense, DenseHead),
            pixels=tuple(isinstance(task, SegmentationTask) for task in tasks),
            **settings,
        )
        return parts | {"head": head}

    def _checked_head(self, name, recipe, wanted):
        if not isinstance(recipe, wanted):
            raise ValueError(
                f"{name}={recipe!r} cannot serve the tasks of {type(self).__name__}. "
                f"Take {wanted.__name__} or a class derived from it."
            )
        return recipe

    # ------------------------------------------------------------------ fit

    def _check_same_network(self, caller):
        """Refuse other tasks, too, and name what the user has set."""
        if self._kinds() != self._kinds_:
            raise ValueError(
                f"{caller} goes on with the network that {type(self).__name__} has, "
                f"for the tasks {self._kinds_}, but now they are {self._kinds()}. Set "
                "warm_start=False and call fit, or set the tasks as they were."
            )
        known, asked = self.network_recipe_.head, self._parts()["head"]
        for name, part in (("head", "head"), ("dense_head", "dense")):
            before, now = getattr(known, part, None), getattr(asked, part, None)
            self._check_same(caller, name, before, now)
        if known.branches != asked.branches:
            before = "backbone" if known.branches > 1 else "fusion"
            self._check_same(caller, "share", before, self.share)
        if known.uncertainty != asked.uncertainty:
            self._check_same(
                caller, "task_weight", self._task.weights, self.task_weight
            )
        super()._check_same_network(caller)

    def _kinds(self):
        """Return the names of the tasks, each with its type."""
        return {
            name: task.get("type") if isinstance(task, dict) else task
            for name, task in self.tasks.items()
        }

    def _samples(self, X, y, sample_weight, *, reset, learn):
        samples = super()._samples(X, y, sample_weight, reset=reset, learn=learn)
        self._answer_form_ = form_of(y, type(self).__name__)
        self._kinds_ = self._kinds()
        return samples

    def _check_answers(self, images, rows, y):
        """Check that masks have the sizes of their images."""
        for name, spec in self._targets.specs.items():
            if not hasattr(spec, "targets"):
                continue
            for row, mask in zip(rows[y.known[name]], y.given(name), strict=True):
                size = tuple(images.sizes[row])
                if size != mask.shape:
                    raise ValueError(
                        f"Task {name!r}: the image of row {row} has {size[0]} x "
                        f"{size[1]} pixels, but its mask has {mask.shape[0]} x "
                        f"{mask.shape[1]}. Give every image a mask of its own size."
                    )

    def _split(self, samples, X_val, y_val, sample_weight_val):
        kept, held = super()._split(samples, X_val, y_val, sample_weight_val)
        self._keep_task(self._task.sharing(kept.targets, kept.weights))
        return kept, held

    def _validation(self, samples):
        validation = super()._validation(samples)
        if validation is None:
            return None
        task = self._task.sharing(samples.targets, samples.weights)
        return replace(validation, losses=task.loss, scores=task.score)

    def _batches(self, source, samples, generator):
        if not self._about_pixels:
            return super()._batches(source, samples, generator)
        return TaskBatches(
            source,
            samples.targets,
            samples.weights,
            mask_columns=self._mask_columns(),
            batch_size=self.batch_size_,
            augmentation=JointAugmentation(
                self._augment(), self.image_size_, MaskLayers()
            ),
            generator=generator,
        )

    def _mask_columns(self):
        """Return which columns of the encoded answers are pixels of masks."""
        edges = accumulate(self._task.widths.values(), initial=0)
        return [
            slice(*ends)
            for ends, task in zip(
                pairwise(edges), self._task.tasks.values(), strict=True
            )
            if isinstance(task, SegmentationTask)
        ]

    # -------------------------------------------------------------- predict

    def _in_image_sizes(self, answers, sizes):
        """Return answers with masks of the sizes of the images."""
        return {
            name: self._unfitted(answer, sizes)
            if isinstance(self._task.tasks[name], SegmentationTask)
            else answer
            for name, answer in answers.items()
        }

    def _unfitted(self, fitted, sizes):
        masks = [
            unfit_mask(mask, tuple(size), self.resize)
            for mask, size in zip(fitted, sizes.tolist(), strict=True)
        ]
        if len({mask.shape for mask in masks}) == 1:
            return np.stack(masks)
        result = np.empty(len(masks), dtype=object)
        result[:] = masks
        return result
