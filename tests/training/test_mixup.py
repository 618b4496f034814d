import pytest
import torch
from torch import nn
from torch.nn import functional

from skmultigran.tasks import ClassificationTask
from skmultigran.training import Mixture, Training, build_net, mixed, seeded


@pytest.mark.parametrize("shape", [(6, 2, 3, 4), (6, 5)])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 5.0])
def test_each_image_lies_between_itself_and_its_partner(shape, alpha):
    images = torch.rand(shape)
    kept = images.clone()
    with seeded(0):
        found, mixture = mixed(images, alpha)
    assert torch.equal(images, kept)
    assert sorted(mixture.partners.tolist()) == list(range(6))
    partners, share = mixture
    torch.testing.assert_close(found, share * images + (1 - share) * images[partners])


def test_small_alpha_leaves_most_batches_nearly_alone():
    with seeded(0):
        weak, strong = (
            [mixed(torch.zeros(2, 1), alpha)[1].share for _ in range(200)]
            for alpha in (0.05, 5.0)
        )
    far = [sum(0.1 < share < 0.9 for share in shares) for shares in (weak, strong)]
    assert far[0] < 40
    assert far[1] > 190


def test_loss_is_that_of_soft_labels():
    logits, codes = torch.randn(8, 3), torch.arange(8) % 3
    labels = functional.one_hot(codes, 3).float()
    expected = functional.cross_entropy(logits, 0.7 * labels + 0.3 * labels.flip(0))
    found = sum(
        (functional.cross_entropy(logits, t, reduction="none") * w).mean()
        for t, w in Mixture(torch.arange(7, -1, -1), 0.7).answers(codes, torch.ones(8))
    )
    torch.testing.assert_close(found, expected)


def test_a_weight_of_zero_counts_for_nothing_in_either_place():
    mixture = Mixture(torch.tensor([1, 0]), 0.75)
    (_, own), (_, others) = mixture.answers(torch.zeros(2), torch.tensor([2.0, 0.0]))
    assert own.tolist() == [1.5, 0.0]
    assert others.tolist() == [0.0, 0.5]


def test_the_net_learns_from_mixed_images():
    seen = []

    class Watched(nn.Linear):
        def forward(self, rows):
            seen.append(rows.detach().clone())
            return super().forward(rows)

    def net(mixup):
        torch.manual_seed(0)
        return build_net(
            Watched(4, 2),
            ClassificationTask([0, 1]).loss,
            optimizer=Training().build_optimizer,
            lr=0.01,
            lr_factor=lambda progress: 1.0,
            total_steps=1,
            device="cpu",
            mixup=mixup,
        )

    rows, codes = torch.eye(4), torch.tensor([0, 0, 1, 1])
    plain, mixing = (
        net(mixup).train_step((rows, (codes, torch.ones(4)))) for mixup in (0.0, 1.0)
    )
    assert torch.equal(seen[0], rows)
    assert not torch.equal(seen[1], rows)
    torch.testing.assert_close(seen[1].sum(dim=1), torch.ones(4))
    assert plain["loss"] != mixing["loss"]
