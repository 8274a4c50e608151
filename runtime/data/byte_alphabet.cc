#include "runtime/data/byte_alphabet.h"

#include <array>

#include "runtime/data/utf8.h"

namespace perdure {
namespace {

constexpr int32_t kFirstMoved = 0x100;
constexpr int32_t kMoved = 68;

constexpr bool StandsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
         byte >= 0xAE;
}

struct Tables {
  std::array<int32_t, 256> code_point{};
  std::array<int16_t, kFirstMoved + kMoved> byte{};  // -1: none
};

constexpr Tables MakeTables() {
  Tables tables;
  for (auto& byte : tables.byte) byte = -1;
  int32_t next = kFirstMoved;
  for (int b = 0; b < 256; ++b) {
    tables.code_point[b] = StandsForItself(b) ? b : next++;
    tables.byte[tables.code_point[b]] = static_cast<int16_t>(b);
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

int32_t AlphabetCodePoint(uint8_t byte) { return kTables.code_point[byte]; }

std::string ToByteAlphabet(absl::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    AppendUtf8(AlphabetCodePoint(static_cast<uint8_t>(byte)), &text);
  }
  return text;
}

std::optional<std::string> FromByteAlphabet(absl::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const CodePoint next = NextCodePoint(text, at);
    if (next.code_point < 0 || next.code_point >= kFirstMoved + kMoved ||
        kTables.byte[next.code_point] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(kTables.byte[next.code_point]);
    at += next.length;
  }
  return bytes;
}

}  // namespace perdure
