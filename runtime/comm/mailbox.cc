#include "runtime/comm/mailbox.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace perdure {
namespace {

constexpr uint64_t kEagerBytes = 64 << 10;  // as MpiSession sets for OpenMPI

}  // namespace

std::shared_ptr<Transfer> Mailbox::PopFront(Queues& queues,
                                            const Transfer::Key& key) {
  const auto found = queues.find(key);
  if (found == queues.end()) return nullptr;
  std::shared_ptr<Transfer> first = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) queues.erase(found);
  return first;
}

void Mailbox::Deliver(Transfer& send, Transfer& receive) {
  if (send.bytes == receive.bytes) {
    if (send.bytes > 0) std::memcpy(receive.target, send.source, send.bytes);
  } else {
    receive.status = absl::InternalError(
        absl::StrCat("the message has ", send.bytes, " bytes, the receiver ",
                     "expects ", receive.bytes));
    if (!send.done) send.status = receive.status;
  }
  send.done = true;
  receive.done = true;
  changed_.notify_all();
}

std::shared_ptr<Transfer> Mailbox::Send(const Transfer::Key& key,
                                        const void* data, uint64_t bytes) {
  auto send = std::make_shared<Transfer>();
  send->key = key;
  send->source = data;
  send->bytes = bytes;
  std::lock_guard<std::mutex> lock(mutex_);
  if (const auto receive = PopFront(receives_, key)) {
    Deliver(*send, *receive);
    return send;
  }
  if (bytes <= kEagerBytes) {
    const char* begin = static_cast<const char*>(data);
    send->copy.assign(begin, begin + bytes);
    send->source = send->copy.data();
    send->done = true;
  }
  sends_[key].push_back(send);
  return send;
}

std::shared_ptr<Transfer> Mailbox::Receive(const Transfer::Key& key, void* data,
                                           uint64_t bytes) {
  auto receive = std::make_shared<Transfer>();
  receive->key = key;
  receive->target = data;
  receive->bytes = bytes;
  std::lock_guard<std::mutex> lock(mutex_);
  if (const auto send = PopFront(sends_, key)) {
    Deliver(*send, *receive);
  } else {
    receives_[key].push_back(receive);
  }
  return receive;
}

bool Mailbox::Wait(const Transfer& transfer, const Deadline& deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_until(lock, deadline.time(),
                      [&] { return transfer.done || board_->failed(); });
  return transfer.done;
}

bool Mailbox::Done(const Transfer& transfer) {
  std::lock_guard<std::mutex> lock(mutex_);
  return transfer.done;
}

void Mailbox::Cancel(const std::shared_ptr<Transfer>& transfer) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Queues* queues : {&sends_, &receives_}) {
    const auto found = queues->find(transfer->key);
    if (found == queues->end()) continue;
    std::erase(found->second, transfer);
    if (found->second.empty()) queues->erase(found);
  }
}

void Mailbox::WakeAll() {
  // The lock orders the report before the next look of every waiter.
  std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_all();
}

}  // namespace perdure
