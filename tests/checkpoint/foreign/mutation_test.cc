// The corpus and a fixed number of mutations of it go through the parsers.
// Nothing is expected of the results: it is enough to come back (and, in the
// sanitized builds, to touch nothing else).

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "tests/fuzz/foreign_parsers.h"

namespace perdure {
namespace {

constexpr int kMutations = 20000;

std::string Golden(const std::string& name) {
  return absl::StrCat(PERDURE_SOURCE_DIR, "/tests/goldens/convert/", name);
}

using Target = void (*)(const uint8_t*, size_t);

void Parse(Target target, const std::string& input) {
  target(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// Flips, overwrites, cuts, repeats or splices.
std::string Mutate(const std::vector<std::string>& corpus,
                   std::mt19937_64* random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : (*random)() % n; };
  std::string text = corpus[below(corpus.size())];
  for (size_t n = 1 + below(4); n > 0; --n) {
    const size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        if (!text.empty()) text[at] ^= static_cast<char>(1 << below(8));
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(below(256));
        break;
      case 2:
        text.resize(at);
        break;
      case 3:
        text.insert(at, text.substr(at, below(16)));
        break;
      default: {
        const std::string& other = corpus[below(corpus.size())];
        text = text.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }
  return text;
}

void RunAll(Target target, const std::vector<std::string>& corpus) {
  std::mt19937_64 random(20260101);
  for (const std::string& text : corpus) Parse(target, text);
  for (int i = 0; i < kMutations; ++i) Parse(target, Mutate(corpus, &random));
}

TEST(MutationTest, PicklesEitherParseOrAreRefused) {
  std::vector<std::string> corpus;
  const std::string folder = Golden("pickles");
  const auto names = ListDirectory(folder);
  ASSERT_TRUE(names.ok()) << names.status();
  for (const std::string& name : *names) {
    const std::string text = *ReadFile(JoinPath(folder, name));
    Parse(FuzzPickle, text);
    // The long ones say nothing new when they are mutated.
    if (text.size() < 4096) corpus.push_back(text);
  }
  ASSERT_GT(corpus.size(), 10u);
  // The description of real tensors: stored in the zip as it is.
  const std::string file = *ReadFile(Golden("state_2.pt"));
  const size_t begin = file.find("\x80\x02}");
  ASSERT_NE(begin, std::string::npos);
  corpus.push_back(file.substr(begin, 2500));
  RunAll(FuzzPickle, corpus);
}

TEST(MutationTest, SafetensorsHeadersEitherParseOrAreRefused) {
  RunAll(FuzzSafetensorsHeader,
         {*ReadFile(Golden("state.safetensors")),
          std::string("\x02\0\0\0\0\0\0\0{}", 10),
          std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)});
}

}  // namespace
}  // namespace perdure
