#include "gtest/gtest.h"
#include "runtime/base/file.h"
#include "runtime/nn/hf_config.h"
#include "runtime/nn/param_spec.h"

namespace perdure {
namespace {

TEST(StoriesConfigTest, ModelHasAllItsParameters) {
  const auto json = ReadFile(PERDURE_DATA_DIR "/stories260K/hf/config.json");
  ASSERT_TRUE(json.ok()) << json.status();
  const auto model = ModelConfigFromHf(*json);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->head_dim(), 8);
  EXPECT_EQ(CountParams(ModelParams(*model)), 260032);
}

}  // namespace
}  // namespace perdure
