// jpeg <library> <seconds> <threads> <files …>: decodes whole JPEGs to RGB with libjpeg-turbo and nothing else.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static void *(*tj3Init)(int);
static int (*tj3DecompressHeader)(void *, const unsigned char *, size_t);
static int (*tj3Decompress8)(void *, const unsigned char *, size_t, unsigned char *, int, int);
static unsigned char *bytes[4096];
static size_t sizes[4096];
static int files;
static double seconds;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void *work(void *argument) {
  void *handle = tj3Init(1);
  unsigned char *pixels = malloc(64 << 20);
  size_t images = 0;
  double end = now() + seconds;
  for (int k = (int)(size_t)argument; now() < end; k++) {
    int i = k % files;
    if (tj3DecompressHeader(handle, bytes[i], sizes[i]) != 0 ||
        tj3Decompress8(handle, bytes[i], sizes[i], pixels, 0, 0) != 0) {
      fprintf(stderr, "file %d cannot be decoded\n", i);
      exit(1);
    }
    images++;
  }
  return (void *)images;
}

int main(int count, char **arguments) {
  if (count < 5) return 2;
  void *library = dlopen(arguments[1], RTLD_NOW);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  *(void **)&tj3Init = dlsym(library, "tj3Init");
  *(void **)&tj3DecompressHeader = dlsym(library, "tj3DecompressHeader");
  *(void **)&tj3Decompress8 = dlsym(library, "tj3Decompress8");
  seconds = atof(arguments[2]);
  int threads = atoi(arguments[3]);
  for (int i = 4; i < count && files < 4096; i++) {
    FILE *file = fopen(arguments[i], "rb");
    if (!file) return perror(arguments[i]), 1;
    bytes[files] = malloc(16 << 20);
    sizes[files] = fread(bytes[files], 1, 16 << 20, file);
    files++;
    fclose(file);
  }
  pthread_t handles[64];
  double started = now();
  size_t amount = 0;
  for (int t = 0; t < threads; t++) pthread_create(&handles[t], NULL, work, (void *)(size_t)(t * 7));
  for (int t = 0; t < threads; t++) {
    void *done;
    pthread_join(handles[t], &done);
    amount += (size_t)done;
  }
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  double cpu = u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
  printf("{\"amount\": %zu, \"seconds\": %f, \"cpuSeconds\": %f, \"peakMiB\": %f}\n", amount, now() - started, cpu,
         u.ru_maxrss / 1024.0);
}
