// Stored vectors against one query: what each row scores, and which rows score above a bar.
//
//   int8   dot = sum of row[i] * query[i], exact; elements within [-127, 127]
//   bf16   row[i] is the upper half of a float, query[i] a float; multiplied and added in the order of
//          Kernels::dot (16 virtual lanes, nothing contracted)
//   score  dot * (scale of the row * factor of the query) + 0
//
// So scores have the same bits on every CPU. Rows lie side by side, n elements each (a multiple of 64).
// Threads: any. Cost: the speed of memory when rows are read in order (bench/vector_bench).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace freshet {

enum class RowType : uint8_t { kInt8, kBf16 };
Result<RowType> parse_row_type(std::string_view text);  // "int8", "bf16"

constexpr uint32_t kRowSlack = 16;

constexpr size_t row_element_bytes(RowType type) {
  return type == RowType::kInt8 ? 1 : 2;
}

struct RowQuery {
  const void* values = nullptr;  // int8[n] or float[n]
  uint32_t n = 0;
  float factor = 0;
};

// Rows that lie together.
struct RowSpan {
  const void* rows = nullptr;
  const float* scale = nullptr;  // [count]
  uint32_t count = 0;
  uint32_t first = 0;                 // What row 0 is called in the answer; row i is first + i.
  const uint64_t* allowed = nullptr;  // Bit i: row i may be named. nullptr: every row.
  // What will be read after these rows, to be fetched ahead; nullptr: nothing.
  const void* next = nullptr;
  const float* next_scale = nullptr;
};

struct RowKernels {
  const char* name;
  // Writes the allowed rows with score > bar, ascending, and their scores (each with room for `count` and
  // kRowSlack more); returns how many.
  uint32_t (*above)(const RowQuery& query, const RowSpan& span, float bar, uint32_t* found, float* scores);
  // scores[i] of the row that starts at rows + which[i] * n elements and has scale[which[i]].
  void (*at)(const RowQuery& query, const void* rows, const float* scale, const uint32_t* which,
             uint32_t count, float* scores);
};

const RowKernels& row_kernels(RowType type);                       // The fastest this CPU runs.
std::span<const RowKernels* const> all_row_kernels(RowType type);  // Slowest first: for tests.
float row_score_slowly(RowType type, const RowQuery& query, const void* row, float scale);  // Their twin.

// bf16: the nearer of the two neighbours, ties to even (so zeros stay zeros). x is finite.
uint16_t to_bf16(float x);
float from_bf16(uint16_t x);

}  // namespace freshet
