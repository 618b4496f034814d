import numpy as np
import pytest

from skmultigran.training import Tiling, tiles


@pytest.mark.parametrize("size", [(50, 70), (64, 64), (33, 200), (7, 300), (65, 65)])
@pytest.mark.parametrize(
    ("side", "overlap", "step"), [(32, 8, 4), (24, 0, 8), (16, 15, 1)]
)
def test_cores_cover_every_pixel_once(size, side, overlap, step):
    covered = np.zeros(size, dtype=int)
    for tile in tiles(size, Tiling(side, overlap), step):
        covered[tile.core] += 1
        rows, columns = tile.inner
        assert 0 <= rows.start < rows.stop <= tile.size[0]
        assert 0 <= columns.start < columns.stop <= tile.size[1]
        assert tile.corner[0] % step == tile.corner[1] % step == 0
        assert tile.size[0] % step == tile.size[1] % step == 0
    assert (covered == 1).all()


def test_cores_keep_half_the_overlap_from_inner_borders():
    size = (100, 90)
    for tile in tiles(size, Tiling(32, 12), 2):
        for core, corner, length, side in zip(
            tile.core, tile.corner, tile.size, size, strict=True
        ):
            assert core.start == 0 or core.start - corner >= 6
            assert core.stop == side or corner + length - core.stop >= 6


@pytest.mark.parametrize("overlap", [64, 200])
def test_an_overlap_of_a_whole_tile_is_refused(overlap):
    message = f"tile_overlap={overlap} must be smaller than tile_size=64.*Lower"
    with pytest.raises(ValueError, match=message):
        Tiling(64, overlap)


def test_small_images_stay_whole():
    (tile,) = tiles((31, 33), Tiling(32, 8), 4)
    assert tile.size == (31, 33)
    assert tile.core == tile.inner == (slice(0, 31), slice(0, 33))
