"""What a step wrote, cut into lines."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cli.render.loglines import LogLines, LogTail


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


OUTPUT = st.text(st.sampled_from("ab\n漢🎉\r")).map(str.encode)


@given(OUTPUT, st.lists(st.integers(0, 100)), st.lists(st.booleans()))
def test_any_cut_of_the_output_prints_the_same(data: bytes, places: list[int], looks: list[bool]) -> None:
    log = LogLines()
    printed = ""
    for index, piece in enumerate(cut(data, places)):
        log.feed(piece, "T")
        if index < len(looks) and looks[index]:
            printed += log.take("#1 ")
    printed += log.take("#1 ")

    lines = data.decode().split("\n")
    last = lines.pop()
    expected = "".join(f"#1 T {line}\n" for line in lines) + (f"#1 T {last}" if last else "")
    assert printed == expected


def test_a_line_that_was_interrupted_is_printed_again_from_its_start() -> None:
    log = LogLines()
    log.feed(b"one ", "0.1")
    assert log.take("#1 ") == "#1 0.1 one "

    log.interrupt()
    log.feed(b"two\n", "0.2")

    assert log.take("#1 ") == "#1 0.1 one two\n"


def test_what_goes_on_after_the_end_is_a_new_line() -> None:
    log = LogLines()
    log.feed(b"one ", "0.1")
    log.take("#1 ")
    log.finish()
    log.feed(b"two\n", "0.2")

    assert log.take("#1 ") == "#1 0.2 two\n"


def test_a_line_without_end_keeps_little_memory() -> None:
    log = LogLines()
    for _ in range(100):
        log.feed(b"x" * 10_000, "0.1")
        log.take("#1 ")

    assert len(log.partial) < 10_000


def test_bytes_that_are_no_text_are_replaced() -> None:
    log = LogLines()
    log.feed(b"\xff\xfe!\n", "0.1")

    assert log.take("") == "0.1 \ufffd\ufffd!\n"


def test_the_tail_is_the_last_lines_that_are_not_blank() -> None:
    tail = LogTail()
    tail.feed(b"one\n\ntw")
    tail.feed(b"o\n   \nthree\n")

    assert tail.lines(2, 80) == ["two", "three"]


def test_the_tail_of_a_long_output_begins_with_a_whole_line() -> None:
    tail = LogTail()
    for number in range(100_000):
        tail.feed(b"line %d\n" % number)

    lines = tail.lines(100_000, 80)

    assert lines == [f"line {number}" for number in range(100_000 - len(lines), 100_000)]
    assert 1000 < len(lines) < 3000


def test_the_tail_of_one_huge_chunk_is_its_end() -> None:
    tail = LogTail()
    tail.feed(b"x" * 100_000 + b"\nend")

    assert tail.lines(1, 80) == ["end"]
