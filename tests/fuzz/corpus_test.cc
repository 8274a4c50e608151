// Without libFuzzer: every file of a corpus and a fixed number of changes to
// them. Enough is to come back and, in sanitized builds, to touch nothing else.

#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/journal/scan.h"
#include "gtest/gtest.h"
#include "launcher/control/control.pb.h"
#include "runtime/base/file.h"
#include "tests/fuzz/targets.h"

namespace perdure {
namespace {

using Target = void (*)(absl::string_view);

std::string Source(const std::string& path) {
  return JoinPath(PERDURE_SOURCE_DIR, path);
}

std::vector<std::string> Corpus(const std::string& folder) {
  std::vector<std::string> corpus;
  const auto names = ListDirectory(Source(folder));
  EXPECT_TRUE(names.ok()) << names.status();
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    corpus.push_back(*ReadFile(JoinPath(Source(folder), name)));
  }
  EXPECT_GE(corpus.size(), 2u) << folder;
  return corpus;
}

// Flips, overwrites, cuts off, cuts out, repeats or splices.
std::string Mutate(const std::vector<std::string>& corpus,
                   std::mt19937_64* random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : (*random)() % n; };
  std::string text = corpus[below(corpus.size())];
  for (size_t n = 1 + below(4); n > 0; --n) {
    const size_t at = below(text.size());
    switch (below(6)) {
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
        text.erase(at, below(40));
        break;
      case 4:
        text.insert(at, text.substr(at, below(40)));
        break;
      default: {
        const std::string& other = corpus[below(corpus.size())];
        text = text.substr(0, at) + other.substr(below(other.size()));
      }
    }
  }
  return text;
}

void RunAll(Target target, const std::vector<std::string>& corpus,
            int mutations) {
  std::mt19937_64 random(20260101);
  for (const std::string& text : corpus) target(text);
  for (int i = 0; i < mutations; ++i) target(Mutate(corpus, &random));
}

TEST(FuzzCorpusTest, JournalsAreReadOrRefused) {
  const std::vector<std::string> corpus = Corpus("tests/fuzz/corpus/journal");
  RunAll(FuzzJournal, corpus, 20000);
  int whole = 0;
  for (const std::string& bytes : corpus) {
    whole += ScanHeader(bytes, "corpus").ok();
  }
  EXPECT_GE(whole, 2);  // the corpus reaches beyond the header
}

TEST(FuzzCorpusTest, ManifestsAreReadOrRefused) {
  const std::vector<std::string> corpus = Corpus("tests/fuzz/corpus/manifest");
  RunAll(FuzzManifest, corpus, 20000);
  int sound = 0;
  for (const std::string& bytes : corpus) {
    sound += DecodeManifest(bytes, "corpus").ok();
  }
  EXPECT_GE(sound, 1);  // the corpus reaches beyond the trailer
}

TEST(FuzzCorpusTest, PicklesAreReadOrRefused) {
  std::vector<std::string> corpus;
  for (std::string& text : Corpus("tests/goldens/convert/pickles")) {
    FuzzPickle(text);
    // The long ones say nothing new when they are mutated.
    if (text.size() < 4096) corpus.push_back(std::move(text));
  }
  ASSERT_GT(corpus.size(), 10u);
  // The description of real tensors: stored in the zip as it is.
  const std::string file =
      *ReadFile(Source("tests/goldens/convert/state_2.pt"));
  const size_t begin = file.find("\x80\x02}");
  ASSERT_NE(begin, std::string::npos);
  corpus.push_back(file.substr(begin, 2500));
  RunAll(FuzzPickle, corpus, 20000);
}

TEST(FuzzCorpusTest, SafetensorsHeadersAreReadOrRefused) {
  RunAll(FuzzSafetensorsHeader, Corpus("tests/fuzz/corpus/safetensors"), 20000);
}

TEST(FuzzCorpusTest, AnyNamesAndShapesAreDatasetsOrRefused) {
  RunAll(FuzzHdf5, Corpus("tests/fuzz/corpus/hdf5"), 500);
}

TEST(FuzzCorpusTest, ControlMessagesChangeCountersAlone) {
  const std::vector<std::string> corpus = Corpus("tests/fuzz/corpus/control");
  RunAll(FuzzControl, corpus, 10000);
  int beats = 0;
  for (const std::string& bytes : corpus) {
    Heartbeat beat;
    beats += beat.ParseFromString(bytes) && beat.has_rank();
  }
  EXPECT_GE(beats, 3);  // the corpus reaches beyond the parser
}

}  // namespace
}  // namespace perdure
