#include "model/row_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "model/math.h"
#include "model/math_body.h"

#if defined(__x86_64__)
#ifndef __clang__  // GCC 12 believes its own AVX-512 headers read an undefined register.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#endif

namespace freshet {
namespace {

constexpr size_t kAhead = 8192;  // Bytes fetched before they are needed: best of 1 to 16 KiB on a Zen 5.
constexpr uint32_t kGroup = 16;  // Rows whose sums fold together.

// What stands kAhead bytes further on, in these rows or in those that follow them. Only ever fetched.
FRESHET_INLINE const char* ahead_of(const RowSpan& span, size_t at, size_t bytes) {
  const char* rows = static_cast<const char*>(span.rows);
  if (at + kAhead < bytes || span.next == nullptr) return rows + std::min(at + kAhead, bytes - 1);
  return static_cast<const char*>(span.next) + (at + kAhead - bytes);
}

FRESHET_INLINE uint32_t allowed_of(const RowSpan& span, uint32_t row, uint32_t rows) {
  const uint64_t word = span.allowed == nullptr ? ~uint64_t{0} : span.allowed[row / 64] >> (row % 64);
  return static_cast<uint32_t>(word) & ((1u << rows) - 1);
}

FRESHET_INLINE uint32_t name_above(uint32_t allowed, float bar, uint32_t first, const float* found,
                                   uint32_t count, uint32_t* names, float* scores) {
  for (; allowed != 0; allowed &= allowed - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(allowed));
    if (!(found[i] > bar)) continue;
    names[count] = first + i;
    scores[count++] = found[i];
  }
  return count;
}

FRESHET_INLINE float score_of(float dot, float scale, float factor) {
  return dot * (scale * factor) + 0.0f;
}

// bf16: W floats a register.
template <int W>
struct Halves {
  typedef uint16_t H __attribute__((vector_size(2 * W)));
  typedef uint32_t W32 __attribute__((vector_size(4 * W)));
};

// body::fold_add() in registers.
template <int W>
FRESHET_INLINE float fold_lanes(const typename body::Lanes<W>::F* s) {
  typename body::Lanes<4>::F four;
  if constexpr (W == 4) {
    four = (s[0] + s[2]) + (s[1] + s[3]);
  } else {
    typename body::Lanes<8>::F eight;
    if constexpr (W == 8) {
      eight = s[0] + s[1];
    } else {
      eight = __builtin_shufflevector(s[0], s[0], 0, 1, 2, 3, 4, 5, 6, 7) +
              __builtin_shufflevector(s[0], s[0], 8, 9, 10, 11, 12, 13, 14, 15);
    }
    four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  }
  return (four[0] + four[2]) + (four[1] + four[3]);
}

template <int W>
FRESHET_INLINE float dot_bf16(const uint16_t* row, const float* query, size_t n, const char* ahead) {
  using Half = typename Halves<W>::H;
  using Word = typename Halves<W>::W32;
  using F = typename body::Lanes<W>::F;
  constexpr int kParts = 16 / W;
  F sum[kParts] = {};
  for (size_t i = 0; i < n; i += 16) {
    if (ahead != nullptr && i % 32 == 0) __builtin_prefetch(ahead + 2 * i);
    for (int p = 0; p < kParts; ++p) {
      Half half;
      std::memcpy(&half, row + i + static_cast<size_t>(p) * W, sizeof(half));
      const Word word = __builtin_convertvector(half, Word) << 16;
      F x;
      std::memcpy(&x, &word, sizeof(x));
      sum[p] += x * body::load<W>(query + i + static_cast<size_t>(p) * W);
    }
  }
  return fold_lanes<W>(sum);
}

template <int W>
FRESHET_INLINE uint32_t above_bf16(const RowQuery& query, const RowSpan& span, float bar, uint32_t* names,
                                   float* scores) {
  const auto* rows = static_cast<const uint16_t*>(span.rows);
  const auto* values = static_cast<const float*>(query.values);
  const size_t row_bytes = 2 * size_t{query.n}, bytes = row_bytes * span.count;
  uint32_t count = 0;
  float found[kGroup];
  for (uint32_t row = 0; row < span.count; row += kGroup) {
    const uint32_t in = std::min(kGroup, span.count - row), allowed = allowed_of(span, row, in);
    if (allowed == 0) continue;
    for (uint32_t i = 0; i < in; ++i)
      found[i] = score_of(dot_bf16<W>(rows + size_t{row + i} * query.n, values, query.n,
                                      ahead_of(span, (row + i) * row_bytes, bytes)),
                          span.scale[row + i], query.factor);
    count = name_above(allowed, bar, span.first + row, found, count, names, scores);
  }
  return count;
}

constexpr uint32_t kRowsAhead = 8;  // Fetched before they are needed, when they lie anywhere.

template <int W>
FRESHET_INLINE void at_bf16(const RowQuery& query, const void* rows, const float* scale,
                            const uint32_t* which, uint32_t count, float* scores) {
  const auto* first = static_cast<const uint16_t*>(rows);
  for (uint32_t i = 0; i < count; ++i) {
    if (i + kRowsAhead < count) __builtin_prefetch(first + size_t{which[i + kRowsAhead]} * query.n);
    scores[i] = score_of(dot_bf16<W>(first + size_t{which[i]} * query.n,
                                     static_cast<const float*>(query.values), query.n, nullptr),
                         scale[which[i]], query.factor);
  }
}

// int8 by the kernels of math.h, whichever they are.
uint32_t above_int8_with(const Kernels& k, const RowQuery& query, const RowSpan& span, float bar,
                         uint32_t* names, float* scores) {
  const auto* rows = static_cast<const int8_t*>(span.rows);
  uint32_t count = 0;
  int32_t dots[kGroup];
  float found[kGroup];
  for (uint32_t row = 0; row < span.count; row += kGroup) {
    const uint32_t in = std::min(kGroup, span.count - row), allowed = allowed_of(span, row, in);
    if (allowed == 0) continue;
    const char* ahead = ahead_of(span, size_t{row} * query.n, size_t{span.count} * query.n);
    for (size_t at = 0; at < size_t{in} * query.n; at += 64) __builtin_prefetch(ahead + at);
    k.dot_int8(rows + size_t{row} * query.n, static_cast<const int8_t*>(query.values), dots, in, query.n);
    for (uint32_t i = 0; i < in; ++i)
      found[i] = score_of(static_cast<float>(dots[i]), span.scale[row + i], query.factor);
    count = name_above(allowed, bar, span.first + row, found, count, names, scores);
  }
  return count;
}

void at_int8_with(const Kernels& k, const RowQuery& query, const void* rows, const float* scale,
                  const uint32_t* which, uint32_t count, float* scores) {
  constexpr uint32_t kAtOnce = 256;
  int32_t dots[kAtOnce];
  for (uint32_t from = 0; from < count; from += kAtOnce) {
    const uint32_t in = std::min(kAtOnce, count - from);
    k.dot_int8_at(static_cast<const int8_t*>(rows), which + from, static_cast<const int8_t*>(query.values),
                  dots, in, query.n);
    for (uint32_t i = 0; i < in; ++i)
      scores[from + i] = score_of(static_cast<float>(dots[i]), scale[which[from + i]], query.factor);
  }
}

#define FRESHET_ROW_KERNELS(suffix, attribute, width, set)                                                  \
  attribute uint32_t above_bf16_##suffix(const RowQuery& query, const RowSpan& span, float bar,             \
                                         uint32_t* names, float* scores) {                                  \
    return above_bf16<width>(query, span, bar, names, scores);                                              \
  }                                                                                                         \
  attribute void at_bf16_##suffix(const RowQuery& query, const void* rows, const float* scale,              \
                                  const uint32_t* which, uint32_t count, float* scores) {                   \
    at_bf16<width>(query, rows, scale, which, count, scores);                                               \
  }                                                                                                         \
  uint32_t above_int8_##suffix(const RowQuery& query, const RowSpan& span, float bar, uint32_t* names,      \
                               float* scores) {                                                             \
    return above_int8_with(*all_kernels()[set], query, span, bar, names, scores);                           \
  }                                                                                                         \
  void at_int8_##suffix(const RowQuery& query, const void* rows, const float* scale, const uint32_t* which, \
                        uint32_t count, float* scores) {                                                    \
    at_int8_with(*all_kernels()[set], query, rows, scale, which, count, scores);                            \
  }                                                                                                         \
  constexpr RowKernels kBf16_##suffix = {#suffix, above_bf16_##suffix, at_bf16_##suffix};                   \
  constexpr RowKernels kInt8_##suffix = {#suffix, above_int8_##suffix, at_int8_##suffix};

