#include "checkpoint/foreign/pickle.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

using testing::HasSubstr;

// Of tests/goldens/convert/pickles, made by Python.
absl::Status Load(const std::string& name,
                  std::vector<PickleLeaf>* leaves = nullptr) {
  const auto text = ReadFile(absl::StrCat(
      PERDURE_SOURCE_DIR, "/tests/goldens/convert/pickles/", name, ".pkl"));
  EXPECT_TRUE(text.ok()) << text.status();
  const auto tree = Unpickle(*text);
  RETURN_IF_ERROR(tree.status());
  const auto flat = Flatten(*tree);
  if (flat.ok() && leaves != nullptr) *leaves = *flat;
  return flat.status();
}

void ExpectRefused(const std::string& name, absl::StatusCode code,
                   const std::string& why) {
  SCOPED_TRACE(name);
  const absl::Status status = Load(name);
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
}

TEST(PickleTest, PlainValuesComeThrough) {
  std::vector<PickleLeaf> leaves;
  ASSERT_TRUE(Load("good", &leaves).ok());
  ASSERT_EQ(leaves.size(), 5u);
  EXPECT_EQ(leaves[0].name, "a.0");
  EXPECT_EQ(leaves[4].name, "a.4");
}

TEST(PickleTest, CodeIsRefusedByItsName) {
  const auto code = absl::StatusCode::kFailedPrecondition;
  // os.system is posix.system to pickle.
  ExpectRefused("os_system", code, "asks for 'posix.system'");
  ExpectRefused("os_system_4", code, "asks for 'posix.system'");
  ExpectRefused("eval", code, "asks for '__builtin__.eval'");
  ExpectRefused("nested_reduce", code, "asks for '__builtin__.getattr'");
}

TEST(PickleTest, WhatMakesNoSenseIsRefused) {
  const auto code = absl::StatusCode::kDataLoss;
  ExpectRefused("truncated", code, "it ends here");
  ExpectRefused("long_string", code, "it ends here");
  ExpectRefused("no_stop", code, "it ends here");
  ExpectRefused("empty_stack", code, "the stack is empty");
  ExpectRefused("missing_memo", code, "memo 2147483647 was never stored");
  ExpectRefused("tensor_of_no_storage", code, "a tensor without a storage");
}

TEST(PickleTest, HugeMemoNumbersCostNothing) {
  EXPECT_TRUE(Load("huge_memo").ok());
}

TEST(PickleTest, DeepCyclicAndExplodingContainersAreRefused) {
  const auto code = absl::StatusCode::kDataLoss;
  ExpectRefused("deep", code, "nested deeper than 64 levels");
  ExpectRefused("cycle", code, "nested deeper than 64 levels");
  ExpectRefused("billion_laughs", code, "holds more than");
}

TEST(PickleTest, UnknownInstructionsAreNamed) {
  const auto tree = Unpickle("\x80\x02\x82\x01.");  // EXT1
  EXPECT_EQ(tree.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(tree.status().message()),
              HasSubstr("instruction 0x82 at byte 2"));
}

TEST(PickleTest, NothingBelowAMarkCanBeTaken) {
  const auto tree = Unpickle("\x80\x02](0.");  // EMPTY_LIST MARK POP
  EXPECT_EQ(tree.status().code(), absl::StatusCode::kDataLoss);
}

TEST(PickleTest, SharedListsCannotBeCopiedWithoutEnd) {
  // A list of 10,000 pairs, then 10,000 OrderedDicts of it.
  std::string text("\x80\x02]q\x00(", 6);
  text += "K\x01K\x02\x86q\x01";
  for (int i = 0; i < 10000; ++i) text += "h\x01";
  text +=
      "e0ccollections\nOrderedDict\nq\x02"
      "0";
  for (int i = 0; i < 10000; ++i) {
    text += "h\x02";
    text.append("h\x00\x85R0", 5);
  }
  const auto tree = Unpickle(text + "N.");
  EXPECT_EQ(tree.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(tree.status().message()), HasSubstr("too many"));
}

}  // namespace
}  // namespace perdure
