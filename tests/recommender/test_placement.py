"""Where a track lies under a clip."""

from pathlib import Path

import numpy as np
import pytest

from recommender.editing.placement import ATTACK_S, RELEASE_S, Keyframe, Placement, Stretch, duck_under


def laid(**given) -> Placement:
    return Placement(Path("c.mp4"), 10.0, Path("t.flac"), (Stretch(60.0, 64.0), Stretch(20.0, 26.0)), **given)


def test_pieces_follow_each_other() -> None:
    placed = laid(at_s=0.5)
    assert (placed.duration_s, placed.joints_s) == (10.0, (4.5,))


def test_amplitude_is_gain_fades_and_ducks_and_nothing_beyond_the_music() -> None:
    ducks = (Keyframe(4.0, 0.0), Keyframe(5.0, -20.0), Keyframe(6.0, -20.0), Keyframe(7.0, 0.0))
    placed = laid(gain_db=-6.0, fade_in_s=1.0, fade_out_s=2.0, ducks=ducks)
    found = placed.amplitude(np.array([-0.1, 0.5, 2.0, 4.5, 5.5, 9.0, 10.1]))
    g = 10 ** (-6 / 20)
    np.testing.assert_allclose(found, [0, g / 2, g, g * 10**-0.5, g / 10, g / 2, 0])


def test_music_goes_down_before_speech_and_up_after_it() -> None:
    assert duck_under([], 9.0) == ()
    found = duck_under([Stretch(2, 3), Stretch(3.7, 5)], 9.0)
    assert found == (
        Keyframe(2 - ATTACK_S, 0.0),
        Keyframe(2, -9.0),
        Keyframe(5, -9.0),
        Keyframe(5 + RELEASE_S, 0.0),
    )


@pytest.mark.parametrize("gap_s", np.arange(0.1, 3, 0.1))
def test_keyframes_are_in_order_whatever_the_pause(gap_s) -> None:
    times = [frame.at_s for frame in duck_under([Stretch(1, 2), Stretch(2 + gap_s, 4 + gap_s)], 12.0)]
    assert times == sorted(times)
