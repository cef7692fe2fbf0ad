#include "env/secret.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // Only the older functions let a hash be stopped and gone on with.
#include <cstring>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace freshet {
namespace {

std::string hex(const unsigned char* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text.push_back(kDigits[bytes[i] >> 4]);
    text.push_back(kDigits[bytes[i] & 15]);
  }
  return text;
}

}  // namespace

std::string random_hex(size_t bytes) {
  std::string raw(bytes, '\0');
  auto* data = reinterpret_cast<unsigned char*>(raw.data());
  CHECK(RAND_bytes(data, static_cast<int>(bytes)) ==
        1);  // The system has no randomness: nothing can be safe.
  return hex(data, bytes);
}

std::string sha256_hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hex(digest, sizeof(digest));
}

namespace {

constexpr size_t kWords = 8, kStateBytes = 2 * kWords * 4;

std::string state_after(std::string_view block) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, block.data(), block.size());
  std::string out;
  for (size_t i = 0; i < kWords; ++i)
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(hash.h[i] >> shift & 0xff));
  return out;
}

std::string go_on(std::string_view state, std::string_view message) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  for (size_t i = 0; i < kWords; ++i) {
    hash.h[i] = 0;
    for (size_t j = 0; j < 4; ++j) hash.h[i] = hash.h[i] << 8 | static_cast<unsigned char>(state[4 * i + j]);
  }
  hash.Nl = SHA256_CBLOCK * 8;  // Bits so far: one block.
  SHA256_Update(&hash, message.data(), message.size());
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &hash);
  return digest;
}

}  // namespace

std::string hmac_state(std::string_view key) {
  std::string block(SHA256_CBLOCK, '\0');
  if (key.size() > block.size()) {
    SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(),
           reinterpret_cast<unsigned char*>(block.data()));
  } else {
    std::memcpy(block.data(), key.data(), key.size());
  }
  std::string inner = block, outer = block;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return state_after(inner) + state_after(outer);
}

std::string hmac_sha256_hex(std::string_view state, std::string_view message) {
  CHECK(state.size() == kStateBytes);
  const std::string inner = go_on(state.substr(0, kStateBytes / 2), message);
  const std::string outer = go_on(state.substr(kStateBytes / 2), inner);
  return hex(reinterpret_cast<const unsigned char*>(outer.data()), outer.size());
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace freshet
