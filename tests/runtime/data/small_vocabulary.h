#ifndef PERDURE_TESTS_RUNTIME_DATA_SMALL_VOCABULARY_H_
#define PERDURE_TESTS_RUNTIME_DATA_SMALL_VOCABULARY_H_

// Vocabularies small enough to work out encodings by hand.

#include <nlohmann/json.hpp>
#include <string>

namespace perdure {

// Byte b is id b; 256 "he", 257 "ll", 258 "hell", 259 "hello", 260 " w",
// 261 "<|endoftext|>".
nlohmann::json SmallVocab();
inline constexpr char kSmallMerges[] =
    "#version: 0.2\nh e\nl l\nhe ll\nhell o\n\xC4\xA0 w\n";  // U+0120: a space
// The two as a tokenizer.json of a byte-level BPE.
nlohmann::json SmallByteLevelJson();

// A Llama-2-like tokenizer.json: <unk> <s> </s>, the bytes from id 3, then 259
// U+2581 (a space), 260 a, 261 b, 262 "ab", 263 "_a", 264 "_ab", 265 "__".
nlohmann::json SmallSentenceJson();

}  // namespace perdure

#endif  // PERDURE_TESTS_RUNTIME_DATA_SMALL_VOCABULARY_H_
