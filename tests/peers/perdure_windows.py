"""The windows that Perdure samples, computed a second time, with numpy.

data.sampling RANDOM_OFFSET: Philox4x32-10 (Salmon et al. 2011) of the sample's
index, keyed by the run's seed, scaled to the number of possible offsets.
"""
import numpy

SHUFFLE_STREAM = 3
KEY_TAG = 0x50524455
LOW = numpy.uint64(0xFFFFFFFF)


def philox(counter, key):
    """counter: four arrays of uint64 below 2^32; key: two numbers."""
    c0, c1, c2, c3 = (numpy.asarray(c, numpy.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        left = c0 * numpy.uint64(0xD2511F53)
        right = c2 * numpy.uint64(0xCD9E8D57)
        shift = numpy.uint64(32)
        c0, c1, c2, c3 = ((right >> shift) ^ c1 ^ numpy.uint64(k0), right & LOW,
                          (left >> shift) ^ c3 ^ numpy.uint64(k1), left & LOW)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def random_offsets(seed, samples, tokens, context):
    """Offsets of samples 0 .. samples - 1 in a file of so many tokens."""
    mixed = philox((0, 0, SHUFFLE_STREAM, KEY_TAG), (seed & 0xFFFFFFFF, seed >> 32))
    index = numpy.arange(samples, dtype=numpy.uint64)
    low, high, _, _ = philox(
        (index & LOW, index >> numpy.uint64(32), 0 * index, 0 * index),
        (int(mixed[0]), int(mixed[1])))
    choices = tokens - context
    bits = (int(h) << 32 | int(l) for h, l in zip(high, low))
    return numpy.array([b * choices >> 64 for b in bits], numpy.int64)
