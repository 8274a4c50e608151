#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "runtime/comm/all_gather_parts.h"
#include "tests/runtime/comm/contract.h"

namespace perdure {
namespace {

// 0, 1, odd, not divisible by the ranks, around a staging slot of 256 KiB, and
// several slots of every type.
constexpr int64_t kSizes[] = {0,    1,     3,     17,     1000,
                              4099, 65536, 65537, 131071, 300001};

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// What `rank` contributes at `i`. Floats of very different sizes: their sum
// depends on the order.
template <typename T>
T ValueAt(int rank, int64_t i, uint64_t salt) {
  const uint64_t bits = Mix(Mix(salt * 1000003 + rank) + i);
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(bits % 2000003) - 1000001;
  } else {
    const double fraction = static_cast<double>(bits >> 11) * 0x1p-53 - 0.5;
    const int exponent = static_cast<int>(bits % 25) - 12;
    return static_cast<T>(static_cast<float>(std::ldexp(fraction, exponent)));
  }
}

template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, bf16>, float, T>;

template <typename W>
W Combine(ReduceOp op, W a, W b) {
  if (op == ReduceOp::kSum) return a + b;
  return op == ReduceOp::kMax ? std::max(a, b) : std::min(a, b);
}

template <typename T>
absl::Status CheckAllReduce(Communicator& world, int64_t n, ReduceOp op,
                            uint64_t salt) {
  std::vector<T> data(n);
  for (int64_t i = 0; i < n; ++i) data[i] = ValueAt<T>(world.rank(), i, salt);
  RETURN_IF_ERROR(world.AllReduce(data.data(), n, DTypeOf<T>(), op));
  for (int64_t i = 0; i < n; ++i) {
    auto expected = static_cast<Wide<T>>(ValueAt<T>(0, i, salt));
    for (int r = 1; r < world.size(); ++r) {
      expected =
          Combine(op, expected, static_cast<Wide<T>>(ValueAt<T>(r, i, salt)));
    }
    const T rounded = static_cast<T>(expected);
    RETURN_UNLESS(
        std::memcmp(&data[i], &rounded, sizeof(T)) == 0,
        absl::StrCat("element ", i, " of ", n, " ", DTypeName(DTypeOf<T>())));
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status CheckAllSizes(Communicator& world) {
  uint64_t salt = 0;
  for (const int64_t n : kSizes) {
    RETURN_IF_ERROR(CheckAllReduce<T>(world, n, ReduceOp::kSum, ++salt));
    if (n > 70000) continue;  // the way of the data is the same for all
    for (ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
      RETURN_IF_ERROR(CheckAllReduce<T>(world, n, op, ++salt));
    }
  }
  return absl::OkStatus();
}

absl::Status ANanSurvivesMaxAndMin(Communicator& world) {
  for (ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
    for (int holder = 0; holder < world.size(); ++holder) {
      float value = world.rank() == holder
                        ? std::numeric_limits<float>::quiet_NaN()
                        : static_cast<float>(world.rank());
      RETURN_IF_ERROR(world.AllReduce(&value, 1, DType::kF32, op));
      RETURN_UNLESS(std::isnan(value), absl::StrCat("holder ", holder));
    }
  }
  return absl::OkStatus();
}

// Rank r gives 8 r bytes in the first round (rank 0 nothing), then ever more.
absl::Status PartsOfUnequalSizesReachAll(Communicator& world) {
  for (const uint64_t more : {0, 1, 70000}) {
    std::vector<uint64_t> bytes;
    for (int r = 0; r < world.size(); ++r) {
      bytes.push_back(8 * static_cast<uint64_t>(r) + more);
    }
    const size_t me = static_cast<size_t>(world.rank());
    const std::vector<char> mine(bytes[me],
                                 static_cast<char>('a' + world.rank()));
    const int64_t before = world.stats().bytes;
    std::vector<std::vector<char>> parts;
    RETURN_IF_ERROR(AllGatherParts(world, mine.data(), bytes, &parts));
    for (int r = 0; r < world.size(); ++r) {
      const size_t at = static_cast<size_t>(r);
      RETURN_UNLESS(
          parts[at] == std::vector<char>(bytes[at], static_cast<char>('a' + r)),
          absl::StrCat("part ", r));
    }
    const int64_t sent = static_cast<int64_t>(bytes[me]) * (world.size() - 1);
    RETURN_UNLESS(world.stats().bytes - before == sent,
                  absl::StrCat("counted ", world.stats().bytes - before));
  }
  return absl::OkStatus();
}

absl::Status AllGatherKeepsRankOrder(Communicator& world) {
  for (const int64_t n : kSizes) {
    std::vector<int32_t> input(n);
    std::vector<int32_t> output(n * world.size(), -1);
    for (int64_t i = 0; i < n; ++i) {
      input[i] = ValueAt<int32_t>(world.rank(), i, n);
    }
    RETURN_IF_ERROR(world.AllGather(input.data(), n * 4, output.data()));
    std::vector<int32_t> in_place(n * world.size(), -1);
    int32_t* mine = in_place.data() + n * world.rank();
    std::copy(input.begin(), input.end(), mine);
    RETURN_IF_ERROR(world.AllGather(mine, n * 4, in_place.data()));
    for (int64_t i = 0; i < n * world.size(); ++i) {
      const auto expected = ValueAt<int32_t>(static_cast<int>(i / n), i % n, n);
      RETURN_UNLESS(output[i] == expected, absl::StrCat("element ", i));
      RETURN_UNLESS(in_place[i] == expected, absl::StrCat("element ", i));
    }
  }
  return absl::OkStatus();
}

absl::Status BroadcastReachesAllFromEveryRoot(Communicator& world) {
  for (const int64_t n : kSizes) {
    for (int root = 0; root < world.size(); ++root) {
      std::vector<int64_t> data(n, -1);
      if (world.rank() == root) {
        for (int64_t i = 0; i < n; ++i) data[i] = ValueAt<int64_t>(root, i, n);
      }
      RETURN_IF_ERROR(world.Broadcast(data.data(), n * 8, root));
      for (int64_t i = 0; i < n; ++i) {
        RETURN_UNLESS(data[i] == ValueAt<int64_t>(root, i, n),
                      absl::StrCat("element ", i, " of ", n, " from ", root));
      }
    }
  }
  return absl::OkStatus();
}

// Calls of all kinds and sizes in a row: leftovers of one must not leak into
// the next, whichever ranks run ahead.
absl::Status CallsInARandomRowDoNotMix(Communicator& world) {
  for (uint64_t step = 0; step < 300; ++step) {
    const uint64_t draw = Mix(step + 77);
    const int64_t n = (draw >> 8) % ((draw & 1) ? 90000 : 600);
    switch ((draw >> 1) % 4) {
      case 0:
        RETURN_IF_ERROR(world.Barrier());
        break;
      case 1:
        RETURN_IF_ERROR(CheckAllReduce<float>(world, n, ReduceOp::kSum, step));
        break;
      case 2: {
        std::vector<float> all(n * world.size());
        const std::vector<float> mine(n, static_cast<float>(world.rank()));
        RETURN_IF_ERROR(world.AllGather(mine.data(), n * 4, all.data()));
        for (int64_t i = 0; i < n * world.size(); ++i) {
          RETURN_UNLESS(all[i] == static_cast<float>(i / n), step);
        }
        break;
      }
      default: {
        const int root = static_cast<int>(step % world.size());
        std::vector<uint64_t> data(n, world.rank() == root ? step : 0);
        RETURN_IF_ERROR(world.Broadcast(data.data(), n * 8, root));
        for (uint64_t value : data) RETURN_UNLESS(value == step, step);
      }
    }
  }
  return absl::OkStatus();
}

absl::Status HelpersCarryScalarsAndStrings(Communicator& world) {
  ASSIGN_OR_RETURN(const double sum,
                   AllReduceScalar(world, world.rank() + 1, ReduceOp::kSum));
  RETURN_UNLESS(sum == world.size() * (world.size() + 1) / 2.0, sum);
  const std::string mine(world.rank() * 5000, 'a' + world.rank() % 26);
  ASSIGN_OR_RETURN(const std::vector<std::string> all,
                   AllGatherStrings(world, mine));
  for (int r = 0; r < world.size(); ++r) {
    RETURN_UNLESS(all[r] == std::string(r * 5000, 'a' + r % 26), r);
  }
  return absl::OkStatus();
}

absl::Status PayloadBytesAreCounted(Communicator& world) {
  if (world.size() == 1) return absl::OkStatus();
  const CommStats before = world.stats();
  std::vector<float> data(10, 1.0f);
  RETURN_IF_ERROR(
      world.AllReduce(data.data(), 10, DType::kF32, ReduceOp::kSum));
  RETURN_IF_ERROR(world.Broadcast(data.data(), 40, 0));
  const int64_t bytes = world.stats().bytes - before.bytes;
  RETURN_UNLESS(bytes == (world.rank() == 0 ? 80 : 40), bytes);
  RETURN_UNLESS(world.stats().operations == before.operations + 2, "");
  RETURN_UNLESS(world.stats().seconds >= before.seconds, "");
  return absl::OkStatus();
}

}  // namespace

const std::vector<ContractCase>& CollectiveCases() {
  static const auto& cases = *new std::vector<ContractCase>{
      {"F32SumsEqualTheSerialSum", CheckAllSizes<float>},
      {"F64SumsEqualTheSerialSum", CheckAllSizes<double>},
      {"BF16SumsAreRoundedOnce", CheckAllSizes<bf16>},
      {"I32SumsEqualTheSerialSum", CheckAllSizes<int32_t>},
      {"I64SumsEqualTheSerialSum", CheckAllSizes<int64_t>},
      {"ANanSurvivesMaxAndMin", ANanSurvivesMaxAndMin},
      {"AllGatherKeepsRankOrder", AllGatherKeepsRankOrder},
      {"PartsOfUnequalSizesReachAll", PartsOfUnequalSizesReachAll},
      {"BroadcastReachesAllFromEveryRoot", BroadcastReachesAllFromEveryRoot},
      {"CallsInARandomRowDoNotMix", CallsInARandomRowDoNotMix},
      {"HelpersCarryScalarsAndStrings", HelpersCarryScalarsAndStrings},
      {"PayloadBytesAreCounted", PayloadBytesAreCounted},
  };
  return cases;
}

}  // namespace perdure
