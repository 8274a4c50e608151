#include "tests/runtime/data/small_vocabulary.h"

#include "absl/strings/str_format.h"
#include "runtime/data/byte_alphabet.h"

namespace perdure {
namespace {

constexpr char kSpace[] = "\xC4\xA0";          // U+0120
constexpr char kUnderline[] = "\xE2\x96\x81";  // U+2581

}  // namespace

nlohmann::json SmallVocab() {
  nlohmann::json vocab;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    vocab[ToByteAlphabet(absl::string_view(&c, 1))] = byte;
  }
  vocab["he"] = 256;
  vocab["ll"] = 257;
  vocab["hell"] = 258;
  vocab["hello"] = 259;
  vocab[std::string(kSpace) + "w"] = 260;
  vocab["<|endoftext|>"] = 261;
  return vocab;
}

nlohmann::json SmallByteLevelJson() {
  return {
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"added_tokens",
       {{{"id", 261}, {"content", "<|endoftext|>"}, {"special", true}}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", SmallVocab()},
        {"merges",
         {"h e", "l l", "he ll", "hell o", std::string(kSpace) + " w"}}}}};
}

nlohmann::json SmallSentenceJson() {
  const std::string u = kUnderline;
  nlohmann::json vocab = {
      {"<unk>", 0}, {"<s>", 1},  {"</s>", 2},    {u, 259},        {"a", 260},
      {"b", 261},   {"ab", 262}, {u + "a", 263}, {u + "ab", 264}, {u + u, 265}};
  for (int byte = 0; byte < 256; ++byte) {
    vocab[absl::StrFormat("<0x%02X>", byte)] = 3 + byte;
  }
  nlohmann::json added = nlohmann::json::array();
  for (const char* token : {"<unk>", "<s>", "</s>"}) {
    added.push_back(
        {{"id", vocab[token]}, {"content", token}, {"special", true}});
  }
  const nlohmann::json bos = {{"SpecialToken", {{"id", "<s>"}}}};
  const nlohmann::json text = {{"Sequence", {{"id", "A"}}}};
  return {
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", u}},
          {{"type", "Replace"},
           {"pattern", {{"String", " "}}},
           {"content", u}}}}}},
      {"pre_tokenizer", nullptr},
      {"post_processor",
       {{"type", "TemplateProcessing"}, {"single", {bos, text}}}},
      {"added_tokens", added},
      {"model",
       {{"type", "BPE"},
        {"byte_fallback", true},
        {"vocab", vocab},
        // Both spellings of a merge.
        {"merges",
         {"a b", nlohmann::json::array({u, "ab"}), u + " a", u + " " + u}}}}};
}

}  // namespace perdure
