#include "runtime/base/philox.h"

namespace perdure {

PhiloxKey MakeKey(uint64_t seed, NoiseStream stream, uint64_t salt) {
  const PhiloxCounter mixed = Philox4x32(
      {static_cast<uint32_t>(salt), static_cast<uint32_t>(salt >> 32),
       static_cast<uint32_t>(stream), 0x50524455},  // "PRDU"
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return {mixed[0], mixed[1]};
}

uint64_t NameHash(const char* data, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<uint8_t>(data[i])) * 0x100000001b3u;
  }
  return hash;
}

}  // namespace perdure
