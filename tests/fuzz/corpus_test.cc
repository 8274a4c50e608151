// Without libFuzzer: every file of the corpus, and thousands of changes to
// each.

#include <random>

#include "checkpoint/journal/scan.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/fuzz/journal_fuzzer.h"

namespace perdure {
namespace {

// What damage is like: bytes changed, cut out, doubled, cut off.
std::string Damage(std::string bytes, std::mt19937* random) {
  const auto below = [&](size_t n) { return (*random)() % n; };
  for (size_t changes = 1 + below(4); changes > 0 && !bytes.empty();
       --changes) {
    const size_t at = below(bytes.size());
    const size_t n = 1 + below(std::min<size_t>(40, bytes.size() - at));
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>((*random)());
        break;
      case 2:
        bytes.erase(at, n);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, n));
        break;
      default:
        bytes.resize(at);
        break;
    }
  }
  return bytes;
}

TEST(JournalCorpusTest, EveryFileAndItsDamagedCopiesAreReadOrRefused) {
  const std::string directory =
      JoinPath(PERDURE_SOURCE_DIR, "tests/fuzz/corpus/journal");
  const auto names = ListDirectory(directory);
  ASSERT_TRUE(names.ok()) << names.status();
  ASSERT_GE(names->size(), 3u);
  std::mt19937 random(7);
  int whole = 0;
  for (const std::string& name : *names) {
    const auto bytes = ReadFile(JoinPath(directory, name));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    FuzzJournal(*bytes);
    whole += ScanHeader(*bytes, name).ok();
    for (int i = 0; i < 5000; ++i) FuzzJournal(Damage(*bytes, &random));
  }
  EXPECT_GE(whole, 2);  // the corpus reaches beyond the header
}

}  // namespace
}  // namespace perdure