FRESHET_ROW_KERNELS(baseline, , 4, 0)

#if defined(__x86_64__)

FRESHET_ROW_KERNELS(avx2, __attribute__((target("arch=x86-64-v3"))), 8, 1)
FRESHET_ROW_KERNELS(avx512, __attribute__((target("arch=x86-64-v4"))), 16, 2)

#define FRESHET_VNNI_TARGET target("arch=x86-64-v4,avx512vnni")
#define FRESHET_VNNI __attribute__((FRESHET_VNNI_TARGET))
#define FRESHET_VNNI_INLINE inline __attribute__((always_inline, FRESHET_VNNI_TARGET))

// Element r of each quarter: the sum over that quarter of s[r].
FRESHET_VNNI_INLINE __m512i fold_four(__m512i s0, __m512i s1, __m512i s2, __m512i s3) {
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

// Element 4 i + r: the sum of the quarters' elements r of s[i].
FRESHET_VNNI_INLINE __m512i fold_quarters(const __m512i* s) {
  const __m512i a =
      _mm512_add_epi32(_mm512_shuffle_i32x4(s[0], s[1], 0x88), _mm512_shuffle_i32x4(s[0], s[1], 0xdd));
  const __m512i b =
      _mm512_add_epi32(_mm512_shuffle_i32x4(s[2], s[3], 0x88), _mm512_shuffle_i32x4(s[2], s[3], 0xdd));
  return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
}

// The instruction wants unsigned x signed: (e + 128) . q = e . q + 128 sum(q); sums start at what that is
// too much.
FRESHET_VNNI_INLINE __m512i start_vnni(const int8_t* query, size_t n) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 64) sum = _mm512_dpbusd_epi32(sum, flip, _mm512_loadu_si512(query + i));
  return _mm512_sub_epi32(_mm512_setzero_si512(), sum);
}

