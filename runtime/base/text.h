#ifndef PERDURE_RUNTIME_BASE_TEXT_H_
#define PERDURE_RUNTIME_BASE_TEXT_H_

// Text that people read: suggestions, sizes, durations, numbers that survive.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perdure {

// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
int EditDistance(absl::string_view a, absl::string_view b);

// The up to `most` candidates closest to `word`, nearest first; none that is
// further away than half the length of `word` + 1.
std::vector<std::string> NearestNames(
    absl::string_view word, const std::vector<std::string>& candidates,
    int most = 3);

// ", did you mean 'a' or 'b'?", or "" where nothing is near.
std::string DidYouMean(absl::string_view word,
                       const std::vector<std::string>& candidates);

// Whether the whole text matches the pattern: * stands for any characters, ?
// for one, everything else for itself.
bool MatchesPattern(absl::string_view text, absl::string_view pattern);

std::string WithCommas(int64_t count);      // "1,234,567"
std::string HumanBytes(uint64_t bytes);     // "1.50 GiB"
std::string HumanCount(double count);       // "124.4M"
std::string HumanDuration(double seconds);  // "1h 02m", "3m 20s", "12 s"

// The shortest decimal text that reads back as the same double; "null" for NaN
// and infinities (JSON has neither).
std::string JsonNumber(double value);
// A JSON string literal, quotes included.
std::string JsonString(absl::string_view text);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_BASE_TEXT_H_
