// Integer dot products by instruction set. Four rows at a time, so that four sums fold together.
#include "model/math_body.h"

#if defined(__x86_64__)
// GCC 12 believes its own AVX-512 headers read an undefined register.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

namespace freshet {
namespace {

constexpr size_t kAhead = 16;  // Rows fetched before they are needed, when they lie anywhere.

FRESHET_INLINE const int8_t* row_at(const int8_t* rows, const uint32_t* which, size_t r, size_t n) {
  return rows + static_cast<size_t>(which == nullptr ? r : which[r]) * n;
}

// `four` folds rows r..r+3 into four sums; `one` does a single row. A macro because a lambda does not inherit
// the instruction set of the function it is in.
#define FRESHET_OVER_ROWS(four, one)                                                              \
  size_t r = 0;                                                                                   \
  for (; r + 4 <= count; r += 4) {                                                                \
    if (which != nullptr && r + kAhead + 4 <= count)                                              \
      for (size_t i = 0; i < 4; ++i) __builtin_prefetch(row_at(rows, which, r + kAhead + i, n));  \
    four(row_at(rows, which, r, n), row_at(rows, which, r + 1, n), row_at(rows, which, r + 2, n), \
         row_at(rows, which, r + 3, n), query, n, out + r);                                       \
  }                                                                                               \
  for (; r < count; ++r) out[r] = one(row_at(rows, which, r, n), query, n);

#if defined(__x86_64__)

// |q| as unsigned times e with the sign of q: pairs of products fit 16 bits because both are within 127.
FRESHET_INLINE __m128i sum_sse(const int8_t* row, const int8_t* query, size_t n) {
  __m128i sum = _mm_setzero_si128();
  const __m128i ones = _mm_set1_epi16(1);
  for (size_t i = 0; i < n; i += 16) {
    const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i*>(query + i));
    const __m128i e = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i));
    const __m128i pairs = _mm_maddubs_epi16(_mm_abs_epi8(q), _mm_sign_epi8(e, q));
    sum = _mm_add_epi32(sum, _mm_madd_epi16(pairs, ones));
  }
  return sum;
}

FRESHET_INLINE void four_sse(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d,
                             const int8_t* query, size_t n, int32_t* to) {
  const __m128i ab = _mm_hadd_epi32(sum_sse(a, query, n), sum_sse(b, query, n));
  const __m128i cd = _mm_hadd_epi32(sum_sse(c, query, n), sum_sse(d, query, n));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_hadd_epi32(ab, cd));
}
FRESHET_INLINE int32_t one_sse(const int8_t* a, const int8_t* query, size_t n) {
  __m128i s = sum_sse(a, query, n);
  s = _mm_hadd_epi32(s, s);
  return _mm_cvtsi128_si32(_mm_hadd_epi32(s, s));
}
FRESHET_INLINE void scan_sse(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                             size_t count, size_t n){FRESHET_OVER_ROWS(four_sse, one_sse)}
#define FRESHET_AVX2 __attribute__((target("arch=x86-64-v3")))
#define FRESHET_AVX2_INLINE inline __attribute__((always_inline, target("arch=x86-64-v3")))

FRESHET_AVX2_INLINE __m256i sum_avx2(const int8_t* row, const int8_t* query, size_t n) {
  __m256i sum = _mm256_setzero_si256();
  const __m256i ones = _mm256_set1_epi16(1);
  for (size_t i = 0; i < n; i += 32) {
    const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + i));
    const __m256i e = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(e, q));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
  }
  return sum;
}

FRESHET_AVX2_INLINE void four_avx2(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d,
                                   const int8_t* query, size_t n, int32_t* to) {
  const __m256i ab = _mm256_hadd_epi32(sum_avx2(a, query, n), sum_avx2(b, query, n));
  const __m256i cd = _mm256_hadd_epi32(sum_avx2(c, query, n), sum_avx2(d, query, n));
  const __m256i all = _mm256_hadd_epi32(ab, cd);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}
FRESHET_AVX2_INLINE int32_t one_avx2(const int8_t* a, const int8_t* query, size_t n) {
  const __m256i s = sum_avx2(a, query, n);
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  t = _mm_hadd_epi32(t, t);
  return _mm_cvtsi128_si32(_mm_hadd_epi32(t, t));
}
FRESHET_AVX2_INLINE void scan_avx2(const int8_t* rows, const uint32_t* which, const int8_t* query,
                                   int32_t* out, size_t count, size_t n) {
  FRESHET_OVER_ROWS(four_avx2, one_avx2)
}

