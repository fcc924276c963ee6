// Threads that work side by side and wait for each other.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

inline void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until the number has changed: awake for some microseconds, then asleep, so that a busy machine is not held up.
inline void wait_while(std::atomic<uint32_t>& number, uint32_t old) {
  for (int i = 0; i < 4000; i++) {
    if (number.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  number.wait(old, std::memory_order_acquire);
}

class Team {
 public:
  explicit Team(int size) : size(size) {
    try {
      for (int t = 1; t < size; t++) threads.emplace_back([this, t] { serve(t); });
    } catch (...) {  // the machine gives no more threads
      dismiss();
      throw;
    }
  }
  ~Team() { dismiss(); }

  // Calls f(thread) on all threads at once.
  template <class F>
  void run(F f) {
    task = [](void* g, int t) { (*static_cast<F*>(g))(t); };
    argument = &f;
    begin();
    f(0);
    meet();
  }

  // Nobody goes on before all are here.
  void meet() {
    if (size == 1) return;
    const uint32_t turn = turns.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) == size - 1) {
      arrived.store(0, std::memory_order_relaxed);
      turns.fetch_add(1, std::memory_order_release);
      turns.notify_all();
    } else {
      wait_while(turns, turn);
    }
  }

  const int size;

 private:
  void dismiss() {
    task = nullptr;
    begin();
    for (auto& thread : threads) thread.join();
  }
  void begin() {
    calls.fetch_add(1, std::memory_order_release);
    calls.notify_all();
  }
  void serve(int t) {
    for (uint32_t seen = 0;; seen++) {
      wait_while(calls, seen);
      if (!task) return;
      task(argument, t);
      meet();
    }
  }

  std::vector<std::thread> threads;
  std::atomic<uint32_t> calls{0}, turns{0};
  std::atomic<int> arrived{0};
  void (*task)(void*, int) = nullptr;
  void* argument = nullptr;
};
