// The noise of docs/noise.md in lanes: what noise.cc says of one element, for
// the elements of a chunk.
#if defined(PERDURE_RUNTIME_OPTIM_NOISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PERDURE_RUNTIME_OPTIM_NOISE_INL_H_
#undef PERDURE_RUNTIME_OPTIM_NOISE_INL_H_
#else
#define PERDURE_RUNTIME_OPTIM_NOISE_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "hwy/highway.h"
#include "runtime/base/philox.h"
#include "runtime/kernels/vector-inl.h"
#include "runtime/optim/box_muller.h"
#include "runtime/optim/noise.h"
#include "runtime/optim/noise_formula.h"

HWY_BEFORE_NAMESPACE();
namespace perdure::kernels::HWY_NAMESPACE {

namespace nf = noise_formula;

using I32 = hn::RebindToSigned<U32>;
using UVec = hn::Vec<U32>;

// Elements are made and used a chunk at a time: few enough that all of a
// chunk's arrays stay in the first-level cache. Chunks begin at multiples of
// kChunk in the whole tensor, so that groups of counters never straddle two.
constexpr int64_t kChunk = 1024;
constexpr int64_t kWords = kChunk + nf::kGaussianGroup;  // CounterWords

// The elements [begin, end) of chunk `index`; the kernels here widen them to
// whole groups.
struct Piece {
  int64_t index;
  int64_t begin;
  int64_t end;

  int64_t first_group() const { return begin / nf::kWidestGroup; }
  int64_t end_group() const {
    return (end + nf::kWidestGroup - 1) / nf::kWidestGroup;
  }
};

// Highway's MulAdd rounds twice where the instruction set has no fma.
HWY_INLINE Vec Fma(Vec a, Vec b, Vec c) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  float x[kLanes], y[kLanes], z[kLanes];
  Store(a, x);
  Store(b, y);
  Store(c, z);
  for (int64_t i = 0; i < kLanes; ++i) x[i] = std::fma(x[i], y[i], z[i]);
  return Load(x);
#endif
}

#if HWY_NATIVE_FMA
using U64 = hn::Repartition<uint64_t, U32>;
using Vec64 = hn::Vec<U64>;

// Philox4x32-10 of counters {n, high, third, fourth} that differ in n only. A
// counter a lane of 64 bits, each word in the low half: what the widening
// multiplication takes, and what it leaves in the high halves is ignored.
class PhiloxLanes {
 public:
  // Vectors go through the rounds together: one alone would wait for its own
  // multiplications.
  template <int kVectors>
  struct Words {
    Vec64 word[4][kVectors];
  };

  HWY_INLINE PhiloxLanes(PhiloxKey key, uint32_t high, uint32_t third,
                         uint32_t fourth) {
    PhiloxKey round_key = key;
    for (int round = 0; round < kRounds; ++round) {
      key0_[round] = hn::Set(U64(), round_key[0]);
      key1_[round] = hn::Set(U64(), round_key[1]);
      round_key[0] += kKeyStep0;
      round_key[1] += kKeyStep1;
    }
    // What rounds 0 and 1 make of the words that all counters share.
    const uint64_t product1 = uint64_t{kFactor1} * third;
    const uint32_t word0 =
        static_cast<uint32_t>(product1 >> 32) ^ high ^ key[0];
    const uint64_t product0 = uint64_t{kFactor0} * word0;
    first_ = hn::Set(U64(), fourth ^ key[1]);
    low_ =
        hn::Set(U64(), static_cast<uint32_t>(product1) ^ (key[0] + kKeyStep0));
    high_ = hn::Set(
        U64(), static_cast<uint32_t>(product0 >> 32) ^ (key[1] + kKeyStep1));
    last_ = hn::Set(U64(), static_cast<uint32_t>(product0));
  }

  template <int kVectors>
  HWY_INLINE void operator()(const Vec64 (&n)[kVectors],
                             Words<kVectors>* out) const {
    auto& [c0, c1, c2, c3] = out->word;
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; ++i) {
      const Vec64 product = Multiply(n[i], kFactor0);
      const Vec64 middle = hn::Xor(hn::ShiftRight<32>(product), first_);
      c1[i] = Multiply(middle, kFactor1);
      c0[i] = hn::Xor(hn::ShiftRight<32>(c1[i]), low_);
      c2[i] = hn::Xor(product, high_);
      c3[i] = last_;
    }
#pragma GCC unroll 8
    for (int round = 2; round < kRounds; ++round) {
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        const Vec64 product0 = Multiply(c0[i], kFactor0);
        const Vec64 product1 = Multiply(c2[i], kFactor1);
        c0[i] = hn::Xor3(hn::ShiftRight<32>(product1), c1[i], key0_[round]);
        c2[i] = hn::Xor3(hn::ShiftRight<32>(product0), c3[i], key1_[round]);
        c1[i] = product1;
        c3[i] = product0;
      }
    }
  }

 private:
  static constexpr int kRounds = 10;
  static constexpr uint32_t kFactor0 = 0xD2511F53;
  static constexpr uint32_t kFactor1 = 0xCD9E8D57;

  static constexpr uint32_t kKeyStep0 = 0x9E3779B9;
  static constexpr uint32_t kKeyStep1 = 0xBB67AE85;

  static HWY_INLINE Vec64 Multiply(Vec64 word, uint32_t factor) {
    return hn::MulEven(hn::BitCast(U32(), word), hn::Set(U32(), factor));
  }

  Vec64 first_, low_, high_, last_;
  Vec64 key0_[kRounds], key1_[kRounds];
};