#define FRESHET_VNNI_TARGET target("arch=x86-64-v4,avx512vnni")
#define FRESHET_VNNI __attribute__((FRESHET_VNNI_TARGET))
#define FRESHET_VNNI_INLINE inline __attribute__((always_inline, FRESHET_VNNI_TARGET))

// The instruction wants unsigned x signed: (e + 128) . q = e . q + 128 sum(q), and the last term is the
// query's.
FRESHET_VNNI_INLINE __m512i sum_vnni(const int8_t* row, const int8_t* query, size_t n) {
  __m512i sum = _mm512_setzero_si512();
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (size_t i = 0; i < n; i += 64)
    sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(_mm512_loadu_si512(row + i), flip),
                              _mm512_loadu_si512(query + i));
  return sum;
}

FRESHET_VNNI_INLINE __m128i fold_vnni(__m512i sums) {
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

FRESHET_VNNI_INLINE void four_vnni(const int8_t* a, const int8_t* b, const int8_t* c, const int8_t* d,
                                   const int8_t* query, size_t n, int32_t* to) {
  const __m512i sa = sum_vnni(a, query, n), sb = sum_vnni(b, query, n);
  const __m512i sc = sum_vnni(c, query, n), sd = sum_vnni(d, query, n);
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(sa, sb), _mm512_unpackhi_epi32(sa, sb));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(sc, sd), _mm512_unpackhi_epi32(sc, sd));
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), fold_vnni(all));
}
FRESHET_VNNI_INLINE int32_t one_vnni(const int8_t* a, const int8_t* query, size_t n) {
  __m128i t = fold_vnni(sum_vnni(a, query, n));
  t = _mm_hadd_epi32(t, t);
  return _mm_cvtsi128_si32(_mm_hadd_epi32(t, t));
}
FRESHET_VNNI_INLINE void scan_vnni(const int8_t* rows, const uint32_t* which, const int8_t* query,
                                   int32_t* out, size_t count, size_t n) {
  FRESHET_OVER_ROWS(four_vnni, one_vnni)
  int32_t offset = 0;
  for (size_t i = 0; i < n; ++i) offset += query[i];
  for (size_t i = 0; i < count; ++i) out[i] -= offset * 128;
}

#endif

}  // namespace

#if defined(__x86_64__)

void dot_int8_baseline(const int8_t* rows, const int8_t* query, int32_t* out, size_t count, size_t n) {
  scan_sse(rows, nullptr, query, out, count, n);
}
void dot_int8_at_baseline(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                          size_t count, size_t n) {
  scan_sse(rows, which, query, out, count, n);
}
FRESHET_AVX2 void dot_int8_avx2(const int8_t* rows, const int8_t* query, int32_t* out, size_t count,
                                size_t n) {
  scan_avx2(rows, nullptr, query, out, count, n);
}
FRESHET_AVX2 void dot_int8_at_avx2(const int8_t* rows, const uint32_t* which, const int8_t* query,
                                   int32_t* out, size_t count, size_t n) {
  scan_avx2(rows, which, query, out, count, n);
}
FRESHET_VNNI void dot_int8_vnni(const int8_t* rows, const int8_t* query, int32_t* out, size_t count,
                                size_t n) {
  if (n % 64 != 0) return dot_int8_avx2(rows, query, out, count, n);
  scan_vnni(rows, nullptr, query, out, count, n);
}
FRESHET_VNNI void dot_int8_at_vnni(const int8_t* rows, const uint32_t* which, const int8_t* query,
                                   int32_t* out, size_t count, size_t n) {
  if (n % 64 != 0) return dot_int8_at_avx2(rows, which, query, out, count, n);
  scan_vnni(rows, which, query, out, count, n);
}

#else

namespace {
void scan_plain(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out, size_t count,
                size_t n) {
  for (size_t r = 0; r < count; ++r) {
    const int8_t* row = row_at(rows, which, r, n);
    int32_t sum = 0;
    for (size_t i = 0; i < n; ++i) sum += row[i] * query[i];
    out[r] = sum;
  }
}
}  // namespace

void dot_int8_baseline(const int8_t* rows, const int8_t* query, int32_t* out, size_t count, size_t n) {
  scan_plain(rows, nullptr, query, out, count, n);
}
void dot_int8_at_baseline(const int8_t* rows, const uint32_t* which, const int8_t* query, int32_t* out,
                          size_t count, size_t n) {
  scan_plain(rows, which, query, out, count, n);
}

#endif

}  // namespace freshet