FRESHET_VNNI_INLINE __m512i sum_vnni(const int8_t* row, const int8_t* query, size_t n, __m512i sum) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (size_t i = 0; i < n; i += 64)
    sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(_mm512_loadu_si512(row + i), flip),
                              _mm512_loadu_si512(query + i));
  return sum;
}

FRESHET_VNNI_INLINE float score_vnni(const RowQuery& query, const int8_t* row, float scale, __m512i start) {
  const auto* values = static_cast<const int8_t*>(query.values);
  const int32_t dot = _mm512_reduce_add_epi32(sum_vnni(row, values, query.n, start));
  return score_of(static_cast<float>(dot), scale, query.factor);
}

template <bool kOneLine>  // n is 64: the query stays in a register.
FRESHET_VNNI_INLINE uint32_t above_vnni(const RowQuery& query, const RowSpan& span, float bar,
                                        uint32_t* names, float* scores) {
  const auto* rows = static_cast<const int8_t*>(span.rows);
  const auto* values = static_cast<const int8_t*>(query.values);
  const size_t n = kOneLine ? 64 : query.n, bytes = n * span.count;
  const __m512i start = start_vnni(values, n);
  const __m512 factor = _mm512_set1_ps(query.factor), zero = _mm512_setzero_ps();
  const __m512 limit = _mm512_set1_ps(bar);
  const __m512i counting = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  float all[kGroup];
  uint32_t count = 0, row = 0;
  for (; row + kGroup <= span.count; row += kGroup) {
    const uint32_t allowed = allowed_of(span, row, kGroup);
    if (allowed == 0) continue;
    const int8_t* at = rows + row * n;
    const char* ahead = ahead_of(span, row * n, bytes);
    if (span.next_scale != nullptr) __builtin_prefetch(span.next_scale + row);
    __m512i fours[4];
#pragma GCC unroll 4
    for (uint32_t f = 0; f < 4; ++f) {
      __m512i sums[4];
#pragma GCC unroll 4
      for (uint32_t i = 0; i < 4; ++i) {
        const size_t to = (4 * f + i) * n;
        for (size_t line = 0; line < n; line += 64) __builtin_prefetch(ahead + to + line);
        sums[i] = sum_vnni(at + to, values, n, start);
        // Keeps the compiler from asking for 16 lines at once, which the memory answers a fifth more slowly.
        asm volatile("" ::: "memory");
      }
      fours[f] = fold_four(sums[0], sums[1], sums[2], sums[3]);
    }
    const __m512 scale = _mm512_mul_ps(_mm512_loadu_ps(span.scale + row), factor);
    const __m512 found = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(fold_quarters(fours)), scale), zero);
    const uint32_t hits = _mm512_cmp_ps_mask(found, limit, _CMP_GT_OQ) & allowed;
    // Always written, without a branch that a hit could mislead: one would cost as much as 30 rows.
    const auto mask = static_cast<__mmask16>(hits);
    const __m512i called =
        _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(span.first + row)), counting);
    _mm512_storeu_ps(scores + count, _mm512_maskz_compress_ps(mask, found));
    _mm512_storeu_si512(names + count, _mm512_maskz_compress_epi32(mask, called));
    count += static_cast<uint32_t>(std::popcount(hits));
  }
  if (row == span.count) return count;
  const uint32_t in = span.count - row;
  for (uint32_t i = 0; i < in; ++i)
    all[i] = score_vnni(query, rows + (row + i) * n, span.scale[row + i], start);
  return name_above(allowed_of(span, row, in), bar, span.first + row, all, count, names, scores);
}

