// windows <bin file> <widen|copy> <threads> <seconds>: the limits of the machine. `widen` copies random windows of 2,048 uint16
// tokens from a memory map to x and y as int32, 32 per batch; `copy` keeps them uint16.
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { LENGTH = 2048, BATCH = 32 };
static const uint16_t *tokens;
static size_t windows;
static const char *kind;
static double seconds;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void *work(void *argument) {
  uint64_t state = 0x9e3779b97f4a7c15u * (1 + (uintptr_t)argument);
  int32_t *x = aligned_alloc(64, BATCH * LENGTH * 4), *y = aligned_alloc(64, BATCH * LENGTH * 4);
  memset(x, 1, BATCH * LENGTH * 4);
  memset(y, 1, BATCH * LENGTH * 4);
  size_t batches = 0;
  double end = now() + seconds;
  do {
    for (int k = 0; k < BATCH; k++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const uint16_t *window = tokens + (state >> 33) % windows * LENGTH;
      if (kind[0] == 'w') {
        for (int i = 0; i < LENGTH; i++) x[k * LENGTH + i] = window[i];
        for (int i = 0; i < LENGTH; i++) y[k * LENGTH + i] = window[i + 1];
      } else {
        memcpy((uint16_t *)x + k * LENGTH, window, LENGTH * 2);
        memcpy((uint16_t *)y + k * LENGTH, window + 1, LENGTH * 2);
      }
    }
    __asm__ volatile("" : : "r"(x), "r"(y) : "memory");
    batches++;
  } while (now() < end);
  return (void *)(batches * BATCH * LENGTH);
}

int main(int count, char **arguments) {
  if (count != 5) return 2;
  kind = arguments[2];
  int threads = atoi(arguments[3]);
  seconds = atof(arguments[4]);
  int file = open(arguments[1], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) return perror(arguments[1]), 1;
  tokens = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, file, 0);
  windows = (status.st_size / 2 - 1) / LENGTH;
  // Fills the page tables first; otherwise a run of one second would measure that.
  volatile uint16_t sum = 0;
  for (size_t i = 0; i < (size_t)status.st_size / 2; i += 2048) sum += tokens[i];
  pthread_t handles[64];
  double started = now(), before = cpu();
  size_t amount = 0;
  for (int t = 0; t < threads; t++) pthread_create(&handles[t], NULL, work, (void *)(uintptr_t)t);
  for (int t = 0; t < threads; t++) {
    void *done;
    pthread_join(handles[t], &done);
    amount += (size_t)done;
  }
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  printf("{\"amount\": %zu, \"seconds\": %f, \"cpuSeconds\": %f, \"peakMiB\": %f}\n", amount, now() - started,
         cpu() - before, u.ru_maxrss / 1024.0);
}
