// Runs Fons Adriaensen's zita-convolver on request, and says what processor time that took.
//
//     zita_convolver INPUT TAPS OUTPUT N_CHANNELS N_TAPS BLOCK N_BLOCKS DENSE
//
// INPUT and OUTPUT are planar 32-bit floats (N_BLOCKS * BLOCK frames a channel); TAPS holds the
// filters of all paths: one a channel, or with DENSE = 1 those of output 0 from all inputs, and so on.
// For every line on stdin, the input is processed once; the seconds of processor time, of all
// threads, are printed. The engine keeps its state in between, like a stream.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include <sched.h>
#include <unistd.h>
#include <zita-convolver.h>

static double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static std::vector<float> read_floats(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  std::vector<float> values(ftell(file) / sizeof(float));
  rewind(file);
  if (fread(values.data(), sizeof(float), values.size(), file) != values.size()) exit(1);
  fclose(file);
  return values;
}

int main(int argc, char **argv) {
  if (argc != 9) return 2;
  const int channels = atoi(argv[4]), n_taps = atoi(argv[5]), block = atoi(argv[6]);
  const int n_blocks = atoi(argv[7]);
  const bool dense = atoi(argv[8]);
  const long n = (long)block * n_blocks;
  std::vector<float> x = read_floats(argv[1]), taps = read_floats(argv[2]), y(n * channels);

  Convproc engine;
  engine.set_options(Convproc::OPT_FFTW_MEASURE | Convproc::OPT_VECTOR_MODE);
  const int smallest = block > Convproc::MINPART ? block : Convproc::MINPART;
  if (engine.configure(channels, channels, n_taps, block, smallest, Convproc::MAXPART,
                       dense ? 1.0f : 0.0f)) {
    fprintf(stderr, "zita-convolver refuses this configuration\n");
    return 1;
  }
  float *h = taps.data();
  for (int o = 0; o < channels; o++)
    for (int i = 0; i < channels; i++)
      if (dense || i == o) {
        engine.impdata_create(i, o, 1, h, 0, n_taps);
        h += n_taps;
      }
  engine.start_process(0, SCHED_OTHER);
  usleep(200000);  // until every thread waits for work
  printf("ready\n");
  fflush(stdout);

  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    const double start = cpu_seconds();
    for (long b = 0; b < n_blocks; b++) {
      for (int c = 0; c < channels; c++)
        memcpy(engine.inpdata(c), &x[c * n + b * block], block * sizeof(float));
      engine.process(true);
      for (int c = 0; c < channels; c++)
        memcpy(&y[c * n + b * block], engine.outdata(c), block * sizeof(float));
    }
    const double used = cpu_seconds() - start;
    if (FILE *file = fopen(argv[3], "wb")) {
      fwrite(y.data(), sizeof(float), y.size(), file);
      fclose(file);
    }
    printf("%.9f\n", used);
    fflush(stdout);
  }
  engine.stop_process();
  engine.cleanup();
  return 0;
}