FRESHET_VNNI uint32_t above_int8_vnni(const RowQuery& query, const RowSpan& span, float bar, uint32_t* names,
                                      float* scores) {
  return query.n == 64 ? above_vnni<true>(query, span, bar, names, scores)
                       : above_vnni<false>(query, span, bar, names, scores);
}

FRESHET_VNNI void at_int8_vnni(const RowQuery& query, const void* rows, const float* scale,
                               const uint32_t* which, uint32_t count, float* scores) {
  const auto* first = static_cast<const int8_t*>(rows);
  const auto* values = static_cast<const int8_t*>(query.values);
  const __m512i start = start_vnni(values, query.n);
  for (uint32_t i = 0; i < count; ++i) {
    if (i + kRowsAhead < count) __builtin_prefetch(first + size_t{which[i + kRowsAhead]} * query.n);
    scores[i] = score_vnni(query, first + size_t{which[i]} * query.n, scale[which[i]], start);
  }
}

constexpr RowKernels kInt8_vnni = {"avx512vnni", above_int8_vnni, at_int8_vnni};

#endif

struct Supported {
  const RowKernels* int8[4] = {&kInt8_baseline};
  const RowKernels* bf16[3] = {&kBf16_baseline};
  size_t int8_count = 1, bf16_count = 1;
  Supported() {
#if defined(__x86_64__)
    const size_t sets = all_kernels().size();  // baseline, avx2, avx512, avx512vnni: as many as the CPU runs
    if (sets > 1) int8[int8_count++] = &kInt8_avx2, bf16[bf16_count++] = &kBf16_avx2;
    if (sets > 2) int8[int8_count++] = &kInt8_avx512, bf16[bf16_count++] = &kBf16_avx512;
    if (sets > 3) int8[int8_count++] = &kInt8_vnni;
#endif
  }
};

}  // namespace

std::span<const RowKernels* const> all_row_kernels(RowType type) {
  static const Supported found;
  if (type == RowType::kInt8) return {found.int8, found.int8_count};
  return {found.bf16, found.bf16_count};
}

const RowKernels& row_kernels(RowType type) {
  static const RowKernels& int8 = *all_row_kernels(RowType::kInt8).back();
  static const RowKernels& bf16 = *all_row_kernels(RowType::kBf16).back();
  return type == RowType::kInt8 ? int8 : bf16;
}

float row_score_slowly(RowType type, const RowQuery& query, const void* row, float scale) {
  if (type == RowType::kInt8) {
    int32_t dot = 0;
    for (uint32_t i = 0; i < query.n; ++i)
      dot += static_cast<const int8_t*>(row)[i] * static_cast<const int8_t*>(query.values)[i];
    return score_of(static_cast<float>(dot), scale, query.factor);
  }
  float lane[16] = {};
  for (uint32_t i = 0; i < query.n; ++i)
    lane[i % 16] +=
        from_bf16(static_cast<const uint16_t*>(row)[i]) * static_cast<const float*>(query.values)[i];
  return score_of(body::fold_add(lane), scale, query.factor);
}

Result<RowType> parse_row_type(std::string_view text) {
  if (text == "int8") return RowType::kInt8;
  if (text == "bf16") return RowType::kBf16;
  return invalid("expected int8 or bf16");
}

uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(uint16_t x) {
  return std::bit_cast<float>(uint32_t{x} << 16);
}

}  // namespace freshet
