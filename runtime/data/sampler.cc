#include "runtime/data/sampler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/base/philox.h"
#include "runtime/data/blend.h"
#include "runtime/data/permutation.h"

namespace perdure {
namespace {

// Things of several files numbered through: file and index within the file.
class Pool {
 public:
  void Add(int64_t count) { ends_.push_back(total() + count); }
  int64_t total() const { return ends_.empty() ? 0 : ends_.back(); }
  Blend::Place Locate(int64_t index) const {
    const auto file = std::upper_bound(ends_.begin(), ends_.end(), index);
    const int64_t begin = file == ends_.begin() ? 0 : *(file - 1);
    return {static_cast<int>(file - ends_.begin()), index - begin};
  }

 private:
  std::vector<int64_t> ends_;  // ascending
};

int64_t WholeWindows(int64_t tokens, int64_t length) {
  return std::max<int64_t>(tokens - 1, 0) / length;
}

class ConsecutiveSampler : public Sampler {
 public:
  explicit ConsecutiveSampler(const SamplerOptions& options)
      : length_(options.sequence_length) {
    for (const int64_t tokens : options.tokens) {
      pool_.Add((std::max<int64_t>(tokens - 1, 0) + length_ - 1) / length_);
    }
  }
  Dataset::Window Locate(int64_t sample) const override {
    const Blend::Place place = pool_.Locate(sample % pool_.total());
    return {place.source, place.index * length_};
  }
  int64_t windows() const override { return pool_.total(); }

 private:
  int64_t length_;
  Pool pool_;
};

// Without weights: one shuffled deck of the windows of all files. With weights:
// a deck of its own for each file, dealt in the ratio of the weights; a small
// file with a large weight goes through several epochs while others do one.
class PermutationSampler : public Sampler {
 public:
  explicit PermutationSampler(const SamplerOptions& options)
      : length_(options.sequence_length), seed_(options.seed) {
    for (const int64_t tokens : options.tokens) {
      windows_.push_back(WholeWindows(tokens, length_));
      pool_.Add(windows_.back());
    }
    if (!options.weights.empty()) blend_.emplace(options.weights);
  }

  Dataset::Window Locate(int64_t sample) const override {
    if (!blend_.has_value()) {
      const Blend::Place place =
          pool_.Locate(Shuffled(sample, pool_.total(), /*deck=*/0));
      return {place.source, place.index * length_};
    }
    const Blend::Place place = blend_->Locate(sample);
    const int64_t window =
        Shuffled(place.index, windows_[place.source], place.source + 1);
    return {place.source, window * length_};
  }
  int64_t windows() const override { return pool_.total(); }

 private:
  int64_t Shuffled(int64_t index, int64_t n, uint64_t deck) const {
    const PhiloxKey key = MakeKey(seed_, NoiseStream::kShuffle, deck);
    return Permutation(n, key, index / n)(index % n);
  }

  int64_t length_;
  uint64_t seed_;
  std::vector<int64_t> windows_;  // of each file
  Pool pool_;
  std::optional<Blend> blend_;
};

// A uniform integer below n from 64 random bits: their fraction of 2^64 times n
// (the bias is n / 2^64).
int64_t UniformBelow(int64_t n, uint64_t bits) {
  return static_cast<int64_t>(
      static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(n) >> 64);
}

class RandomOffsetSampler : public Sampler {
 public:
  explicit RandomOffsetSampler(const SamplerOptions& options)
      : key_(MakeKey(options.seed, NoiseStream::kShuffle, 0)) {
    for (const int64_t tokens : options.tokens) {
      offsets_.push_back(tokens - options.sequence_length);
      pool_.Add(offsets_.back());
      windows_ += WholeWindows(tokens, options.sequence_length);
    }
    if (!options.weights.empty()) blend_.emplace(options.weights);
  }

  Dataset::Window Locate(int64_t sample) const override {
    const auto index = static_cast<uint64_t>(sample);
    const PhiloxCounter random =
        Philox4x32({static_cast<uint32_t>(index),
                    static_cast<uint32_t>(index >> 32), 0, 0},
                   key_);
    const uint64_t bits = uint64_t{random[1]} << 32 | random[0];
    if (!blend_.has_value()) {
      const Blend::Place place =
          pool_.Locate(UniformBelow(pool_.total(), bits));
      return {place.source, place.index};
    }
    const int file = blend_->Locate(sample).source;
    return {file, UniformBelow(offsets_[file], bits)};
  }
  int64_t windows() const override { return windows_; }

 private:
  PhiloxKey key_;
  std::vector<int64_t> offsets_;  // possible ones in each file
  Pool pool_;
  int64_t windows_ = 0;
  std::optional<Blend> blend_;
};

}  // namespace

std::unique_ptr<Sampler> MakeConsecutiveSampler(const SamplerOptions& options) {
  return std::make_unique<ConsecutiveSampler>(options);
}

std::unique_ptr<Sampler> MakePermutationSampler(const SamplerOptions& options) {
  return std::make_unique<PermutationSampler>(options);
}

std::unique_ptr<Sampler> MakeRandomOffsetSampler(
    const SamplerOptions& options) {
  return std::make_unique<RandomOffsetSampler>(options);
}

}  // namespace perdure
