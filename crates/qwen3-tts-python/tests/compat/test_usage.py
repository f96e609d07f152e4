"""One program with both packages."""

import numpy as np
import pytest
from compat_support import CHECKPOINTS, NO_ORACLE, ORACLE, TOLERANCE, run, run_official


def results_of(output):
    with np.load(output) as results:
        return dict(results)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    path = tmp_path_factory.mktemp("usage") / "ours.npz"
    run("usage.py", str(CHECKPOINTS), str(path))
    return results_of(path)


def test_the_program_runs_with_this_package(ours):
    n_texts, rate, *lengths = ours["batch/shape"]
    assert (n_texts, rate, lengths) == (3, 24000, [12 * 1920] * 3)
    # The first text ends by itself; the second one goes on to the limit.
    assert list(ours["ends/shape"]) == [2, 24000, 23 * 1920, 40 * 1920]
    assert list(ours["cut/shape"]) == [1, 24000, 1920]
    np.testing.assert_array_equal(ours["codes/0"], ours["codes/key"])


def test_a_batch_has_the_audio_of_each_text_alone(ours):
    np.testing.assert_array_equal(ours["batch/0"], ours["one/0"])
    np.testing.assert_array_equal(ours["instructs/0"], ours["instruct/0"])
    for name in ("base_0b6", "base_1b7"):
        np.testing.assert_array_equal(ours[f"{name}/lists/0"], ours[f"{name}/icl/0"])
        np.testing.assert_array_equal(ours[f"{name}/items/0"], ours[f"{name}/batch/0"])
        np.testing.assert_array_equal(ours[f"{name}/item for all/1"], ours[f"{name}/batch/1"])


def test_arguments_have_effect(ours):
    for one, other in [
        ("one", "positions"),
        ("one", "auto"),
        ("one", "no speaker"),
        ("one", "penalty"),
        ("large", "instruct"),
        ("base_0b6/icl", "base_0b6/icl whole"),
        ("base_0b6/icl", "base_0b6/x"),
    ]:
        assert not np.array_equal(ours[f"{one}/0"], ours[f"{other}/0"]), (one, other)


@pytest.mark.timeout(1800)
@pytest.mark.skipif(ORACLE is None, reason=NO_ORACLE)
def test_both_packages_give_the_same(ours, tmp_path):
    path = tmp_path / "theirs.npz"
    run_official("usage.py", str(CHECKPOINTS), str(path))
    theirs = results_of(path)
    assert ours.keys() == theirs.keys() and len(ours) > 100
    for name, expected in theirs.items():
        found = ours[name]
        assert found.shape == expected.shape, name
        if expected.dtype.kind == "f":
            assert found.dtype == expected.dtype, name
            np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=0, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)
