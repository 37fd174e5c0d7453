"""Reading `.wast` scripts: their forms, as far as the tests here need them. Text becomes binary by the PyPI package wasmtime."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import wasmtime

from detent.spec.binary import decode

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+', re.DOTALL)
OUTSIDE = re.compile(r'\(;|;;[^\r\n]*|"(?:[^"\\]|\\.)*"|.', re.DOTALL)
INSIDE = re.compile(r"\(;|;\)|.", re.DOTALL)
ESCAPE = re.compile(rb"\\(u\{([0-9a-fA-F]+)\}|[0-9a-fA-F]{2}|.)", re.DOTALL)
LETTERS = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b'"': b'"', b"'": b"'", b"\\": b"\\"}


@dataclass(frozen=True)
class Form:
    """A parenthesised form: its atoms and forms, and its source text."""

    items: tuple[Form | str, ...]
    text: str

    @property
    def head(self) -> str:
        """Its first word."""
        return self.items[0] if self.items and isinstance(self.items[0], str) else ""

    @property
    def forms(self) -> list[Form]:
        """The forms directly inside."""
        return [item for item in self.items if isinstance(item, Form)]

    @property
    def strings(self) -> list[bytes]:
        """The string literals directly inside."""
        return [unescape(item) for item in self.items if isinstance(item, str) and item.startswith('"')]

    @property
    def identifier(self) -> str | None:
        """The `$name` after the head."""
        second = self.items[1] if len(self.items) > 1 else None
        return second if isinstance(second, str) and second.startswith("$") else None


def script(text: str) -> list[Form]:
    """The forms of a script. A script that is one module without `(module ...)` around it is wrapped."""
    text = without_comments(text)
    stack: list[tuple[int, list[Form | str]]] = [(0, [])]
    for match in TOKEN.finditer(text):
        token = match.group()
        if token == "(":
            stack.append((match.start(), []))
        elif token == ")":
            start, items = stack.pop()
            stack[-1][1].append(Form(tuple(items), text[start : match.end()]))
        else:
            stack[-1][1].append(token)
    assert len(stack) == 1, "unbalanced parentheses"
    forms = [item for item in stack[0][1] if isinstance(item, Form)]
    if forms and forms[0].head in ("func", "memory", "table", "type", "import", "global"):
        return [Form(("module",), f"(module {text})")]
    return forms


def without_comments(text: str) -> str:
    """Blanks line comments, which end at a carriage return too, and block comments, which nest and know no strings inside."""
    out: list[str] = []
    depth = 0
    position = 0
    while position < len(text):
        match = (INSIDE if depth else OUTSIDE).match(text, position)
        assert match is not None
        token = match.group()
        position = match.end()
        depth += {"(;": 1, ";)": -1}.get(token, 0) if depth or token == "(;" else 0
        blank = depth or token == ";)" or token.startswith(";;")
        out.append(re.sub(r"[^\r\n]", " ", token) if blank else token)
    assert depth == 0, "unclosed block comment"
    return "".join(out)


def unescape(literal: str) -> bytes:
    """The bytes of a string literal."""

    def replaced(match: re.Match[bytes]) -> bytes:
        body, code = match.group(1), match.group(2)
        if code:
            return chr(int(code, 16)).encode("utf-8", "surrogatepass")
        return LETTERS[body] if body in LETTERS else bytes([int(body, 16)])

    return ESCAPE.sub(replaced, literal[1:-1].encode())


def binary_of(module: Form) -> bytes:
    """The binary of a module form of any kind. Raises `wasmtime.WasmtimeError` if the text does not parse."""
    words = [item for item in module.items[1:3] if isinstance(item, str)]
    if "binary" in words:
        return b"".join(module.strings)
    if "quote" in words:
        return bytes(wasmtime.wat2wasm(b" ".join(module.strings).decode()))
    return bytes(wasmtime.wat2wasm(ascii_only(module.text)))


def ascii_only(text: str) -> str:
    """Writes other characters as escapes; they occur in strings only. The text parser refuses those that may confuse a reader."""
    return re.sub(r"[^\x00-\x7f]", lambda match: "".join(f"\\{byte:02x}" for byte in match.group().encode()), text)


@dataclass(frozen=True)
class Constant:
    """A value in a script: its bits, or the name of a set of NaNs, or a reference (None: any)."""

    type: str
    bits: int | None
    nan: str = ""

    def matches(self, found: int) -> bool:
        """Whether a result is what the script expects. A canonical NaN may have either sign by the script's rules."""
        if self.nan:
            width, fraction = (32, 23) if self.type == "f32" else (64, 52)
            found &= (1 << (width - 1)) - 1
            quiet = ((1 << (width - fraction)) - 1) << (fraction - 1)
            return found == quiet if self.nan == "nan:canonical" else found & quiet == quiet
        return found != -1 if self.bits is None else found == self.bits


def constants(forms: list[Form]) -> Iterator[Constant]:
    """Values of `(i32.const 1)`, `(f32.const nan:canonical)`, `(ref.null func)` and the like."""
    for form in forms:
        word = form.items[1] if len(form.items) > 1 else None
        assert word is None or isinstance(word, str)
        type_ = form.head.split(".")[0]
        if form.head == "ref.null":
            yield Constant("ref", -1)
        elif type_ == "ref":
            yield Constant("ref", None if word is None else int(word, 0))
        elif word in ("nan:canonical", "nan:arithmetic"):
            yield Constant(type_, None, word)
        else:
            assert word is not None
            yield Constant(type_, float_bits(type_, word) if type_[0] == "f" else integer_bits(type_, word))


def integer_bits(type_: str, word: str) -> int:
    """Unsigned bits of an integer literal."""
    return int(word.replace("_", ""), 0 if "x" in word else 10) & ((1 << int(type_[1:])) - 1)


@cache
def float_bits(type_: str, word: str) -> int:
    """Bits of a float literal, by the text format's own parser."""
    module = decode(bytes(wasmtime.wat2wasm(f"(module (global {type_} ({type_}.const {word})))")))
    return module.globals[0].value[0].immediates[0]
