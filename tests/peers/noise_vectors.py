"""docs/noise.md, read a second time: Python with exact fractions.

Recomputes every row of the page's table of known answers from the page's text
alone, and checks the normal numbers against Box-Muller in double precision.
    python3 tests/peers/noise_vectors.py            checks
    python3 tests/peers/noise_vectors.py --print    prints the rows instead
"""

import math
import os
import struct
import sys
from fractions import Fraction

PAGE = os.path.join(os.path.dirname(__file__), "../../docs/noise.md")
MASK = 0xFFFFFFFF
DIRECTION, ROUNDING = 5, 6
LN = [float.fromhex(h) for h in (
    "-0x1.000000p+1", "0x1.000000p+0", "-0x1.5556d8p-1", "0x1.000380p-1",
    "-0x1.98d854p-2", "0x1.5382a6p-2", "-0x1.31712ep-2", "0x1.242f4cp-2",
    "-0x1.6466f2p-3")]
SIN = [float.fromhex(h) for h in (
    "0x1.921fb4p+0", "-0x1.4abba2p-1", "0x1.466512p-4", "-0x1.31ff02p-8",
    "0x1.396054p-13")]
COS = [float.fromhex(h) for h in (
    "0x1p+0", "-0x1.3bd3b0p+0", "0x1.03bd98p-2", "-0x1.5501a2p-6",
    "0x1.c2893cp-11")]
LOG_OF_TWO = float.fromhex("-0x1.62e430p-23")


def philox(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


def key_of(seed, name, stream):
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return philox((digest & MASK, digest >> 32, stream, 0x50524455),
                  (seed & MASK, seed >> 32))[:2]


def words_at(number, step, direction, key):
    return philox((number & MASK, number >> 32, step, direction), key)


def f32(exact):
    """The fp32 number nearest to a rational, ties to even; normal range."""
    exact = Fraction(exact)
    if exact == 0:
        return 0.0
    exponent = math.frexp(float(exact))[1]
    for e in (exponent - 1, exponent, exponent + 1):  # float() may round up
        if Fraction(2)**(e - 1) <= abs(exact) < Fraction(2)**e:
            ulp = Fraction(2)**(e - 24)
            return float(round(exact / ulp) * ulp)
    raise AssertionError(exact)


def fma(a, b, c):
    return f32(Fraction(a) * Fraction(b) + Fraction(c))


def polynomial(terms, x):
    total = terms[-1]
    for term in reversed(terms[:-1]):
        total = fma(total, x, term)
    return total


def square_root(x):
    """Correctly rounded: of a rational bracketed to 80 bits."""
    exact = Fraction(x)
    scaled = exact * 2**200
    return f32(Fraction(math.isqrt(int(scaled)), 2**100)) if exact else 0.0


def signed(word):
    return word - 2**32 if word >> 31 else word


def bits_of(x):
    return struct.unpack("<i", struct.pack("<f", x))[0]


def box_muller(a, b):
    u = fma(abs(f32(signed(a))), 2.0**-31, 2.0**-33)
    exponent = ((bits_of(u) - 0x3F3504F3) >> 23) << 23
    f = f32(Fraction(struct.unpack("<f", struct.pack(
        "<i", bits_of(u) - exponent))[0]) - 1)
    radius = square_root(fma(f, polynomial(LN, f),
                             f32(Fraction(exponent) * Fraction(LOG_OF_TWO))))
    t = f32(Fraction(f32(signed(b))) * Fraction(2.0**-31))
    square = f32(Fraction(t) * Fraction(t))
    sine = f32(Fraction(t) * Fraction(polynomial(SIN, square)))
    cosine = polynomial(COS, square) * (-1 if a >> 31 else 1)
    close = math.sqrt(-2 * math.log(u))
    true = (close * math.cos(t * math.pi / 2) * (-1 if a >> 31 else 1),
            close * math.sin(t * math.pi / 2))
    exact = (f32(Fraction(radius) * Fraction(cosine)),
             f32(Fraction(radius) * Fraction(sine)))
    assert all(abs(x - y) < 2e-6 for x, y in zip(exact, true)), (a, b)
    return exact


def gaussian(key, step, direction, i):
    words = words_at(i // 64 * 16 + i % 16, step, direction, key)
    w = i % 64 // 16
    return box_muller(*(words[:2] if w < 2 else words[2:]))[w % 2]


def rademacher(key, step, direction, i):
    word = words_at(i // 128, step, direction, key)[i % 128 // 32]
    return 1.0 if word >> (i % 32) & 1 else -1.0


def rounding(key, step, i):
    half = i % 128 // 16
    word = words_at(i // 128 * 16 + i % 16, step, 0, key)[half // 2]
    return word & 0xFFFF if half % 2 == 0 else word >> 16


def answer(kind, seed, name, step, direction, element):
    """The last two columns of a row."""
    if kind == "rounding":
        r = rounding(key_of(seed, name, ROUNDING), step, element)
        return f"0x{r:04x}", str(r)
    function = {"gaussian": gaussian, "rademacher": rademacher}[kind]
    z = function(key_of(seed, name, DIRECTION), step, direction, element)
    return f"0x{bits_of(z) & MASK:08x}", f"{z:.9g}"


def rows():
    """(inputs, answers) of the table of known answers."""
    for line in open(PAGE, encoding="utf-8"):
        cells = [c.strip().strip("`") for c in line.strip().strip("|").split("|")]
        if cells[0] in ("gaussian", "rademacher", "rounding") and len(cells) == 8:
            kind, seed, name, step, direction, element = cells[:6]
            inputs = (kind, int(seed), name, int(step), int(direction), int(element))
            yield inputs, tuple(cells[6:])


def test_primitives():
    assert philox((0, 0, 0, 0), (0, 0)) == (
        0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert f32(Fraction(1) + Fraction(1, 2**24)) == 1.0  # ties to even
    assert f32(Fraction(1) + Fraction(3, 2**24)) == 1.0 + 2.0**-22
    assert square_root(2.0) == float.fromhex("0x1.6a09e6p+0")


def test_page():
    known = list(rows())
    assert len(known) >= 20, "docs/noise.md has lost its table"
    for inputs, want in known:
        got = answer(*inputs)
        assert got == want, f"{inputs}: {got} here, {want} on the page"


def print_rows():
    q = "model.decoder.layers.3.self_attn.q_proj.weight"
    w = "transformer.wte.weight"
    cases = [("gaussian", 1, w, 1, 0, i) for i in (0, 1, 16, 32, 48, 63, 64)]
    cases += [("gaussian", 1, w, 1, 1, 0), ("gaussian", 1, w, 2, 0, 0),
              ("gaussian", 2**40 + 7, q, 123456, 3, 38597375),
              ("gaussian", 1, q, 1, 0, 2**36 + 5)]
    cases += [("rademacher", 1, w, 1, 0, i) for i in (0, 31, 32, 127, 128)]
    cases += [("rademacher", 1, w, 1, 0, 2**41 + 77)]
    cases += [("rounding", 1, w, 1, 0, i) for i in (0, 15, 16, 127, 128)]
    cases += [("rounding", 1, q, 2**31 + 1, 0, 2**36 + 5)]
    for case in cases:
        bits, value = answer(*case)
        kind, seed, name, step, direction, element = case
        print(f"| {kind} | {seed} | `{name}` | {step} | {direction} "
              f"| {element} | {bits} | {value} |")


if __name__ == "__main__":
    if "--print" in sys.argv:
        print_rows()
    else:
        test_primitives()
        test_page()