// The low halves of two vectors of 64-bit lanes, a pair after the other.
HWY_INLINE UVec Interleave(Vec64 even, Vec64 odd) {
  return hn::OddEven(hn::BitCast(U32(), hn::ShiftLeft<32>(odd)),
                     hn::BitCast(U32(), even));
}

// words [groups][4][16]: the four words of counters {n, third, fourth}, a
// counter a lane, n (64 bits) from `first` on, without a carry into the high
// half. Whole vectors: up to one group more is written.
template <int kVectors = 4>
HWY_INLINE void CounterWords(PhiloxKey key, uint64_t first, uint32_t third,
                             uint32_t fourth, int64_t groups,
                             uint32_t* HWY_RESTRICT words) {
  const U64 d;
  const PhiloxLanes philox(key, static_cast<uint32_t>(first >> 32), third,
                           fourth);
  // Vector 0 has the even counters of the first kLanes, vector 1 the odd ones.
  Vec64 n[kVectors];
  const Vec64 low = hn::Set(d, first & 0xffffffffu);
  for (int i = 0; i < kVectors; ++i) {
    const uint64_t offset = static_cast<uint64_t>(i / 2 * kLanes + i % 2);
    n[i] = hn::Add(hn::Add(low, hn::ShiftLeft<1>(hn::Iota(d, 0))),
                   hn::Set(d, offset));
  }
  constexpr int64_t kStep = kVectors / 2 * kLanes;
  for (int64_t at = 0; at < groups * nf::kCounterLanes; at += kStep) {
    PhiloxLanes::Words<kVectors> made;
    philox(n, &made);
#pragma GCC unroll 4
    for (int i = 0; i < kVectors; i += 2) {
      const int64_t lane = at + i / 2 * kLanes;
      uint32_t* out = words + lane / 16 * 64 + lane % 16;
#pragma GCC unroll 4
      for (int w = 0; w < 4; ++w) {
        hn::StoreU(Interleave(made.word[w][i], made.word[w][i + 1]), U32(),
                   out + 16 * w);
      }
    }
#pragma GCC unroll 4
    for (Vec64& counters : n) counters = hn::Add(counters, hn::Set(d, kStep));
  }
}

template <int kTerms>
HWY_INLINE Vec PolynomialLanes(const float (&terms)[kTerms], Vec x) {
  Vec sum = Broadcast(terms[kTerms - 1]);
#pragma GCC unroll 16
  for (int i = kTerms - 2; i >= 0; --i) {
    sum = hn::MulAdd(sum, x, Broadcast(terms[i]));
  }
  return sum;
}

// BoxMuller in lanes.
HWY_INLINE void BoxMullerLanes(UVec a, UVec b, Vec* cosine, Vec* sine) {
  const I32 di;
  const F32 df;
  const Vec magnitude = hn::Abs(hn::ConvertTo(df, hn::BitCast(di, a)));
  const Vec u = hn::MulAdd(magnitude, Broadcast(nf::kUniformScale),
                           Broadcast(nf::kUniformOffset));
  const auto bits = hn::BitCast(di, u);
  const auto exponent = hn::And(hn::Sub(bits, hn::Set(di, nf::kSqrtHalfBits)),
                                hn::Set(di, nf::kExponentBits));
  const Vec f =
      hn::Sub(hn::BitCast(df, hn::Sub(bits, exponent)), Broadcast(1.0f));
  const Vec radius = hn::Sqrt(hn::MulAdd(
      f, PolynomialLanes(nf::kLogTerms, f),
      hn::Mul(hn::ConvertTo(df, exponent), Broadcast(nf::kLogOfTwo))));
  const Vec t = hn::Mul(hn::ConvertTo(df, hn::BitCast(di, b)),
                        Broadcast(nf::kAngleScale));
  const Vec square = hn::Mul(t, t);
  const auto side = hn::And(a, hn::Set(U32(), 0x80000000u));
  const Vec c = PolynomialLanes(nf::kCosineTerms, square);
  *cosine = hn::Mul(radius, hn::Xor(c, hn::BitCast(df, side)));
  *sine = hn::Mul(radius, hn::Mul(t, PolynomialLanes(nf::kSineTerms, square)));
}

// emit(j, z) for vectors of 4 x 16 lanes of words.
template <typename Emit>
HWY_INLINE void EmitGaussian(const uint32_t* words, int64_t at, Emit&& emit) {
  for (int64_t pair = at; pair < at + nf::kGaussianGroup; pair += 32) {
    for (int64_t lane = 0; lane < 16; lane += kLanes) {
      const int64_t j = pair + lane;
      Vec cosine, sine;
      BoxMullerLanes(hn::LoadU(U32(), words + j),
                     hn::LoadU(U32(), words + j + 16), &cosine, &sine);
      emit(j, cosine);
      emit(j + 16, sine);
    }
  }
}

