"""Blake3 in plain Python: selectors, topics and schema hashes are a few hundred bytes a build.

Written here so that building contracts needs neither a package nor the compiled core; checked against the published vectors.
"""

from __future__ import annotations

import struct

_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_ROUND = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_MASK = 0xFFFFFFFF


def blake3(data: bytes) -> bytes:
    """The 32-byte hash."""
    chunks = [data[i : i + 1024] for i in range(0, len(data), 1024)] or [b""]
    if len(chunks) == 1:
        return _bytes(_chunk(chunks[0], 0, _ROOT))
    return _bytes(_tree([_chunk(chunk, number, 0) for number, chunk in enumerate(chunks)], _ROOT))


def _tree(leaves: list[tuple[int, ...]], flags: int) -> tuple[int, ...]:
    """Chaining value of a subtree: the left part holds the largest power of two of chunks that leaves something for the right."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return _compress(_IV, _tree(leaves[:left], 0) + _tree(leaves[left:], 0), 0, 64, _PARENT | flags)


def _chunk(chunk: bytes, number: int, flags: int) -> tuple[int, ...]:
    chain: tuple[int, ...] = _IV
    blocks = [chunk[i : i + 64] for i in range(0, len(chunk), 64)] or [b""]
    for i, block in enumerate(blocks):
        start = _CHUNK_START if i == 0 else 0
        end = _CHUNK_END | flags if i == len(blocks) - 1 else 0
        chain = _compress(chain, struct.unpack("<16I", block.ljust(64, b"\0")), number, len(block), start | end)
    return chain


def _compress(chain: tuple[int, ...], block: tuple[int, ...], counter: int, length: int, flags: int) -> tuple[int, ...]:
    s = [*chain, *_IV[:4], counter & _MASK, counter >> 32, length, flags]
    m = block
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(_ROUND):
            for word, first, second in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                s[a] = (s[a] + s[b] + word) & _MASK
                s[d] = _rotate(s[d] ^ s[a], first)
                s[c] = (s[c] + s[d]) & _MASK
                s[b] = _rotate(s[b] ^ s[c], second)
        m = tuple(m[i] for i in _PERMUTATION)
    return tuple(s[i] ^ s[i + 8] for i in range(8))


def _rotate(word: int, bits: int) -> int:
    return (word >> bits | word << 32 - bits) & _MASK


def _bytes(words: tuple[int, ...]) -> bytes:
    return struct.pack("<8I", *words)
