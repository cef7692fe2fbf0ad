// Epoch-based reclamation: how request threads read state that the fold thread is changing, without waiting.
//
// A reader holds an EpochGuard while it follows pointers published by the writer. The writer replaces what a
// pointer names (copy, change, store-release), and hands the old object to a RetireList; it is freed once
// every guard that was held at that moment is gone. Readers never wait and never retry; the writer never
// waits either.
//
//   reader:  EpochGuard guard; const Row* row = table.find(key); use(row);      // row lives as long as guard
//   writer:  Row* next = new Row(*old); ...; slot.store(next, release); retired.retire(old);
//
// Small values that change in place are std::atomic words instead (relaxed loads and stores: plain moves on
// x86). Source: Fraser 2004, "Practical lock-freedom", section 5.2.3. Cost: a guard is one uncontended
// seq_cst store. Threads: guards on any thread (at most kReaders threads at once), nested freely; a
// RetireList belongs to one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

namespace freshet {

class EpochGuard {
 public:
  EpochGuard();
  ~EpochGuard();
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
};

class RetireList {
 public:
  RetireList() = default;
  ~RetireList();  // Frees everything: no reader may be left (the owner of the structure guarantees it).
  RetireList(const RetireList&) = delete;
  RetireList& operator=(const RetireList&) = delete;

  template <class T>
  void retire(T* object) {
    if (object != nullptr)
      add(const_cast<std::remove_const_t<T>*>(object), [](void* p) { delete static_cast<T*>(p); });
  }
  void add(void* object, void (*free)(void*));
  void reclaim();  // Frees what no reader can see any more. add() calls it now and then.
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Entry {
    void* object;
    void (*free)(void*);
    uint64_t epoch;
  };
  std::deque<Entry> waiting_;
};

}  // namespace freshet
