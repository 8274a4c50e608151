#include "runtime/data/prepare.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/data/byte_progress.h"
#include "runtime/data/document_reader.h"
#include "runtime/data/token_file.h"
#include "runtime/data/tokenizer.h"
#include "tests/runtime/data/small_vocabulary.h"
#include "tests/runtime/data/temp_dir.h"

namespace perdure {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Documents(const std::vector<std::string>& inputs,
                                   const std::string& separator) {
  std::vector<std::string> documents;
  std::string current;
  const auto add = [&](absl::string_view piece) {
    current.append(piece.data(), piece.size());
    return absl::OkStatus();
  };
  const auto end = [&] {
    documents.push_back(current);
    current.clear();
    return absl::OkStatus();
  };
  const auto progress = [](uint64_t) {};
  const absl::Status status = ReadDocuments(
      inputs, ParseDocumentSeparator(separator).value(), {add, end, progress});
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(current, "");
  return documents;
}

TEST(DocumentReaderTest, FilesAreDocumentsWithoutASeparator) {
  const TempDir dir;
  EXPECT_THAT(
      Documents({dir.Write("a", "one\n\ntwo"), dir.Write("b", "3\n")}, "none"),
      ElementsAre("one\n\ntwo", "3\n"));
}

TEST(DocumentReaderTest, BlankLinesSeparate) {
  const TempDir dir;
  EXPECT_THAT(Documents({dir.Write("a", "a\nb\n\n \t\r\nc\n\nd")}, "blank"),
              ElementsAre("a\nb\n", "", "c\n", "d"));
}

TEST(DocumentReaderTest, LinesSeparateOnlyWhenEqual) {
  const TempDir dir;
  EXPECT_THAT(
      Documents({dir.Write("a", "a\n<|e|>\nb <|e|>\n<|e|>\r\nc\n<|e|>")},
                "<|e|>"),
      ElementsAre("a\n", "b <|e|>\n", "c\n", ""));
}

TEST(DocumentReaderTest, JsonLinesGiveAField) {
  const TempDir dir;
  EXPECT_THAT(Documents({dir.Write("a",
                                   "{\"text\": \"a\\nb\", \"n\": 1}\n\n"
                                   "{\"text\": \"\\u00e9\"}")},
                        "jsonl:text"),
              ElementsAre("a\nb", "\xC3\xA9"));
}

TEST(DocumentReaderTest, LinesLongerThanTheBufferStayWhole) {
  const TempDir dir;
  const std::string longer(3 << 20, 'x');
  for (const char* separator : {"none", "blank", "<|e|>"}) {
    EXPECT_THAT(Documents({dir.Write("a", longer)}, separator),
                ElementsAre(longer));
  }
  EXPECT_THAT(
      Documents({dir.Write("a", "{\"t\": \"" + longer + "\"}\n")}, "jsonl:t"),
      ElementsAre(longer));
}

TEST(DocumentReaderTest, BadSeparatorsAreRefused) {
  for (const char* text : {"", "jsonl:", "a\nb"}) {
    EXPECT_EQ(ParseDocumentSeparator(text).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(ByteProgressTest, LineShowsShareSpeedAndRest) {
  EXPECT_EQ(FormatProgress("tokenize", 25 << 20, 100 << 20, 2.0),
            "tokenize  [#####---------------]  25 %  25.00 MiB  13.1 MB/s  "
            "eta 6 s");
  EXPECT_EQ(FormatProgress("tokenize", 1 << 20, 0, 0),
            "tokenize  1.00 MiB  0.0 MB/s");
}

class PrepareTest : public ::testing::Test {
 protected:
  PrepareOptions Options(const std::string& input, const std::string& tokenizer,
                         const std::string& output) {
    PrepareOptions options;
    options.inputs = {input};
    options.tokenizer = tokenizer;
    options.output = dir_.File(output);
    return options;
  }
  std::string SmallTokenizer() {
    EXPECT_TRUE(CreateDirectories(dir_.File("bpe")).ok());
    dir_.Write("bpe/vocab.json", SmallVocab().dump());
    dir_.Write("bpe/merges.txt", kSmallMerges);
    return dir_.File("bpe");
  }
  static std::vector<int32_t> Ids(const std::string& path) {
    const auto file = OpenTokenFile(path).value();
    std::vector<int32_t> ids(file->size());
    file->Read(0, file->size(), ids.data());
    return ids;
  }
  static void ExpectError(const PrepareOptions& options, absl::StatusCode code,
                          const std::string& why) {
    const auto report = Prepare(options);
    EXPECT_EQ(report.status().code(), code) << report.status();
    EXPECT_THAT(std::string(report.status().message()), HasSubstr(why));
  }
  TempDir dir_;
};

TEST_F(PrepareTest, CharactersOfTheTextBecomeAFolder) {
  const std::string text = dir_.Write("a.txt", "to be\n");
  const auto report = Prepare(Options(text, "char", "out/train.tokens"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->tokens, 6);
  EXPECT_EQ(report->documents, 1);
  EXPECT_EQ(report->bytes, 6);
  EXPECT_THAT(*ListDirectory(dir_.File("out")),
              ElementsAre("chars.json", "train.tokens"));
  const auto tokenizer = *LoadTokenizer(dir_.File("out"));
  EXPECT_EQ(*tokenizer->Decode(Ids(dir_.File("out/train.tokens"))), "to be\n");
}

TEST_F(PrepareTest, EodEndsEveryDocument) {
  const std::string text = dir_.Write("a.txt", "hello\n\n w\n");
  PrepareOptions options = Options(text, SmallTokenizer(), "out/train.tokens");
  options.document_separator = "blank";
  ASSERT_TRUE(Prepare(options).ok());
  EXPECT_THAT(Ids(options.output), ElementsAre(259, '\n', 261, 260, '\n', 261));
  EXPECT_THAT(OpenTokenFile(options.output).value()->documents(),
              ElementsAre(0, 3));
  options.eod = PrepareOptions::Mark::kNo;
  ASSERT_TRUE(Prepare(options).ok());  // over the old file, same tokenizer
  EXPECT_THAT(Ids(options.output), ElementsAre(259, '\n', 260, '\n'));
}

TEST_F(PrepareTest, MarksThatTheTokenizerLacksAreRefused) {
  PrepareOptions options =
      Options(dir_.Write("a.txt", "ab"), "char", "out/a.tokens");
  options.eod = PrepareOptions::Mark::kYes;
  ExpectError(options, absl::StatusCode::kInvalidArgument, "--eod");
  options = Options(dir_.File("a.txt"), SmallTokenizer(), "out/a.tokens");
  options.bos = PrepareOptions::Mark::kYes;
  ExpectError(options, absl::StatusCode::kInvalidArgument, "--bos");
}

TEST_F(PrepareTest, AFolderKeepsOneTokenizer) {
  const std::string text = dir_.Write("a.txt", "hello");
  ASSERT_TRUE(Prepare(Options(text, "char", "out/a.tokens")).ok());
  ExpectError(Options(text, SmallTokenizer(), "out/b.tokens"),
              absl::StatusCode::kFailedPrecondition, "another tokenizer");
  // Another text with other characters would have other ids.
  const std::string other = dir_.Write("b.txt", "help!");
  ExpectError(Options(other, "char", "out/b.tokens"),
              absl::StatusCode::kFailedPrecondition, "another tokenizer");
  const std::string known = dir_.Write("c.txt", "hole");
  EXPECT_TRUE(Prepare(Options(known, dir_.File("out"), "out/b.tokens")).ok());
}

TEST_F(PrepareTest, FailureLeavesNoTokenFile) {
  const std::string text = dir_.Write("a.jsonl", "{\"text\": \"a\"}\n{}\n");
  PrepareOptions options = Options(text, SmallTokenizer(), "out/a.tokens");
  options.document_separator = "jsonl:text";
  ExpectError(options, absl::StatusCode::kFailedPrecondition, "a.jsonl:2");
  const std::vector<std::string> left = *ListDirectory(dir_.File("out"));
  EXPECT_THAT(left, Each(::testing::Not(HasSubstr("tokens"))));
}

TEST_F(PrepareTest, BadOptionsAreExplained) {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  ExpectError({}, invalid, "--input");
  ExpectError(Options("-", "char", "a.tokens"), invalid, "twice");
  PrepareOptions options = Options(dir_.Write("a", "x"), "", "a.tokens");
  ExpectError(options, invalid, "--tokenizer");
  options = Options(dir_.File("a"), "char", "a.tokens");
  options.output = "";
  ExpectError(options, invalid, "--output");
  ExpectError(Options(dir_.File("none"), "char", "a.tokens"),
              absl::StatusCode::kNotFound, "none");
  ExpectError(Options(dir_.path(), "char", "a.tokens"),
              absl::StatusCode::kFailedPrecondition, "directory");
}

TEST_F(PrepareTest, InspectShowsWhatAFileHolds) {
  const std::string text = dir_.Write("a.txt", "to \"be\"\n");
  const PrepareOptions options = Options(text, "char", "out/a.tokens");
  ASSERT_TRUE(Prepare(options).ok());
  const auto shown = InspectTokenFile(options.output, "");
  ASSERT_TRUE(shown.ok()) << shown.status();
  for (const char* part :
       {"Perdure .tokens", "tokens      8", "documents   1", "less than 7",
        "char, 7 ids", "\"to \\\"be\\\"\\n\""}) {
    EXPECT_THAT(*shown, HasSubstr(part));
  }
  ASSERT_TRUE(RemoveTree(dir_.File("out/chars.json")).ok());
  EXPECT_THAT(*InspectTokenFile(options.output, ""), HasSubstr("--tokenizer"));
  EXPECT_EQ(InspectTokenFile(options.output, dir_.File("no")).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace perdure
