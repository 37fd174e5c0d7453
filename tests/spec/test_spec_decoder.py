"""The decoder and validator are total: any bytes give a program or a refusal with an offset, never another exception, never much memory."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_modules import modules
from spec_cases import ran, wat

from detent.spec import InvalidModule, MalformedModule, NotAdmitted, SpecError, prepare, run

HEADER = b"\0asm\1\0\0\0"


def section(code: int, content: bytes) -> bytes:
    return bytes([code]) + leb(len(content)) + content


def leb(value: int, width: int = 0) -> bytes:
    out = bytearray()
    while value >= 0x80 or len(out) + 1 < width:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def decodes_or_refuses(wasm: bytes) -> None:
    try:
        program = prepare(wasm)
    except (MalformedModule, InvalidModule) as error:
        assert 0 <= error.offset <= len(wasm)
        assert error.code == "D101"
    except NotAdmitted:
        pass
    else:
        for name, function in program.exports.items():
            if function >= len(program.imports):
                run(wasm, name, [0] * len(program.types[function].params), fuel=3000)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.binary(max_size=64))
@example(b"")
@example(HEADER)
def test_any_bytes_after_the_header_decode_or_are_refused(content: bytes) -> None:
    decodes_or_refuses(HEADER + content)
    decodes_or_refuses(content)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    text=modules(), edits=st.lists(st.tuples(st.integers(8, 2**16), st.integers(0, 255)), min_size=1, max_size=4), cut=st.integers(0, 200)
)
def test_damaged_modules_decode_or_are_refused(text: str, edits: list[tuple[int, int]], cut: int) -> None:
    wasm = bytearray(wat(text))
    for place, value in edits:
        wasm[8 + place % (len(wasm) - 8)] = value
    decodes_or_refuses(bytes(wasm))
    decodes_or_refuses(bytes(wasm[: len(wasm) - cut]))


@pytest.mark.parametrize(
    ("content", "offset", "what"),
    [
        (section(1, b"\1\x5f"), 12, "function type"),
        (section(13, b""), 8, "section id"),
        (section(3, b"\0") + section(1, b"\0"), 11, "out of order"),
        (section(1, b"\0") + section(1, b"\0"), 11, "repeated"),
        (section(1, b"\0\0"), 11, "size mismatch"),
        (section(1, b"\xff\xff\xff\xff\x1f"), 10, "too large"),
        (section(1, b"\xff\xff\xff\xff\xff\x00"), 10, "too long"),
        (section(1, b"\xff\xff\xff\xff\x0f"), 15, "unexpected end"),
        (section(1, b"\1\x60\0\0") + section(3, b"\1\0"), 18, "inconsistent lengths"),
        (section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1\x04\0\xfd\0\x0b"), 23, "illegal opcode"),
        (section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(10, b"\1\x08\1\xff\xff\xff\xff\x0f\x7f\x0b"), 29, "too many locals"),
        (section(0, b"\2\xff\xff"), 10, "UTF-8"),
    ],
)
def test_refusals_name_the_offset(content: bytes, offset: int, what: str) -> None:
    with pytest.raises(MalformedModule, match=what) as caught:
        prepare(HEADER + content)
    assert caught.value.offset == offset


def test_the_overlong_table_index_of_current_compilers_is_accepted() -> None:
    # call_indirect with its table index 0 in five bytes, as linkers leave room for relocation.
    body = b"\0" + b"\x41\0" + b"\x11\0" + leb(0, 5) + b"\x0b"
    wasm = (
        HEADER
        + section(1, b"\1\x60\0\0")
        + section(3, b"\2\0\0")
        + section(4, b"\1\x70\0\1")
        + section(7, b"\1\4main\0\0")
        + section(9, b"\1\0\x41\0\x0b\1\1")
        + section(10, b"\2" + leb(len(body)) + body + b"\2\0\x0b")
    )
    # entry 2, const 1, call_indirect 8; entry 2
    assert run(wasm, "main", fuel=100, instance_charge=False).used == 13


def test_nesting_needs_no_deep_python_stack() -> None:
    depth = 30_000
    body = b"\0" + b"\x02\x40" * depth + b"\x0b" * (depth + 1)
    wasm = HEADER + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + section(7, b"\1\4main\0\0")
    wasm += section(10, b"\1" + leb(len(body)) + body)
    assert run(wasm, "main", fuel=100, instance_charge=False).used == 2


def test_custom_sections_mean_nothing() -> None:
    plain = wat('(module (func (export "main") nop))')
    padded = HEADER + section(0, b"\4name\xff\xff\xff") + plain[8:] + section(0, b"\1x" + bytes(1000))
    assert run(padded, "main", fuel=5000) == run(plain, "main", fuel=5000)


def test_refusals_are_one_family_with_catalogued_codes() -> None:
    cases = [
        (lambda: prepare(b"\0asm"), "D101"),
        (lambda: prepare(wat("(module (func i32.const 1))")), "D101"),
        (lambda: prepare(wat("(module (memory 2000))")), "D108"),
        (lambda: ran("(module)"), "D207"),
    ]
    for refused, code in cases:
        with pytest.raises(SpecError) as caught:
            refused()
        assert caught.value.code == code
