#include "model/row_scan.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace freshet {
namespace {

struct Rows {
  std::vector<char> values;
  std::vector<float> scale;
  std::vector<char> query;
};

Rows made_up(RowType type, uint32_t count, uint32_t n) {
  Draw draw(mix64(count, n));
  Rows rows;
  rows.values.resize(size_t{count} * n * row_element_bytes(type));
  for (size_t i = 0; i < size_t{count} * n; ++i) {
    if (type == RowType::kInt8) {
      reinterpret_cast<int8_t*>(rows.values.data())[i] =
          static_cast<int8_t>(static_cast<int>(draw.below(255)) - 127);
    } else {
      reinterpret_cast<uint16_t*>(rows.values.data())[i] = to_bf16(static_cast<float>(draw.uniform()) - 0.5f);
    }
  }
  for (uint32_t i = 0; i < count; ++i) rows.scale.push_back(0.01f + static_cast<float>(draw.uniform()));
  rows.query.resize(type == RowType::kInt8 ? n : 4 * n);
  for (uint32_t i = 0; i < n; ++i) {
    if (type == RowType::kInt8) {
      rows.query[i] = static_cast<char>(static_cast<int>(draw.below(255)) - 127);
    } else {
      reinterpret_cast<float*>(rows.query.data())[i] = static_cast<float>(draw.uniform()) - 0.5f;
    }
  }
  return rows;
}

TEST(RowScan, EveryKernelEqualsTheTwin) {
  for (const RowType type : {RowType::kInt8, RowType::kBf16})
    for (const uint32_t n : {64u, 128u, 192u, 4096u})
      for (const uint32_t count : {1u, 15u, 16u, 17u, 40u, 256u}) {
        if (size_t{n} * count > 200'000) continue;
        const Rows rows = made_up(type, count, n);
        const RowQuery query = {rows.query.data(), n, 0.37f};
        std::vector<float> want;
        for (uint32_t i = 0; i < count; ++i)
          want.push_back(row_score_slowly(
              type, query, rows.values.data() + size_t{i} * n * row_element_bytes(type), rows.scale[i]));
        std::vector<uint64_t> mask((count + 63) / 64);
        for (uint32_t i = 0; i < count; i += 3) mask[i / 64] |= uint64_t{1} << (i % 64);
        for (const RowKernels* kernels : all_row_kernels(type)) {
          SCOPED_TRACE(std::string(kernels->name) + " n " + std::to_string(n) + " count " +
                       std::to_string(count));
          std::vector<uint32_t> which;
          for (uint32_t i = 0; i < 2 * count; ++i) which.push_back(i * 7 % count);
          std::vector<float> at(which.size());
          kernels->at(query, rows.values.data(), rows.scale.data(), which.data(),
                      static_cast<uint32_t>(which.size()), at.data());
          for (size_t i = 0; i < which.size(); ++i) ASSERT_EQ(at[i], want[which[i]]);
          for (const uint64_t* allowed : std::initializer_list<const uint64_t*>{nullptr, mask.data()})
            for (const float bar : {-HUGE_VALF, want[count / 2], HUGE_VALF}) {
              const RowSpan span = {rows.values.data(), rows.scale.data(), count, 1000, allowed};
              std::vector<uint32_t> names(count + kRowSlack);
              std::vector<float> scores(count + kRowSlack);
              names.resize(kernels->above(query, span, bar, names.data(), scores.data()));
              std::vector<uint32_t> expected;
              for (uint32_t i = 0; i < count; ++i)
                if (want[i] > bar && (allowed == nullptr || i % 3 == 0)) expected.push_back(1000 + i);
              ASSERT_EQ(names, expected);
              for (size_t i = 0; i < names.size(); ++i) ASSERT_EQ(scores[i], want[names[i] - 1000]);
            }
        }
      }
}

TEST(RowScan, Bf16IsTheNearerNeighbour) {
  const struct {
    float x, want;
  } rows[] = {{0, 0},
              {1, 1},
              {-1.5f, -1.5f},
              {1 + 0x1p-9f, 1},
              {1 + 0x1.8p-8f, 1 + 0x1p-7f},
              {1 + 0x1p-8f, 1},
              {1 + 0x1.8p-7f, 1 + 0x1p-6f},
              {-0x1p-126f, -0x1p-126f}};
  for (const auto& row : rows) EXPECT_EQ(from_bf16(to_bf16(row.x)), row.want) << row.x;
}

}  // namespace
}  // namespace freshet
