#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "runtime/config/config.h"

namespace perdure {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void SetToDefault(const FieldDescriptor* field, Message* message) {
  const Reflection* r = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return r->SetInt32(message, field, field->default_value_int32());
    case FieldDescriptor::CPPTYPE_UINT64:
      return r->SetUInt64(message, field, field->default_value_uint64());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r->SetDouble(message, field, field->default_value_double());
    case FieldDescriptor::CPPTYPE_BOOL:
      return r->SetBool(message, field, field->default_value_bool());
    case FieldDescriptor::CPPTYPE_ENUM:
      return r->SetEnum(message, field, field->default_value_enum());
    default:
      return;  // strings and messages have no declared defaults
  }
}

// Writes out the constant defaults too: a stored resolved config then means the
// same after a later version of Perdure has changed one.
void FillDeclaredDefaults(Message* message) {
  const auto* descriptor = message->GetDescriptor();
  const Reflection* reflection = message->GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      FillDeclaredDefaults(reflection->MutableMessage(message, field));
    } else if (field->has_default_value() &&
               !reflection->HasField(*message, field)) {
      SetToDefault(field, message);
    }
  }
}

const char* DefaultActivation(absl::string_view family) {
  if (family == "opt") return "relu";
  if (family == "llama") return "silu";
  return "gelu_tanh";
}

// The projections of queries and values (Hu et al. 2021, section 4.2; MeZO).
// GPT-2 has one matrix for queries, keys and values.
void ResolveLora(absl::string_view family, LoraConfig* lora) {
  if (!lora->targets().empty()) return;
  if (family == "gpt2") {
    lora->add_targets("c_attn");
    return;
  }
  lora->add_targets("q_proj");
  lora->add_targets("v_proj");
}

// Before the declared defaults, which are AdamW's: MeZO's own (Malladi et al.
// 2023, tables 15 and 16: a constant rate, no decay).
void ResolveZerothOrder(RunConfig* config) {
  OptimConfig* optim = config->mutable_optim();
  if (!optim->has_lr()) optim->set_lr(1e-6);
  if (!optim->has_schedule()) optim->set_schedule(OptimConfig::CONSTANT);
  if (!optim->has_weight_decay()) optim->set_weight_decay(0);
}

void ResolveOptim(const TrainConfig& train, OptimConfig* optim) {
  if (!optim->has_min_lr()) optim->set_min_lr(optim->lr() / 10);
  if (!optim->has_decay_steps() && train.has_steps()) {
    optim->set_decay_steps(train.steps());
  }
  if (!optim->has_wsd_decay_steps() && optim->has_decay_steps()) {
    optim->set_wsd_decay_steps(std::max(1, optim->decay_steps() / 10));
  }
}

}  // namespace

ModelConfig ResolveModelConfig(const ModelConfig& model) {
  ModelConfig resolved = model;
  const bool llama = model.family() == "llama";
  const bool had_rope_theta = model.has_rope_theta();
  FillDeclaredDefaults(&resolved);
  // Their presence says that there are any.
  if (!model.has_lora()) resolved.clear_lora();
  if (!model.has_prefix()) resolved.clear_prefix();
  // A rotary base would puzzle the reader of a model without rotation.
  if (!llama && !had_rope_theta) resolved.clear_rope_theta();
  if (model.has_heads()) {
    if (!model.has_kv_heads()) resolved.set_kv_heads(model.heads());
    if (!model.has_head_dim() && model.has_hidden() && model.heads() > 0) {
      resolved.set_head_dim(model.hidden() / model.heads());
    }
  }
  if (!model.has_ffn_hidden() && !llama && model.has_hidden()) {
    resolved.set_ffn_hidden(4 * model.hidden());
  }
  if (!model.has_family()) return resolved;
  if (!model.has_tie_embeddings()) resolved.set_tie_embeddings(!llama);
  if (!model.has_qkv_bias()) resolved.set_qkv_bias(!llama);
  if (!model.has_activation()) {
    resolved.set_activation(DefaultActivation(model.family()));
  }
  if (model.has_lora()) ResolveLora(model.family(), resolved.mutable_lora());
  return resolved;
}

RunConfig ResolveConfig(const RunConfig& config) {
  RunConfig resolved = config;
  if (config.train().method() == TrainConfig::ZEROTH_ORDER) {
    ResolveZerothOrder(&resolved);
  }
  FillDeclaredDefaults(&resolved);
  // Its presence says that there is one.
  if (!config.has_task()) resolved.clear_task();
  *resolved.mutable_model() = ResolveModelConfig(config.model());
  TrainConfig* train = resolved.mutable_train();
  if (!train->has_micro_batch() && train->has_global_batch()) {
    train->set_micro_batch(train->global_batch());
  }
  if (!train->has_sequence_length() && resolved.model().has_context()) {
    train->set_sequence_length(resolved.model().context());
  }
  ResolveOptim(*train, resolved.mutable_optim());
  ResilienceConfig* resilience = resolved.mutable_resilience();
  if (!resilience->has_rebalance()) {
    resilience->set_rebalance(train->method() == TrainConfig::ZEROTH_ORDER);
  }
  return resolved;
}

}  // namespace perdure