HWY_INLINE Vec SignLanes(uint32_t word, int64_t first_bit) {
  const auto bit =
      hn::Shl(hn::Set(U32(), uint32_t{1} << first_bit), hn::Iota(U32(), 0));
  const auto is_one = hn::TestBit(hn::Set(U32(), word), bit);
  return hn::IfThenElse(hn::RebindMask(F32(), is_one), Broadcast(1.0f),
                        Broadcast(-1.0f));
}
#else   // no fma: the scalar formula, lane by lane
template <int kVectors = 4>
void CounterWords(PhiloxKey key, uint64_t first, uint32_t third,
                  uint32_t fourth, int64_t groups, uint32_t* words) {
  for (int64_t at = 0; at < groups * nf::kCounterLanes; ++at) {
    const uint64_t n = first + static_cast<uint64_t>(at);
    const PhiloxCounter four =
        Philox4x32({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32),
                    third, fourth},
                   key);
    uint32_t* out = words + at / nf::kCounterLanes * 64 + at % 16;
    for (int w = 0; w < 4; ++w) out[16 * w] = four[w];
  }
}

template <typename Emit>
void EmitGaussian(const uint32_t* words, int64_t at, Emit&& emit) {
  float z[nf::kGaussianGroup];
  for (int64_t i = 0; i < 64; i += i % 16 == 15 ? 17 : 1) {
    const NormalPair pair = BoxMuller(words[at + i], words[at + i + 16]);
    z[i] = pair.cosine;
    z[i + 16] = pair.sine;
  }
  for (int64_t i = 0; i < 64; i += kLanes) emit(at + i, Load(z + i));
}

inline Vec SignLanes(uint32_t word, int64_t first_bit) {
  float z[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) {
    z[i] = (word >> (first_bit + i) & 1) != 0 ? 1.0f : -1.0f;
  }
  return Load(z);
}
#endif  // HWY_NATIVE_FMA

// For CounterWords: no more than a group's 16 counters at a time.
constexpr int kOneGroup = kLanes > 8 ? 2 : 4;

// `words` [kWords] is scratch. emit(j, z) for the vectors of elements j, j + 1
// ... of the piece's groups.
template <typename Emit>
HWY_INLINE void EmitNoise(const Direction& direction, const Piece& piece,
                          uint32_t* HWY_RESTRICT words, Emit&& emit) {
  const uint64_t chunk = static_cast<uint64_t>(piece.index);
  const int64_t begin = piece.first_group() * nf::kWidestGroup;
  const int64_t end = piece.end_group() * nf::kWidestGroup;
  if (direction.kind == NoiseKind::kGaussian) {
    CounterWords(direction.key,
                 chunk * (kChunk / 4) + static_cast<uint64_t>(begin) / 4,
                 direction.step, direction.index,
                 (end - begin) / nf::kGaussianGroup, words + begin);
    for (int64_t j = begin; j < end; j += nf::kGaussianGroup) {
      EmitGaussian(words, j, emit);
    }
    return;
  }
  // One counter a block: a chunk has no more than 16.
  static_assert(kChunk / nf::kRademacherBlock <= nf::kCounterLanes);
  CounterWords<kOneGroup>(direction.key,
                          chunk * (kChunk / nf::kRademacherBlock),
                          direction.step, direction.index, 1, words);
  for (int64_t block = begin / nf::kRademacherBlock;
       block < end / nf::kRademacherBlock; ++block) {
    for (int64_t w = 0; w < 4; ++w) {
      const uint32_t word = words[16 * w + block];
      const int64_t j = block * nf::kRademacherBlock + 32 * w;
      for (int64_t bit = 0; bit < 32; bit += kLanes) {
        emit(j + bit, SignLanes(word, bit));
      }
    }
  }
}

// words [kWords]: what RoundingLanes reads for the piece.
HWY_INLINE void RoundingWords(PhiloxKey key, uint32_t step, const Piece& piece,
                              uint32_t* HWY_RESTRICT words) {
  const int64_t begin = piece.first_group();
  const uint64_t first = static_cast<uint64_t>(piece.index) * (kChunk / 8) +
                         static_cast<uint64_t>(begin) * nf::kCounterLanes;
  CounterWords(key, first, step, 0, piece.end_group() - begin,
               words + begin * 64);
}

// The bits that round elements j, j + 1 ... of the chunk.
HWY_INLINE UVec RoundingLanes(const uint32_t* words, int64_t j) {
  const UVec word = hn::LoadU(U32(), words + j / 32 * 16 + j % 16);
  return hn::And(hn::ShiftRightSame(word, static_cast<int>(j & 16)),
                 hn::Set(U32(), 0xffff));
}

}  // namespace perdure::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PERDURE_RUNTIME_OPTIM_NOISE_INL_H_
