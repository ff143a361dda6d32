"""The word that ends a build of somebody else."""

from __future__ import annotations

from router.solve.recall import recall_ref, recalled_by


def test_the_word_names_the_build_and_who_says_it() -> None:
    assert recalled_by(recall_ref("abc", "ann@host"), "abc") == "ann@host"
    assert recalled_by(recall_ref("abc", ""), "abc") == ""


def test_the_word_for_another_build_is_none() -> None:
    for deleted in ("abc", "", recall_ref("abcd", "ann"), recall_ref("ab", "ann"), "warmroute.cancel/abc"):
        assert recalled_by(deleted, "abc") is None


def test_a_name_without_end_is_cut() -> None:
    assert len(recalled_by(recall_ref("abc", "x" * 900), "abc") or "") == 200
