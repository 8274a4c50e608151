#include "runtime/data/tokenizer_parts.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"

namespace perdure {
namespace {

// A token is given as "</s>" or as {"content": "</s>", ...}.
std::optional<std::string> TokenOf(const nlohmann::json& json,
                                   const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object() && found->contains("content") &&
      (*found)["content"].is_string()) {
    return (*found)["content"].get<std::string>();
  }
  return std::nullopt;
}

}  // namespace

absl::Status SaveFiles(absl::string_view directory,
                       const std::vector<NamedFile>& files) {
  for (const NamedFile& file : files) {
    RETURN_IF_ERROR(
        WriteFileAtomically(JoinPath(directory, file.name), file.content));
  }
  return absl::OkStatus();
}

absl::Status AddMerge(absl::string_view path, absl::string_view left,
                      absl::string_view right, const TokenIds& ids,
                      MergeTable* merges) {
  const auto l = ids.find(left);
  const auto r = ids.find(right);
  const auto merged = ids.find(absl::StrCat(left, right));
  const size_t rank = merges->size();
  if (l == ids.end() || r == ids.end() || merged == ids.end()) {
    return BadTokenizer(
        path, absl::StrCat("merge ", rank, " (\"", left, "\" \"", right,
                           "\") has a token that is not in the vocabulary; the "
                           "files belong to different tokenizers"));
  }
  merges->Add(l->second, r->second,
              {static_cast<int32_t>(rank), merged->second});
  return absl::OkStatus();
}

absl::StatusOr<SpecialTokenConfig> ReadSpecialTokenConfig(
    absl::string_view directory) {
  SpecialTokenConfig config;
  // The second wins: transformers reads tokenizer_config.json last.
  for (const char* name :
       {"special_tokens_map.json", "tokenizer_config.json"}) {
    const std::string path = JoinPath(directory, name);
    if (!FileExists(path)) continue;
    ASSIGN_OR_RETURN(std::string content, ReadFile(path));
    const auto json = nlohmann::json::parse(content, nullptr,
                                            /*allow_exceptions=*/false);
    if (!json.is_object()) return BadTokenizer(path, "not a JSON object");
    if (auto token = TokenOf(json, "bos_token")) config.bos_token = token;
    if (auto token = TokenOf(json, "eos_token")) config.eos_token = token;
    const auto add_bos = json.find("add_bos_token");
    if (add_bos != json.end() && add_bos->is_boolean()) {
      config.add_bos_token = add_bos->get<bool>();
    }
    config.files.push_back({name, std::move(content)});
  }
  return config;
}

SpecialIds ResolveSpecialIds(const SpecialTokenConfig& config,
                             const std::optional<std::string>& default_bos,
                             const TokenIds& ids) {
  const auto find = [&](const std::string& token) -> std::optional<int32_t> {
    const auto found = ids.find(token);
    if (found == ids.end()) return std::nullopt;
    return found->second;
  };
  SpecialIds special;
  if (config.eos_token.has_value()) {
    special.eod = find(*config.eos_token);
  }
  for (const char* token : {"</s>", "<|endoftext|>", "<|end_of_text|>"}) {
    if (!special.eod.has_value()) special.eod = find(token);
  }
  if (config.add_bos_token.value_or(default_bos.has_value())) {
    const auto bos =
        config.bos_token.has_value() ? config.bos_token : default_bos;
    if (bos.has_value()) special.bos = find(*bos);
  }
  return special;
}

absl::Status BadTokenizer(absl::string_view path, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", what));
}

absl::Status UnknownId(int32_t id, int32_t vocab_size) {
  return absl::OutOfRangeError(
      absl::StrCat("token id ", id, " is not in the vocabulary of ", vocab_size,
                   "; use the tokenizer that the ids were made with"));
}

std::string FolderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

}  // namespace perdure
